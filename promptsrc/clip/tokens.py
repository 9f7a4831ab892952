"""Texts and class names as CLIP's token ids. Imports no PyTorch: a wrong name is said at once."""

from collections.abc import Sequence

from promptsrc.clip.package import modules_alone

with modules_alone():
    from clip.simple_tokenizer import SimpleTokenizer

MARKS = ("<|startoftext|>", "<|endoftext|>")  # of where a text starts and ends

tokenizer = SimpleTokenizer()


def token_ids(text: str, length: int = 77) -> list[int]:
    """CLIP's token ids of a text between its marks.

    Args:
        length: positions of the text tower, of OpenAI's and most others 77.

    Raises:
        ValueError: the text is longer; names it.
    """
    start, end = (tokenizer.encoder[mark] for mark in MARKS)
    ids = [start, *tokenizer.encode(text), end]
    if len(ids) > length:
        raise ValueError(
            f"text {text!r} is longer than CLIP's {length} tokens; shorten the class name "
            "or the context"
        )
    return ids


def readable(classname: str) -> str:
    """A class name as it stands in a text: with spaces for underscores, otherwise unchanged."""
    return classname.replace("_", " ")


def name_tokens(classname: str) -> tuple[int, ...]:
    """CLIP's token ids of a class name alone; names with the same ids are one name to CLIP."""
    return tuple(tokenizer.encode(readable(classname)))


def same_names(some: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two lists name the same classes in the same order, as CLIP reads names."""
    return [*map(name_tokens, some)] == [*map(name_tokens, others)]
