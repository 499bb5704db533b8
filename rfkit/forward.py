"""How a model is run: on ``meta`` where that works, with real numbers where its forward reads values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter
from torch.utils._pytree import tree_map_only

from rfkit.errors import InputError
from rfkit.input_axes import conv_ranks
from rfkit.tracing import ForwardError, Trace, capture, tensors_in


@dataclass(frozen=True, slots=True)
class Subject:
    """A model and what is known of it before it runs.

    Attributes:
        model: the model.
        rebuild: makes it with real weights; None where only ``model`` is to be had.
        ranks: numbers of spatial dimensions of its convolutions.
        dtype: type of its floating-point weights.
        places: whether to note which line of its code runs what.
    """

    model: nn.Module
    rebuild: Callable[[], nn.Module] | None
    ranks: frozenset[int]
    dtype: torch.dtype
    places: bool = False

    @classmethod
    def of(cls, model: nn.Module, rebuild: Callable[[], nn.Module] | None, places: bool = False) -> Subject:
        """Look at a model.

        Raises:
            InputError: if it is scripted (there is no Python to follow) or has lazy parameters without a shape.
        """
        if isinstance(model, torch.jit.ScriptModule):
            raise InputError(f"{model.original_name} is a scripted module: give the module it was made from")
        lazy = next((n for n, p in model.named_parameters() if isinstance(p, UninitializedParameter)), None)
        if lazy is not None:
            raise InputError(f"{lazy} has no shape yet (a lazy module): run the model once on an input first")
        dtype = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
        return cls(model, rebuild, conv_ranks(model), dtype, places)

    def real(self) -> nn.Module | None:
        """The model with real weights; None where there is none."""
        on_meta = any(t.is_meta for t in (*self.model.parameters(), *self.model.buffers()))
        if not on_meta:
            return self.model
        return self.rebuild() if self.rebuild is not None else None


def candidates(ranks: frozenset[int], input_shape: Sequence[int]) -> list[torch.Tensor]:
    """The inputs that a shape may mean: as given, or with a batch of one in front. The model's convolutions decide.

    Raises:
        InputError: if a size is not a whole number of at least 1.
    """
    shape = tuple(input_shape)
    if not shape or any(not isinstance(n, int) or n < 1 for n in shape):
        raise InputError(f"input shape {_times(shape) or '()'}: every size must be a whole number of at least 1")
    rank = max((r for r in ranks if r < len(shape)), default=None)
    batched = (1, *shape)
    if rank is not None:
        shapes = [shape] if len(shape) > rank + 1 else [batched]
    else:
        shapes = {1: [batched, shape], 2: [shape, batched], 3: [batched, shape]}.get(len(shape), [shape])
    return [torch.empty(s, device="meta") for s in shapes]


def run(subject: Subject, inputs: Any, device: str, why: str = "") -> tuple[Trace, list[str]]:
    """Record a forward on ``device``; from "meta" it goes to real numbers by itself where values are read.

    Returns the trace and what the reader must know of it. ``why`` is said where real numbers were asked for.

    Raises:
        InputError: if the forward refuses the input, or reads values of a model that has none.
    """
    if device == "meta":
        try:
            return record(subject.model, inputs, subject.dtype, "meta", places=subject.places), []
        except ForwardError as error:
            if not _needs_numbers(error.__cause__):
                raise _refused(error, inputs) from error.__cause__
            why = f"the forward reads values (in {error.layer or type(subject.model).__name__})"
    real = subject.real()
    if real is None:
        raise InputError(f"{why or 'real numbers were asked for'} and the model is on meta: give it real weights")
    place = next((str(t.device) for t in (*real.parameters(), *real.buffers())), "cpu")
    try:
        trace = record(real, inputs, subject.dtype, place, places=subject.places)
    except ForwardError as error:
        raise _refused(error, inputs) from error.__cause__
    return trace, [f"{why}, so it ran with random input: only the path taken is seen"] if why else []


def record(
    model: nn.Module,
    inputs: Any,
    dtype: torch.dtype,
    device: str,
    keep_indices: bool = False,
    places: bool = False,
) -> Trace:
    """Record one forward, with the inputs brought to a device and floating-point ones to a type.

    Raises:
        ForwardError: from whatever the forward raised.
    """
    generator = torch.Generator().manual_seed(0)

    def place(t: torch.Tensor) -> torch.Tensor:
        wanted = dtype if t.is_floating_point() else t.dtype
        if device == "meta":
            return torch.empty_strided(t.shape, t.stride(), dtype=wanted, device="meta")
        if t.is_meta:
            t = (
                torch.randn(t.shape, generator=generator)
                if t.is_floating_point()
                else torch.zeros(t.shape, dtype=t.dtype)
            )
        return t.detach().clone().to(device, wanted)

    placed = tree_map_only(torch.Tensor, place, inputs)
    if isinstance(placed, Mapping):
        return capture(model, (), placed, device, keep_indices, places)
    return capture(model, placed if isinstance(placed, tuple) else (placed,), {}, device, keep_indices, places)


def _needs_numbers(error: BaseException | None) -> bool:
    """Whether a forward failed on ``meta`` because it wants numbers, rather than because the input does not fit."""
    text = str(error).lower()
    signs = ("meta", "same device", "at least two devices", "data-dependent")
    return isinstance(error, NotImplementedError) or any(sign in text for sign in signs)


def _refused(error: ForwardError, inputs: Any) -> InputError:
    cause = error.__cause__
    if not error.layer and isinstance(cause, TypeError) and "required positional argument" in str(cause):
        return InputError(
            f"{cause}; networks of several inputs are for Python: rfkit.trace(model, example_inputs=(x, y))"
        )
    given = ", ".join(_times(t.shape) for t in tensors_in(inputs)) or "nothing"
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()] or [type(cause).__name__]
    where = f"{error.layer} ({error.type_name})" if error.layer else error.type_name or "the forward"
    got = ", ".join(_times(s) for s in error.got) or "no tensor"
    wants = f"expects {error.wants}, " if error.wants else ""
    return InputError(f"input {given} does not fit: {where} {wants}got {got}: {type(cause).__name__}: {lines[0]}")


def _times(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
