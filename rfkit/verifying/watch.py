"""Real forwards, watched: what every operator and every module returned, in the order in which it happened.

The kernels are chosen so that a NaN reaches the units that read it and no other: oneDNN and NNPACK compute convolutions in
tiles, which smears it; fused attention drops scores that are NaN. The model is left as found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

from rfkit.tracing import tensors_in
from rfkit.tracing.guard import as_found, evaluating

_EMPTY = torch.ops.aten.empty.memory_format
"""Uninitialised memory, which a trace does not record either."""


class Site(NamedTuple):
    """Where a tensor shows in a forward: the result of the module call, or of the operator, with this number."""

    of_module: bool
    number: int


class Event(NamedTuple):
    """Something that happened: where, what ran (an operator or a module), inside which module call, what it returned."""

    site: Site
    what: Any
    scope: int
    tensors: tuple[Tensor, ...]


Look = Callable[[Event], None]


class Enough(BaseException):
    """Raised by a look when the rest of a forward is of no interest. No ``except Exception`` of the model holds it up."""


@contextmanager
def exact_kernels() -> Iterator[None]:
    """Convolutions and attention as plain matrix products, on the CPU."""
    onednn, fused = torch.backends.mkldnn.enabled, torch.backends.mha.get_fastpath_enabled()
    torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.backends.nnpack.flags(enabled=False), sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        torch.backends.mkldnn.enabled = onednn


def forward(model: nn.Module, inputs: Any, look: Look, *, gradients: bool = False) -> None:
    """Run a model in eval mode and look at everything it computes; ``look`` ends it early by raising ``Enough``.

    Args:
        model: comes back as it was, its buffers and the random state included.
        inputs: a tensor, a tuple of the forward's arguments, or a dict of its keyword arguments.
        look: given every event as it happens, with its tensors as they are at that moment.
        gradients: record the forward for a backward; only what modules return can then be differentiated.
    """
    modules = list(model.modules())
    arguments: Sequence[Any] = inputs if isinstance(inputs, tuple) else (inputs,)
    watch = _Watch(look)
    recording = torch.enable_grad() if gradients else nullcontext()
    with as_found(modules), evaluating(modules), recording, watch.watching():
        try:
            model(**inputs) if isinstance(inputs, Mapping) else model(*arguments)
        except Enough:
            return


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, look: Look) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.look = look
        self.operators = self.modules = 0
        self.open: list[tuple[nn.Module, int]] = []
        self.looking = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Not to be wrapped: the wrapper imports PyTorch's compiler."""
        return False

    @contextmanager
    def watching(self) -> Iterator[None]:
        handles = [register_module_forward_pre_hook(self._enter), register_module_forward_hook(self._exit)]
        try:
            with self:
                yield
        finally:
            for handle in handles:
                handle.remove()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not self.looking and func is not _EMPTY:
            results = result if isinstance(result, (tuple, list)) else (result,)
            self._show(Site(False, self.operators), func, (t for t in results if isinstance(t, Tensor)))
            self.operators += 1
        return result

    def _show(self, site: Site, what: Any, tensors: Iterable[Tensor]) -> None:
        self.looking = True
        try:
            self.look(Event(site, what, self.open[-1][1] if self.open else -1, tuple(tensors)))
        finally:
            self.looking = False

    def _enter(self, module: nn.Module, _: Any) -> None:
        self.open.append((module, self.modules))
        self.modules += 1

    def _exit(self, module: nn.Module, _: Any, output: Any) -> None:
        while self.open and self.open[-1][0] is not module:
            self.open.pop()
        if self.open:
            _, number = self.open.pop()
            self._show(Site(True, number), module, tensors_in(output))
