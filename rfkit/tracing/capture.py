"""Run a model once and record it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from rfkit.tracing.guard import as_found, evaluating, on_meta
from rfkit.tracing.record import Inventory, Trace
from rfkit.tracing.recorder import Recorder, tensors_in


def capture(
    model: nn.Module,
    inputs: Sequence[Any],
    kwargs: Mapping[str, Any],
    device: str,
    keep_indices: bool = False,
    places: bool = False,
) -> Trace:
    """Run ``model(*inputs, **kwargs)`` in eval mode and without gradients, and record it.

    ``device`` "meta" runs it without numbers (real parameters are put aside meanwhile), any other device with those the
    model has; the inputs must be there already. The model is left as found. ``keep_indices`` keeps the numbers of indices
    written as lists, which PyTorch otherwise moves to ``meta`` before anybody can see them (5% slower). ``places`` notes the
    line of the model's code that ran each operator.

    Raises:
        ForwardError: from whatever the forward raised.
    """
    named = list(_named_modules(model))
    modules = [module for _, module in named]
    with as_found(modules):
        counted = inventory(modules)
        real = on_meta(modules) if device == "meta" else {}
        recorder = Recorder(named, real, device, places)
        roots = [recorder.admit(t) for t in tensors_in((inputs, kwargs))]
        with evaluating(modules), _ListIndices() if keep_indices else nullcontext(), recorder.watching():
            output = model(*inputs, **kwargs)
        return recorder.finish(tuple(roots), output, counted)


def _named_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every module under its first name, as ``named_modules`` gives them; no method is asked, a model may override it."""
    seen: set[int] = set()
    waiting = [("", model)]
    while waiting:
        name, module = waiting.pop()
        if id(module) not in seen:
            seen.add(id(module))
            yield name, module
            children = [(f"{name}.{key}" if name else key, child) for key, child in vars(module)["_modules"].items()]
            waiting += [(key, child) for key, child in reversed(children) if child is not None]


def inventory(modules: Sequence[nn.Module]) -> Inventory:
    """What some modules hold themselves, what they share counted once."""
    parameters = {id(p): p for m in modules for p in m._parameters.values() if p is not None}.values()
    buffers = {id(b): b for m in modules for b in m._buffers.values() if b is not None}.values()
    return Inventory(
        sum(p.numel() for p in parameters),
        sum(p.numel() for p in parameters if p.requires_grad),
        sum(b.numel() for b in buffers),
    )


class _ListIndices(TorchFunctionMode):
    """Turns lists in ``x[...]`` into tensors on the CPU, whose numbers stay known."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            if any(isinstance(i, list) for i in index):
                index = tuple(torch.tensor(i) if isinstance(i, list) else i for i in index)
                args = (args[0], index, *args[2:])
        return func(*args, **(kwargs or {}))
