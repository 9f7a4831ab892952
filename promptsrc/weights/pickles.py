"""Pickles from outside: a check before unpickling, and what PyTorch says of a class it refuses."""

import pickle
import pickletools
import re

# in PyTorch's message, whose next sentences advise loading the file unsafely
REFUSED = re.compile(r"[Uu]nsupported (?:global: |class: )?(?:GLOBAL )?([\w.]+)")


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
