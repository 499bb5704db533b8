"""SARIF 2.1.0, what code scanning shows: a result per problem. Rules that hold and exceptions are left out.

A network that could not be run is a notification of the invocation, which then was not successful.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from rfkit.gate.catalogue import CATALOGUE
from rfkit.gate.findings import Finding, Outcome, Severity
from rfkit.gate.formats import words
from rfkit.gate.formats.markdown import escaped
from rfkit.gate.formats.options import Options, installed_versions
from rfkit.gate.formats.problems import Place, Problem, problems

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
ROOT = "%SRCROOT%"
FINGERPRINT = "rfkit/v1"
_LINKS = {
    "https://": re.compile(r"https://([^\s<>)]*[^\s<>).,;])"),
    "https://doi.org/": re.compile(r"\bdoi (10\.[^\s<>),;]*[^\s<>).,;])"),
    "https://arxiv.org/abs/": re.compile(r"\barXiv (\d{4}\.\d{4,5})"),
}
NOT_RUN, STUBBED, REMARK = "not-run", "stand-ins", "remark"
NOTIFICATIONS = {
    NOT_RUN: "The network could not be run, so nothing is known about its rules.",
    STUBBED: "Packages that are missing were replaced by inert stand-ins.",
    REMARK: "A remark on the run.",
}


def render(outcome: Outcome, options: Options) -> str:
    """One run, as JSON in ASCII, indented, ending in a newline."""
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(outcome, options)]}, indent=2) + "\n"


def _run(outcome: Outcome, options: Options) -> dict[str, Any]:
    versions = options.versions if options.versions is not None else installed_versions()
    found = problems(outcome, options.root)
    codes = sorted({one.code for verdict in outcome.verdicts for one in verdict.findings})
    return {
        "tool": {
            "driver": {
                "name": "rfkit",
                "version": versions["rfkit"],
                "rules": [_rule(code) for code in codes],
                "notifications": [
                    {"id": name, "shortDescription": {"text": said}} for name, said in NOTIFICATIONS.items()
                ],
            }
        },
        "invocations": [_invocation(outcome, found)],
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, one.finding, codes) for one in found if one.finding is not None],
    }


def _rule(code: str) -> dict[str, Any]:
    rule = CATALOGUE.get(code)
    if rule is None:
        said = {"text": words.one_line(code)}
        return {"id": said["text"], "shortDescription": said, "fullDescription": said, "help": said}
    described = {
        "id": code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": _message(f"{rule.summary}.")},
        "fullDescription": {"text": _message(rule.meaning)},
        "help": {
            "text": _message(f"{rule.why}\n{rule.fix}\n{rule.reference}"),
            "markdown": f"{escaped(rule.why)}\n\n**What to do.** {escaped(rule.fix)}\n\n{escaped(rule.reference)}\n",
        },
    }
    link = _link(rule.reference)
    return {**described, "helpUri": link} if link else described


def _link(reference: str) -> str | None:
    """Where a reference can be read: the address, DOI or arXiv number in it."""
    found = ((prefix, pattern.search(reference)) for prefix, pattern in _LINKS.items())
    return next((prefix + match[1] for prefix, match in found if match), None)


def _invocation(outcome: Outcome, found: Sequence[Problem]) -> dict[str, Any]:
    said = [
        _notification(NOT_RUN, "error", words.excuse(one.verdict), one.place) for one in found if one.finding is None
    ]
    for verdict in outcome.verdicts:
        if verdict.stubs:
            names = words.one_line(f"{verdict.model}: {', '.join(verdict.stubs)}")
            said.append(_notification(STUBBED, "note", f"Stand-ins for packages that are missing, {names}."))
    said += [_notification(REMARK, "note", words.one_line(note)) for note in outcome.notes]
    return {
        "executionSuccessful": outcome.exit_code != 2,
        "exitCode": outcome.exit_code,
        "toolExecutionNotifications": said,
    }


def _notification(name: str, level: str, said: str, place: Place | None = None) -> dict[str, Any]:
    notification: dict[str, Any] = {"descriptor": {"id": name}, "level": level, "message": {"text": _message(said)}}
    return {**notification, "locations": [{"physicalLocation": _physical(place)}]} if place else notification


def _result(problem: Problem, finding: Finding, codes: Sequence[str]) -> dict[str, Any]:
    model = words.one_line(problem.verdict.model)
    known = {
        "model": problem.verdict.model,
        "target": problem.verdict.target,
        "rule": finding.rule,
        "status": finding.status.value,
        "value": None if finding.value is None else str(finding.value),
        "limit": finding.limit,
        "gap": None if finding.gap is None else str(finding.gap),
        "layer": finding.layer,
        "key": finding.key,
    }
    location: dict[str, Any] = {"physicalLocation": _physical(problem.place)}
    if finding.layer:
        layer = words.one_line(finding.layer)
        location["logicalLocations"] = [
            {"name": layer, "fullyQualifiedName": f"{model}.{layer}", "kind": "member"},
        ]
    return {
        "ruleId": problem.code,
        "ruleIndex": codes.index(finding.code),
        "level": LEVELS[finding.severity],
        "message": {"text": _message("\n".join([f"{model}: {problem.message}", *problem.advice]))},
        "locations": [location],
        "partialFingerprints": {FINGERPRINT: problem.fingerprint},
        "properties": {name: words.one_line(value) for name, value in known.items() if value is not None},
    }


def _message(said: str) -> str:
    """The text with nothing that a viewer takes for a link or for the place of an argument."""
    return said.replace("](", "] (").replace("{", "{{").replace("}", "}}")


def _physical(place: Place) -> dict[str, Any]:
    inside = not PurePath(place.path).is_absolute()
    uri = quote(place.path) if inside else PurePath(place.path).as_uri()
    artifact = {"uri": uri, "uriBaseId": ROOT} if inside else {"uri": uri}
    return {"artifactLocation": artifact, "region": {"startLine": max(place.line, 1)}}
