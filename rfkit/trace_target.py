"""From what the user types to a report: load the target, find an input it accepts, trace it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rfkit.analyze import trace
from rfkit.errors import InputError, TargetError
from rfkit.report import Report
from rfkit.target import InputShape, LoadedModel, load


def trace_target(
    target: str,
    arguments: Sequence[str] = (),
    input_shape: Sequence[int] | None = None,
    *,
    device: str = "meta",
    strict: bool = False,
    units: bool = False,
    holes: bool = False,
    places: bool = False,
) -> Report:
    """Trace a target at the shape that was given, else at the first that its forward accepts.

    Args:
        target: ``model.py:Net`` or ``package.module:factory``.
        arguments: of the constructor, as ``--arg`` takes them: ``"dropout=0.1"``, or ``"10"`` by position.
        input_shape: ``(C, *spatial)``, with or without the batch; None: what the model states, else the usual ones.
        device: "meta", or "cpu" for a forward that needs real numbers.
        strict: count context as part of the field.
        units: also list what each single unit sees.
        holes: also list the positions that each layer's centre unit reaches.
        places: also say in which line of the model's code each layer is made.

    Raises:
        TargetError: if the target cannot be found, imported or built, or ends the process in its forward.
        InputError: if the forward accepts none of the shapes.
    """
    options: dict[str, Any] = {"device": device, "strict": strict, "units": units, "holes": holes}
    loaded = load(target, arguments, device=device, places=places)
    if places:
        options["places"] = loaded.places
    if input_shape is not None:
        return _trace(loaded, input_shape, options)
    return first_accepted(loaded.input_shapes(), lambda sizes: _trace(loaded, sizes, options), loaded.label, "--input")


def first_accepted(
    shapes: Iterable[InputShape], attempt: Callable[[tuple[int, ...]], Report], label: str, option: str
) -> Report:
    """The report at the first of some shapes that a network accepts; ``option`` is where one would give another.

    Raises:
        InputError: if it accepts none.
    """
    failures = []
    for shape in shapes:
        try:
            return attempt(shape.sizes)
        except InputError as error:
            failures.append((shape.sizes, error))
    if len({str(error) for _, error in failures}) == 1:
        raise failures[0][1]
    tried = ", ".join(_joined(sizes) for sizes, _ in failures)
    sizes, first = failures[0]
    raise InputError(f"{label} accepts none of {tried}; give {option} (at {_joined(sizes)}: {first})") from first


def _trace(loaded: LoadedModel, shape: Sequence[int], options: dict[str, Any]) -> Report:
    try:
        with loaded.running():
            return trace(loaded.module, shape, target=loaded.label, rebuild=loaded.rebuild, **options)
    except SystemExit as error:
        raise TargetError(f"{loaded.label} calls sys.exit in its forward; take that out") from error


def _joined(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))
