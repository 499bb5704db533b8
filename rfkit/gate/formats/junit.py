"""JUnit's XML: a suite per network, a case per rule; valid for the schemas of Apache Ant and of Jenkins' xUnit plugin.

A rule that is broken or undecided is a failure of that type. One that does not hold but makes nothing fail (a warning,
an info, an excepted one) is skipped, as an expected failure is, with a message that says why. A network that could not
be run is a suite with one case, an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from rfkit.gate.findings import Finding, Outcome, Status, Verdict
from rfkit.gate.formats import concise, words
from rfkit.gate.formats.options import Options
from rfkit.gate.formats.problems import locate, problems

RUNS = "the network runs"
"""Name of the case that stands for a network that could not be run."""


def render(outcome: Outcome, options: Options) -> str:
    """One ``testsuites`` element, indented; what is no character of XML is left out."""
    root = ET.Element("testsuites")
    when = (options.now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S")
    lines: dict[int, list[str]] = {id(verdict): [] for verdict in outcome.verdicts}
    for problem in problems(outcome):
        lines[id(problem.verdict)].append(concise.line(problem))
    for number, verdict in enumerate(outcome.verdicts):
        suite = _suite(verdict, number, when, outcome.spec)
        ET.SubElement(suite, "system-out").text = "\n".join(lines[id(verdict)])
        ET.SubElement(suite, "system-err").text = words.one_line(verdict.error or "")
        root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(verdict: Verdict, number: int, when: str, spec: str | None) -> ET.Element:
    cases = [_case(verdict, finding, spec) for finding in verdict.findings]
    cases += [_error_case(verdict)] if verdict.error is not None else []
    _name(cases)
    suite = ET.Element(
        "testsuite",
        {
            "id": str(number),
            "package": "rfkit",
            "name": words.one_line(verdict.model) or "network",
            "timestamp": when,
            "hostname": "localhost",
            "tests": str(len(cases)),
            "failures": str(_holding(cases, "failure")),
            "errors": str(_holding(cases, "error")),
            "skipped": str(_holding(cases, "skipped")),
            "time": f"{verdict.seconds:.3f}",
        },
    )
    suite.append(_properties(verdict, spec))
    suite.extend(cases)
    return suite


def _holding(cases: Iterable[ET.Element], kind: str) -> int:
    return sum(case.find(kind) is not None for case in cases)


def _name(cases: Sequence[ET.Element]) -> None:
    """Number the cases of one name, so that no two of a suite are called the same."""
    seen: dict[str, int] = {}
    for case in cases:
        name = case.attrib["name"]
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            case.set("name", f"{name} ({seen[name]})")


def _element(verdict: Verdict, name: str, seconds: float) -> ET.Element:
    model = words.one_line(verdict.model) or "network"
    return ET.Element("testcase", {"name": name, "classname": model, "time": f"{seconds:.3f}"})


def _error_case(verdict: Verdict) -> ET.Element:
    case = _element(verdict, RUNS, verdict.seconds)
    message = words.excuse(verdict)
    ET.SubElement(case, "error", {"type": "error", "message": message}).text = message
    return case


def _case(verdict: Verdict, finding: Finding, spec: str | None) -> ET.Element:
    case = _element(verdict, words.one_line(f"{finding.code} {finding.rule}"), 0.0)
    if finding.status is Status.HELD:
        return case
    message = words.located(finding, words.one_line(finding.message))
    said = {"type": str(finding.status), "message": message} if finding.fails else {"message": _tolerated(finding)}
    ET.SubElement(case, "failure" if finding.fails else "skipped", said).text = _account(verdict, finding, spec)
    return case


def _tolerated(finding: Finding) -> str:
    """The message of what makes nothing fail: why it does not, then what was found."""
    excepted = "excepted: " if finding.excepted is not None else ""
    return excepted + words.located(finding, words.qualified(finding))


def _account(verdict: Verdict, finding: Finding, spec: str | None) -> str:
    """What a reader needs besides the message, a line each."""
    named = [
        ("excepted", finding.excepted),
        *(("help", line) for line in finding.help),
        ("note", finding.note),
        ("spec", f"{finding.key} in {spec}" if finding.key and spec else finding.key),
    ]
    lines = [f"{name}: {words.one_line(said)}" for name, said in named if said]
    place = locate(verdict, finding, spec)
    return "\n".join([f"{place}: {words.located(finding, words.qualified(finding))}", *lines])


def _properties(verdict: Verdict, spec: str | None) -> ET.Element:
    size, features, params, macs = words.figures(verdict)
    named = {
        "target": verdict.target,
        "spec": spec,
        "input_shape": "x".join(map(str, verdict.report.input_shape)) if verdict.report is not None else None,
        "receptive_field": size,
        "receptive_field_features": features,
        "params": params.replace(",", ""),
        "macs": macs.replace(",", ""),
        "stubs": " ".join(verdict.stubs),
    }
    found = ET.Element("properties")
    for name, value in named.items():
        if value:
            ET.SubElement(found, "property", {"name": name, "value": words.one_line(value)})
    return found
