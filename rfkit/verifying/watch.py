"""Real forwards, watched: what every operator and every module returned, in the order in which it happened.

With dual numbers, whose second part is a slope, operators are watched from above, at what functions of torch return: below,
those that compute slopes would mix with those of the network.

The kernels are chosen so that a NaN reaches the units that read it and no other: oneDNN and NNPACK compute convolutions in
tiles, which smears it; fused attention drops scores that are NaN. The model is left as found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from math import inf
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

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
Note = Callable[[int, Any, tuple[Tensor, ...]], None]
"""Given the number of a call of a function of torch, or of a tensor's method, the function, and the tensors it returned."""


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


def forward(model: nn.Module, inputs: Any, look: Look, unclaimed: frozenset[str] = frozenset()) -> None:
    """Run a model in eval mode and look at everything it computes; ``look`` ends it early by raising ``Enough``.

    Args:
        model: comes back as it was, its buffers and the random state included.
        inputs: a tensor, a tuple of the forward's arguments, or a dict of its keyword arguments.
        look: given every event as it happens, with its tensors as they are at that moment.
        unclaimed: names of operators of which nothing is claimed; they get 0 for NaN, on which their kernel may crash
            (torchvision's deformable convolution takes it for an address).
    """
    watch = _Watch(look)
    _run(model, inputs, watch, [_Operators(watch, unclaimed)])


def survey(model: nn.Module, inputs: Any, look: Look, note: Note) -> None:
    """Do as ``forward``, and note what every function returns; functions may call operators that do not run otherwise."""
    watch = _Watch(look)
    _run(model, inputs, watch, [_Operators(watch, frozenset()), _Functions(watch, note)])


def forward_of_duals(model: nn.Module, inputs: Any, look: Look, returned: Mapping[int, int]) -> None:
    """Run a model on dual numbers and look at what its modules return, and those operators that functions return.

    Args:
        model: as for ``forward``.
        inputs: as for ``forward``, with slopes.
        look: as for ``forward``.
        returned: by number of a call of a function, the number of the operator whose result it returns.
    """
    watch = _Watch(look)

    def note(number: int, function: Any, tensors: tuple[Tensor, ...]) -> None:
        if number in returned:
            watch.show(Site(False, returned[number]), function, tensors)

    _run(model, inputs, watch, [_Functions(watch, note)])


def _run(model: nn.Module, inputs: Any, watch: _Watch, modes: Sequence[AbstractContextManager[Any]]) -> None:
    modules = list(model.modules())
    arguments: Sequence[Any] = inputs if isinstance(inputs, tuple) else (inputs,)
    with as_found(modules), evaluating(modules), watch.modules_shown(), ExitStack() as stack:
        for mode in modes:
            stack.enter_context(mode)
        try:
            model(**inputs) if isinstance(inputs, Mapping) else model(*arguments)
        except Enough:
            return


class _Watch:
    """The modules that are running, and what happens in them; while it is looked at, nothing counts."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.modules = 0
        self.open: list[tuple[nn.Module, int]] = []
        self.looking = False

    @contextmanager
    def modules_shown(self) -> Iterator[None]:
        handles = [register_module_forward_pre_hook(self._enter), register_module_forward_hook(self._exit)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def show(self, site: Site, what: Any, tensors: tuple[Tensor, ...]) -> None:
        self.looking = True
        try:
            self.look(Event(site, what, self.open[-1][1] if self.open else -1, tensors))
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
            self.show(Site(True, number), module, tuple(tensors_in(output)))


class _Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Shows what every operator returns; those that are unclaimed get 0 for NaN."""

    def __init__(self, watch: _Watch, unclaimed: frozenset[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.unclaimed = unclaimed
        self.watch = watch
        self.count = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Not to be wrapped: the wrapper imports PyTorch's compiler."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.unclaimed and str(func).removesuffix(".default") in self.unclaimed:
            args, kwargs = tree_map_only(Tensor, _without_nan, (args, kwargs))
        result = func(*args, **kwargs)
        if not self.watch.looking and func is not _EMPTY:
            results = result if isinstance(result, (tuple, list)) else (result,)
            self.watch.show(Site(False, self.count), func, tuple(t for t in results if isinstance(t, Tensor)))
            self.count += 1
        return result


def _without_nan(tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point() or not tensor.isnan().any():
        return tensor
    return tensor.nan_to_num(nan=0.0, posinf=inf, neginf=-inf)


class _Functions(TorchFunctionMode):
    """Notes what every function of torch and every method of a tensor returns; what these call in turn does not count."""

    def __init__(self, watch: _Watch, note: Note) -> None:
        super().__init__()
        self.watch, self.note = watch, note
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not self.watch.looking:
            self.note(self.count, func, tuple(tensors_in(result)))
            self.count += 1
        return result
