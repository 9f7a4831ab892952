"""What has to be seen to before a pickle is read, besides the classes that it may name."""

import pickle
import pickletools


def check_memo(content: bytes) -> None:
    """See that a few bytes do not ask for all memory: Python makes a list as long as the largest number that objects are put aside under.

    Raises:
        pickle.UnpicklingError: they do. (And what `pickletools` raises, of damaged bytes.)
    """
    for code, place, _ in pickletools.genops(content):
        if "PUT" in code.name and int(place) > len(content):
            raise pickle.UnpicklingError(f"it puts {place} objects aside")
