"""A check to run before unpickling, besides the one of the classes that a pickle names."""

import pickle
import pickletools


def check_memo(content: bytes) -> None:
    """Refuse a pickle that would take all memory.

    Unpickling stores objects in a list, at the index that the pickle asks for.

    Raises:
        pickle.UnpicklingError: the index is larger than the pickle itself.
        ValueError, IndexError: `pickletools` cannot read the bytes.
    """
    for code, index, _ in pickletools.genops(content):
        if "PUT" in code.name and index is not None and int(index) > len(content):
            raise pickle.UnpicklingError(f"it stores an object at index {index}")
