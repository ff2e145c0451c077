from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batches(these: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield these in lists of `size`, the last one shorter. No more than one list is taken from them at a time."""
    rest = iter(these)
    while batch := list(islice(rest, size)):
        yield batch
