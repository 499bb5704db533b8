"""Where a NaN does not get through although numbers do: comparisons, ``where``, ``argmax``, ``nan_to_num``, casts to integers.

Found by experiment, not from a list: with NaN everywhere in the input, whatever depends on the input should be NaN. Only
operators that pick some of their operands by value are listed, for a NaN passes them, but along one of the possible ways.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rfkit.rows import call_name
from rfkit.tracing import WRITE, Call
from rfkit.verifying.bench import Bench
from rfkit.verifying.claims import claims_of, joined
from rfkit.verifying.results import Stop
from rfkit.verifying.watch import Enough, Event, forward

PICKING = frozenset(
    ("argsort", "fmax", "fmin", "fractional_max_pool2d", "fractional_max_pool3d", "grid_sampler_2d", "grid_sampler_3d")
).union(("kthvalue", "median", "mode", "msort", "nanmean", "nanmedian", "sort", "topk"))
"""Operators that pick some operands by value, or at random: a forward shows one of the possible ways."""


def blind_values(bench: Bench) -> dict[int, Stop]:
    """By value index, what depends on something that NaN does not pass, and the operator that stopped it first."""
    stopped = _stopped(bench)
    blind: dict[int, Stop] = {}
    for call in bench.trace.calls:
        inherited = next((blind[v.index] for v in call.inputs if v.index in blind), None)
        for value in call.outputs:
            if value is None or value.index not in bench.fields.known:
                continue
            why = stopped.get(
                value.index, "picks its operands" if call.op is not WRITE and _name(call) in PICKING else ""
            )
            if inherited is not None:
                blind[value.index] = inherited
            elif why:
                blind[value.index] = Stop(call_name(call), _module(bench, call), why)
    return blind


def _stopped(bench: Bench) -> dict[int, str]:
    """By value index, why a NaN in the whole input does not show in it although it was in all that the operator read."""
    stopped: dict[int, str] = {}
    short: set[int] = set()
    reached, strayed = -1, False

    def look(event: Event) -> None:
        nonlocal reached, strayed
        strayed = bench.strays(event)
        if strayed:
            raise Enough
        if event.site.of_module or event.site.number not in bench.places:
            return
        reached = event.site.number
        call = bench.trace.calls[bench.places[reached]]
        values = [v for v in call.outputs if v is not None]
        for value, tensor in zip(values, event.tensors, strict=False):
            if value.index in bench.fields.known and (why := _lost(bench, value.index, tensor)):
                short.add(value.index)
                if _may_stop(call, tensor) and not any(v.index in short for v in call.inputs):
                    stopped[value.index] = why

    try:
        forward(bench.model, bench.inputs.with_nan_everywhere(), look, bench.unclaimed)
    except Exception:
        strayed = True
    return _after(bench, reached) | stopped if strayed else stopped


def _lost(bench: Bench, value: int, tensor: Tensor) -> str:
    """Why a tensor is not NaN wherever the trace says that it depends on the input; nothing if it is."""
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return "gives no floating-point numbers"
    clean = ~tensor.detach().isnan().numpy()
    if not clean.any():
        return ""
    whole = claims_of(bench.fields.known[value], tuple(tensor.shape), len(bench.inputs.lengths))
    seeing = [claim.hi >= 0 for claim in joined(whole, bench.inputs.together)]
    return "gives numbers for NaN" if any((clean & see).any() for see in seeing) else ""


def _may_stop(call: Call, tensor: Tensor) -> bool:
    """Whether an operator can do without an operand: one that only computes with all of them, or moves them, cannot.

    Where such an operator gives numbers, the trace claims too much.
    """
    exact = call.op.namespace == "aten" and torch.Tag.pointwise not in call.op.tags
    return not exact or not tensor.is_floating_point() or _name(call).startswith("nan")


def _after(bench: Bench, reached: int) -> dict[int, str]:
    """What comes from operators after this one: the forward took another way there."""
    begins = bench.places.get(reached, -1) + 1
    values = (v for call in bench.trace.calls[begins:] for v in call.outputs if v is not None)
    return {v.index: "comes after code that looks at numbers" for v in values if v.index in bench.fields.known}


def _name(call: Call) -> str:
    name: str = call.op.overloadpacket.__name__
    return name


def _module(bench: Bench, call: Call) -> str:
    return bench.trace.modules[call.scope].name if call.scope >= 0 else ""
