"""The façade: a model and an input shape become a verification."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from rfkit.analyze import trace
from rfkit.errors import InputError, UsageError
from rfkit.forward import Subject
from rfkit.memory import enough_for
from rfkit.report import Report
from rfkit.tracing import ForwardError
from rfkit.verifying.bench import Bench, CoupledImages, prepare, random_inputs
from rfkit.verifying.blindness import blind_values
from rfkit.verifying.gradients import supports
from rfkit.verifying.judging import judge, not_compared, skipped
from rfkit.verifying.probing import Finding, Probing, check_images_are_apart, layers_with_nan, plan_cuts
from rfkit.verifying.results import LayerResult, Method, Stop, Verification
from rfkit.verifying.watch import exact_kernels

MOST_IMAGES = 16
MEMORY = 256 << 20
"""Bytes of activations that the images of one forward may take together."""
SLOPED = 3
"""Units whose gradient is taken along each dimension of a layer that tells units apart: the first, the middle, the last."""
QUICK = 4
"""Units per layer and dimension with ``quick``."""


def verify(
    model: nn.Module,
    input_shape: Sequence[int] | None = None,
    *,
    example_inputs: Any = None,
    layers: str | None = None,
    quick: bool = False,
    target: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Verification:
    """Run a model with real numbers on the CPU and compare what its units see with what its trace says they see.

    Strict fields are compared: NaN passes through context like through anything else. Every layer of the report is compared,
    every element of its output, on every axis: first by NaN probing, then by the gradients of the first, the middle and the last
    unit, and of all where NaN does not tell. The model comes back as it was; it runs in eval mode.

    Args:
        model: on the CPU, with real weights.
        input_shape: ``(N, C, *spatial)``, or ``(C, *spatial)``; one image is looked at, whatever N is.
        example_inputs: instead of a shape: a tensor, a tuple of the forward's arguments, or a dict of its keyword arguments.
        layers: only layers whose label matches this pattern, e.g. ``"layer1.*"``.
        quick: compare a few units per layer: those at the borders, at the centre, and some between.
        target: what to call the model; its class name by default.
        tell: is told what is being done, in a few words.

    Raises:
        InputError: if the shape is malformed, refused or too large for the memory, the model is not on the CPU, or it makes NaN of
            clean numbers.
        UsageError: if no layer matches ``layers``.
    """
    began = time.perf_counter()
    subject = Subject.of(getattr(model, "_orig_mod", model), None)
    _check_is_here(subject.model)
    shape = None if input_shape is None else _one_image(input_shape, subject.ranks)
    report = trace(subject.model, shape, example_inputs=example_inputs, strict=True, units=True, target=target)
    if layers is not None and not any(fnmatchcase(layer.label, layers) for layer in report):
        raise UsageError(
            f"no layer matches {layers!r}: the report has {', '.join(x.label for x in report.layers[:6])}, ..."
        )
    with exact_kernels(), enough_for(report.input_shape, subject.dtype.itemsize, report.totals.activation_bytes):
        bench = _bench(subject, report, example_inputs)
        if not any(bench.inputs.places):
            raise InputError("the input has no axis that NaN can be written on: it must be of floating-point numbers")
        probing = Probing(bench, tell=tell)
        if faulty := next(layers_with_nan(probing), None):
            raise InputError(f"{faulty} gives NaN for clean numbers: nothing can be measured; give it other weights")
        results, stops = _compared(probing, report, layers, quick)
    return Verification(
        target=report.target,
        input_shape=report.input_shape,
        spatial=report.spatial,
        layers=results,
        stops=stops,
        images=probing.images,
        sampled=quick,
        notes=report.notes,
        versions=_versions(),
        seconds=time.perf_counter() - began,
    )


def _check_is_here(model: nn.Module) -> None:
    devices = {t.device.type for t in (*model.parameters(), *model.buffers())} - {"cpu"}
    if "meta" in devices:
        raise InputError(f"{type(model).__name__} is on meta and has no numbers: build it with real weights")
    if devices:
        raise InputError(f"{type(model).__name__} is on {min(devices)}: move it to the CPU, where it is verified")


def _one_image(shape: Sequence[int], ranks: frozenset[int]) -> tuple[int, ...]:
    """The shape with a batch of one, where the model's convolutions say that a batch was given."""
    rank = max((r for r in ranks if r < len(shape)), default=None)
    return (1, *shape[1:]) if rank is not None and len(shape) == rank + 2 else tuple(shape)


def _bench(subject: Subject, report: Report, example_inputs: Any) -> Bench:
    """The model on the bench with as many images as fit."""
    one = _given(example_inputs, report, subject.dtype)
    images = 1
    if example_inputs is None and len(report.input_shape) > 1 and report.input_shape[0] == 1:
        images = max(1, min(MOST_IMAGES, MEMORY // max(report.totals.activation_bytes, 1)))
    if images > 1:
        try:
            bench = prepare(subject.model, random_inputs(report.input_shape, images, subject.dtype), images, report)
            check_images_are_apart(Probing(bench))
            return bench
        except (CoupledImages, ForwardError):
            pass
    try:
        return prepare(subject.model, one, 1, report)
    except ForwardError as error:
        cause = error.__cause__
        raise InputError(f"the forward fails on real numbers: {type(cause).__name__}: {cause}") from cause


def _given(example_inputs: Any, report: Report, dtype: torch.dtype) -> Any:
    if example_inputs is None:
        return random_inputs(report.input_shape, 1, dtype)

    def place(t: Tensor) -> Tensor:
        if t.is_meta:
            t = (
                random_inputs(t.shape, 1, torch.float32)
                if t.is_floating_point()
                else torch.zeros(t.shape, dtype=t.dtype)
            )
        return t.detach().clone().to("cpu", dtype if t.is_floating_point() else t.dtype)

    return tree_map_only(Tensor, place, example_inputs)


def _compared(
    probing: Probing, report: Report, pattern: str | None, quick: bool
) -> tuple[tuple[LayerResult, ...], tuple[Stop, ...]]:
    """The results, and the operators that stopped NaN on the way to one of them."""
    bench = probing.bench
    wanted = [layer.label for layer in report if pattern is None or fnmatchcase(layer.label, pattern)]
    skipping = {w.layer.label: not_compared(w) for w in bench.layers}
    comparable = [n for n, w in enumerate(bench.layers) if w.layer.label in wanted and skipping[w.layer.label] is None]
    blind = blind_values(bench)
    claims = {n: bench.layers[n].claims or () for n in comparable}
    chosen = {n: [c.thinned(QUICK) for c in c_of_n] if quick else c_of_n for n, c_of_n in claims.items()}
    units = {n: sum(int(c.decided_by(t).sum()) for c, t in zip(claims[n], chosen[n], strict=True)) for n in comparable}
    findings = {n: Finding() for n in comparable} | probing.check(plan_cuts(bench, chosen))
    unsure = {n for n in comparable if bench.layers[n].value in blind or findings[n].unseen}
    sloped = {n: claims[n] if n in unsure else [c.thinned(SLOPED) for c in claims[n]] for n in comparable}
    slopes = Probing(bench, Method.GRADIENT, tell=probing.tell)
    results = {r.label: r for r in judge(probing, slopes, findings, supports(slopes, claims, sloped), blind, units)}
    for layer in report:
        missing = skipping.get(layer.label) or skipped(layer, "it does not run in this form with real numbers")
        results.setdefault(layer.label, missing)
    used = dict.fromkeys(blind[v] for n in comparable if (v := bench.layers[n].value) in blind)
    return tuple(results[label] for label in wanted), tuple(used)


def _versions() -> dict[str, str]:
    from rfkit import __version__

    system = f"{platform.system()} {platform.machine()}"
    return {"rfkit": __version__, "torch": torch.__version__, "python": platform.python_version(), "system": system}
