"""From the options of ``rfkit erf`` to what it measures: networks with their weights, inputs, layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from rfkit.analyze import trace
from rfkit.effective import Measurement, measure
from rfkit.effective.inputs import Inputs, image_inputs, random_inputs
from rfkit.effective.layers import named
from rfkit.effective.run_folder import read_run
from rfkit.effective.weights import load_weights
from rfkit.errors import UsageError
from rfkit.render.rows import matching
from rfkit.report import Layer, Report
from rfkit.target import LoadedModel, load, parse_shape
from rfkit.trace_target import first_accepted


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure.

    Attributes:
        layer: its label, or a pattern; None: the last feature map.
        all_layers: layers that show how the field grows instead.
        input_shape: as typed; None: what the network accepts.
        arguments: of the constructor.
        seed: of the random inputs, and of the initial weights but for a run's.
        count: of inputs, at most so many images.
        images: files and folders; none: random inputs.
        mean, std: of the images' channels.
        radii: of the discs; None: powers of two.
        tell: is told what is being done.
    """

    layer: str | None
    all_layers: bool
    input_shape: str | None
    arguments: tuple[str, ...]
    seed: int
    count: int
    images: tuple[Path, ...]
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    radii: tuple[float, ...] | None
    tell: Callable[[str], None] = lambda _: None


def of_target(target: str, request: Request, weights: Path | None) -> Measurement:
    """Measure a network with the weights that its constructor gives it, or with those of a file.

    Raises:
        RfkitError: something cannot be loaded, read or measured; the message says what.
    """
    shape = None if request.input_shape is None else parse_shape(request.input_shape)
    loaded = load(target, request.arguments, device="cpu", seed=request.seed)
    said = f"weights as built with seed {request.seed}"
    if weights is not None:
        load_weights(weights, loaded.module, loaded.label)
        said = f"weights of {weights}"
    return _measured(loaded, shape, request, said)


def of_run(folder: Path, target: str | None, request: Request) -> tuple[list[Measurement], str]:
    """Measure a run's network with its initial weights and with those that did best, on the same inputs.

    Args:
        folder: of the run.
        target: take the network from here; None: as the run says.
        request: what to measure; images are normalised as in the training.

    Returns:
        The measurements, and what the reader must know of the network, empty where there is nothing.

    Raises:
        RfkitError: something cannot be loaded, read or measured; the message says what.
    """
    run = read_run(folder)
    arguments = request.arguments or run.arguments
    request = replace(request, mean=request.mean or run.mean, std=request.std or run.std)
    shape = run.input_shape if request.input_shape is None else parse_shape(request.input_shape)
    found = []
    for trained in (False, True):
        loaded = load(target or run.target, arguments, device="cpu", seed=run.seed)
        said = f"initial weights of seed {run.seed}"
        if trained:
            load_weights(run.weights, loaded.module, loaded.label)
            said = f"weights of {run.weights}"
        found.append(_measured(loaded, shape, request, said))
    return _alike(found), "" if target else run.note


def _measured(loaded: LoadedModel, shape: Sequence[int] | None, request: Request, weights: str) -> Measurement:
    model = getattr(loaded.module, "_orig_mod", loaded.module)
    with loaded.running():
        report = _report(loaded, model, shape)
        layers = [] if request.layer is None else _layers(report, request.layer)
        inputs = _inputs(report.input_shape, request)
        return measure(
            model,
            report,
            inputs,
            layers,
            all_layers=request.all_layers,
            radii=request.radii,
            weights=weights,
            tell=request.tell,
        )


def _report(loaded: LoadedModel, model: nn.Module, shape: Sequence[int] | None) -> Report:
    def attempt(sizes: Sequence[int]) -> Report:
        return trace(model, sizes, units=True, target=loaded.label)

    if shape is not None:
        return attempt(shape)
    return first_accepted(loaded.input_shapes(), attempt, loaded.label, "--input")


def _layers(report: Report, wanted: str) -> list[Layer]:
    return list(matching(report, wanted)) if any(sign in wanted for sign in "*?[") else named(report, [wanted])


def _inputs(shape: Sequence[int], request: Request) -> Inputs:
    if request.images:
        return image_inputs(shape, request.images, request.count, request.mean, request.std)
    return random_inputs(shape, request.count, request.seed)


def _alike(found: Sequence[Measurement]) -> list[Measurement]:
    """The measurements with those layers that all of them have.

    Raises:
        UsageError: there is none.
    """
    shared = set.intersection(*({each.layer for each in one.fields} for one in found))
    if not shared:
        raise UsageError("no layer has a gradient both before and after the training")
    return [replace(one, fields=tuple(each for each in one.fields if each.layer in shared)) for one in found]
