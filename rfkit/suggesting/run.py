"""From a target and a spec to suggestions."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from rfkit.analyze import trace
from rfkit.errors import TargetError, UsageError
from rfkit.gate.findings import Finding
from rfkit.gate.requirements import ModelSpec
from rfkit.gate.run import Conditions, conditions_of, demand_something, verdict
from rfkit.gate.spec import Spec, read_spec
from rfkit.gate.spec.discovery import find_spec, shown_path
from rfkit.isolation import Traced
from rfkit.render.text import listing
from rfkit.report import Report
from rfkit.suggesting.edits import Kind
from rfkit.suggesting.found import Suggestions
from rfkit.suggesting.network import look_at
from rfkit.suggesting.search import SECONDS, Search, Told
from rfkit.suggesting.sites import left_alone
from rfkit.target import LoadedModel, load
from rfkit.trace_target import first_accepted


def suggest(
    target: str,
    *,
    arguments: Sequence[str] = (),
    spec: Path | None = None,
    options: Mapping[str, object] | None = None,
    edits: int = 2,
    limit: int = 5,
    only: Collection[str] = (),
    seconds: float = SECONDS,
) -> Suggestions:
    """What ``rfkit suggest TARGET`` finds, in Python: the smallest edits with which a network meets its spec.

    The target runs in this process.

    Args:
        target: ``net.py:Net``, or the name of a network in the spec.
        arguments: of the constructor, as ``--arg`` takes them.
        spec: the file; None: the nearest from the current directory up.
        options: further options of the command, e.g. ``{"--params": "< 200k"}``.
        edits: how many edits may be needed together, 1 or 2.
        limit: how many suggestions are wanted at most.
        only: kinds of edits that are allowed, e.g. ``["dilation", "stride"]``; none stands for all.
        seconds: how long to search; then it says what it has.

    Raises:
        SpecError: all mistakes in the spec, a line each.
        UsageError: nothing is asked of the target, or it stands for several networks.
        TargetError: if the target cannot be found, imported or built.
        InputError: if the forward refuses the input.
    """
    path = find_spec(Path.cwd()) if spec is None else spec
    asked = (Spec() if path is None else read_spec(path)).with_flags({"--arg": tuple(arguments), **(options or {})})
    model = only_one(asked.select((target,)))
    demand_something(model, asked.settings)
    return suggest_for(model, conditions_of(asked.settings), path, Wanted(edits, limit, kinds_of(only), seconds))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for.

    Attributes:
        edits: how many edits may be needed together, 1 or 2.
        limit: how many suggestions at most.
        only: kinds of edits that are allowed; none stands for all.
        seconds: how long to search.
    """

    edits: int = 2
    limit: int = 5
    only: tuple[Kind, ...] = ()
    seconds: float = SECONDS


def suggest_for(
    model: ModelSpec, conditions: Conditions, spec: Path | None, wanted: Wanted, tell: Told = lambda _: None
) -> Suggestions:
    """The same for a network and what is asked of it; ``tell`` is told what is being done.

    Raises:
        TargetError: if the target cannot be found, imported or built, or ends the process in its forward.
        InputError: if the forward refuses the input.
    """
    began = time.perf_counter()
    loaded = load(model.target, model.arguments, device=model.device, places=True)

    def gate(report: Report) -> tuple[Finding, ...]:
        return verdict(model, Traced(report, None, (), 0.0), conditions).findings

    with loaded.running():
        report = _traced(loaded, model)
        findings = gate(report)
        network = look_at(loaded.module, report, loaded.rebuild)
        search = Search(network, model, gate, loaded.rebuild, seconds=wanted.seconds, tell=tell)
        found = search.run(findings, wanted.only, wanted.edits, wanted.limit)
    return Suggestions(
        model=model.name,
        target=report.target,
        spec=None if spec is None else shown_path(spec),
        report=report,
        findings=findings,
        found=tuple(found),
        beyond=search.beyond(findings),
        nearest=None if found else search.nearest,
        tried=search.tried,
        together=search.together,
        applied=search.applied,
        out_of_time=search.out_of_time,
        untried=search.untried,
        left_alone=left_alone(network),
        seconds=time.perf_counter() - began,
    )


def _traced(loaded: LoadedModel, model: ModelSpec) -> Report:
    def attempt(sizes: Sequence[int]) -> Report:
        return trace(
            loaded.module,
            sizes,
            strict=model.strict,
            holes=model.asks_for_holes,
            device=model.device,
            target=loaded.label,
            rebuild=loaded.rebuild,
            places=loaded.places,
        )

    try:
        if model.input_shape is not None:
            return attempt(model.input_shape)
        return first_accepted(loaded.input_shapes(), attempt, loaded.label, "--input")
    except SystemExit as error:
        raise TargetError(f"{loaded.label} calls sys.exit in its forward; take that out") from error


def only_one(models: Sequence[ModelSpec]) -> ModelSpec:
    """The network, where there is exactly one.

    Raises:
        UsageError: if there are several, or none.
    """
    if len(models) != 1:
        names = listing([model.name for model in models])
        raise UsageError(f"one network at a time, and this stands for {len(models)}: name one of {names}")
    return models[0]


def kinds_of(names: Collection[str]) -> tuple[Kind, ...]:
    """Kinds of edits by their names.

    Raises:
        UsageError: if there is no such kind; it names the nearest.
    """
    known = [kind.value for kind in Kind]
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1, 0.5)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"no kind of edit {name!r}: {hint}there are {', '.join(known)}")
    return tuple(map(Kind, names))
