"""What ``rfkit report --format html`` adds to a report: the reader's picture, and what a spec's rules became."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rfkit.cli.output import say
from rfkit.cli.tracing import traced
from rfkit.errors import UsageError
from rfkit.gate.findings import Finding, Severity, Status
from rfkit.gate.formats.words import counted, standing
from rfkit.gate.requirements import ModelSpec
from rfkit.gate.run import conditions_of, demand_something, verdict
from rfkit.gate.spec import Settings, read_spec
from rfkit.gate.spec.discovery import shown_path
from rfkit.isolation import Traced
from rfkit.render import html, text
from rfkit.report import Report


@dataclass(frozen=True, slots=True)
class Asked:
    """What a spec asks of one network: the file as it is called, the rules, and how they are judged."""

    spec: str
    model: ModelSpec
    settings: Settings


def asked_of(file: Path, target: str) -> Asked:
    """What a spec asks of a target, which may also be the name of a network in it.

    Raises:
        SpecError: all mistakes in the spec.
        UsageError: if the target stands for several networks, or nothing is asked of it.
    """
    spec = read_spec(file)
    models = spec.select((target,))
    if len(models) > 1:
        raise UsageError(f"{target} stands for {len(models)} networks of {shown_path(file)}; name one of them")
    demand_something(models[0], spec.settings)
    return Asked(shown_path(file), models[0], spec.settings)


def page(
    target: str,
    input_shape: str | None,
    arguments: Sequence[str],
    device: str,
    *,
    strict: bool,
    stub_missing: bool,
    image: Path | None,
    spec: Path | None,
) -> str:
    """Trace a target, where a spec says how as it says, and make its page.

    With stand-ins for missing packages the page has no fields: what every unit sees stays in the process that ran it.

    Raises:
        SpecError: all mistakes in the spec.
        UsageError: if the picture cannot be read, or the rules cannot be judged.
    """
    asked = None if spec is None else asked_of(spec, target)
    if asked is not None:
        model = asked.model
        target, arguments, strict = model.target, arguments or model.arguments, strict or model.strict
        device = model.device if device == "meta" else device
        if input_shape is None and model.input_shape is not None:
            input_shape = text.area(model.input_shape)
    found = traced(
        target,
        input_shape,
        arguments,
        device,
        strict=strict,
        units=not stub_missing,
        holes=True,
        stub_missing=stub_missing,
    )
    judged = None if asked is None else _judged(found, asked)
    return html.render(found, picture=_picture(found, image), verdict=judged)


def _picture(report: Report, image: Path | None) -> html.Picture | None:
    plane = html.plane(report)
    if image is None:
        return None
    if not plane:
        say("--image makes no difference: the input has no rows and columns")
        return None
    height, width = (report.spatial[axis] for axis in plane)
    return html.from_file(image, height, width, report.input_shape[1])


def _judged(report: Report, asked: Asked) -> html.Verdict:
    found = verdict(asked.model, Traced(report, None, (), 0.0), conditions_of(asked.settings))
    if found.error is not None:
        raise UsageError(f"{asked.spec}: {found.error}")
    whole = standing(counted(found.findings))
    return html.Verdict(whole[:1].upper() + whole[1:], asked.spec, [_rule(finding) for finding in found.findings])


def _rule(finding: Finding) -> html.Rule:
    asides = (*(finding.help if finding.counts else ()), finding.note, finding.excepted)
    return html.Rule(
        _word(finding), finding.code, finding.message, finding.layer, tuple(aside for aside in asides if aside)
    )


def _word(finding: Finding) -> str:
    if finding.status is Status.HELD:
        return "held"
    if finding.excepted is not None:
        return "excepted"
    return finding.status.value if finding.severity is Severity.ERROR else finding.severity.value
