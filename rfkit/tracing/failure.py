"""A forward that failed: where, on what, and what would have fitted."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


class ForwardError(Exception):
    """The forward raised.

    ``layer`` is the innermost module that was running, ``wants`` what it is made for where that can be told, ``got`` the
    shapes it was given.
    """

    def __init__(self, layer: str, type_name: str, wants: str, got: Sequence[tuple[int, ...]]) -> None:
        super().__init__(layer)
        self.layer, self.type_name, self.wants, self.got = layer, type_name, wants, tuple(got)


def wants(module: nn.Module) -> str:
    """What input a module is made for, in words; empty where its attributes do not tell."""
    kernel = module.__dict__.get("kernel_size")
    size = f" and a {'x'.join(map(str, kernel))} kernel" if isinstance(kernel, tuple) else ""
    for attribute, words in (("in_channels", "channels"), ("num_features", "channels"), ("num_channels", "channels")):
        if isinstance(module.__dict__.get(attribute), int):
            return f"{module.__dict__[attribute]} {words}{size}"
    if isinstance(module.__dict__.get("in_features"), int):
        return f"{module.__dict__['in_features']} features in the last dimension"
    return ""
