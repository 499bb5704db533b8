"""What does not fit into memory, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod

from rfkit.errors import InputError


@contextmanager
def enough_for(shape: Sequence[int], item: int, outputs: int) -> Iterator[None]:
    """Run a network on real numbers, and say what its input takes where there is no memory for it.

    Args:
        shape: of the input.
        item: bytes of each of its numbers.
        outputs: bytes of what all layers return.

    Raises:
        InputError: memory was refused, to what runs or to what it names as the cause.
    """
    try:
        yield
    except Exception as error:
        if not any(_is_refusal(each) for each in (error, error.__cause__)):
            raise
        raise InputError(
            f"no memory for the input {'x'.join(map(str, shape))}: it takes {_size(item * prod(shape))}, "
            f"what the layers make of it {_size(outputs)}; give a smaller one"
        ) from error


def _is_refusal(error: BaseException | None) -> bool:
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "you tried to allocate" in str(error))


def _size(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB" if count >= 2**30 else f"{count / 2**20:,.1f} MiB"
