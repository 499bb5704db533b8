"""Where in the user's code the modules of a network are made."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from rfkit.tracing.places import Place, running_line, shown_place


class Construction:
    """The lines in which modules were constructed; it keeps the modules alive, so that no two share an identity."""

    def __init__(self) -> None:
        self._lines: dict[int, tuple[nn.Module, Place]] = {}

    def note(self, module: nn.Module | None, _name: str, made: object) -> None:
        """Note where a module is that registers a parameter, or that is registered as a child, the first time."""
        subject = made if isinstance(made, nn.Module) else module
        if subject is None or id(subject) in self._lines:
            return
        place = running_line(without=subject)
        if place is not None:
            self._lines[id(subject)] = (subject, place)

    def places(self, network: nn.Module) -> Mapping[str, str]:
        """By module name, ``net.py:31``; the network itself, under the empty name, is where its class is defined."""
        found = {
            name: shown_place(self._lines[id(module)][1])
            for name, module in network.named_modules()
            if name and id(module) in self._lines
        }
        defined = _definition(type(network)) or self._lines.get(id(network), (None, None))[1]
        return found if defined is None else {"": shown_place(defined), **found}


@contextmanager
def construction() -> Iterator[Construction]:
    """Watch modules being made until the end of the block."""
    watched = Construction()
    handles = [
        register_module_module_registration_hook(watched.note),
        register_module_parameter_registration_hook(watched.note),
    ]
    try:
        yield watched
    finally:
        for handle in handles:
            handle.remove()


def _definition(kind: type) -> Place | None:
    """File and line of a class; None for PyTorch's own, and where the source is not at hand."""
    if kind.__module__.startswith("torch."):
        return None
    try:
        file = inspect.getsourcefile(kind)
        return None if file is None else (file, inspect.getsourcelines(kind)[1])
    except (OSError, TypeError):
        return None
