"""The form for a terminal: quiet about what holds, precise about what does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rfkit.gate.findings import Finding, Outcome, Severity, Status, Verdict
from rfkit.gate.formats import summary, words
from rfkit.gate.formats.lines import BOLD, CYAN, DIM, GREEN, RED, YELLOW, hanging, styled
from rfkit.gate.formats.options import Options
from rfkit.gate.formats.problems import locate
from rfkit.render import text

TABLE_FROM = 5
"""Networks from which on one table takes the place of a line for each."""
WIDEST_PLACE = 20
"""Columns of a place that still stands beside its message."""
NARROWEST = 60
CODE = 5
"""Columns of a code, and of the names of what stands below it."""


def render(outcome: Outcome, options: Options) -> str:
    """What holds in a line per network, then everything that does not, then how many rules that are.

    From ``TABLE_FROM`` networks on, a table of all of them stands before the last line instead of the lines.
    ``options.quiet`` leaves only what makes the check fail. No line is wider than ``options.width`` (at least 60).
    """
    options = replace(options, width=max(options.width, NARROWEST))
    tabled = len(outcome.verdicts) >= TABLE_FROM and not options.quiet
    parts = [] if options.quiet or tabled else [_standing_lines(outcome.verdicts, options)]
    parts += [
        _block(verdict, outcome, options) for verdict in outcome.verdicts if verdict.error is None or verdict.findings
    ]
    parts += [[line for verdict in outcome.verdicts for line in _error(verdict, options)]]
    parts += [summary.table(outcome, options).splitlines()] if tabled else []
    parts += [_closing(outcome, options)]
    return "".join(f"{line}\n" for line in _joined(parts))


def _joined(parts: Sequence[Sequence[str]]) -> list[str]:
    """All lines, with an empty one between parts that have any."""
    lines: list[str] = []
    for part in parts:
        lines += ["", *part] if lines and part else part
    return lines


def _standing_lines(verdicts: Sequence[Verdict], options: Options) -> list[str]:
    """A line per network that passes: its name, how many rules hold, its figures."""
    passed = [verdict for verdict in verdicts if verdict.exit_code == 0]
    names = [text.shorten(words.one_line(verdict.model), options.width // 3) for verdict in passed]
    standings = [words.standing(words.counted(verdict.findings)) for verdict in passed]
    name_width, standing_width = (max(map(text.width, cells), default=0) for cells in (names, standings))
    lines = []
    for verdict, name, standing in zip(passed, names, standings, strict=True):
        room = options.width - name_width - standing_width - 4
        known = _figures(verdict, room)
        gap = " " * (standing_width - text.width(standing) + 2)
        good = GREEN if verdict.findings else YELLOW
        line = f"{text.pad(name, name_width)}  {styled(standing, good, options.color)}"
        lines.append(line + (gap + styled(known, DIM, options.color) if known else ""))
    return lines


def _figures(verdict: Verdict, room: int) -> str:
    """As many of the key figures as fit: ``RF 55 (features 39), 145,114 parameters, 18,828,096 MACs``."""
    size, features, params, macs = words.figures(verdict)
    if not size:
        return ""
    shown = [f"RF {size}" + (f" (features {features})" if features not in (size, "?") else "")]
    shown += [f"{params} parameters", f"{macs} MACs"]
    while shown and text.width(", ".join(shown)) > room:
        shown.pop()
    return ", ".join(shown)


def _block(verdict: Verdict, outcome: Outcome, options: Options) -> list[str]:
    """Everything there is to say of one network besides that it holds: problems, exceptions, stand-ins."""
    several = len(outcome.verdicts) > 1
    wanted = [one for one in verdict.findings if (one.fails if options.quiet else one.counts)]
    margin = "  " if several else ""
    parts = _findings(verdict, wanted, outcome.spec, options, margin)
    aside = [] if options.quiet else _asides(verdict, options, margin)
    if not parts and not aside:
        return []
    return _joined([_heading(verdict, options) if several else [], *parts, aside])


def _error(verdict: Verdict, options: Options) -> list[str]:
    if verdict.error is None:
        return []
    return hanging(f"{styled('error', RED, options.color)}  ", words.excuse(verdict), options.width, CODE + 2)


def _heading(verdict: Verdict, options: Options) -> list[str]:
    """``net  net.py:Net  2 of 11 rules broken``; without the target where that is the name or too long."""
    name = text.shorten(words.one_line(verdict.model), options.width // 2)
    target, standing = words.one_line(verdict.target), words.standing(words.counted(verdict.findings))
    bold = f"{styled(name, BOLD, options.color)}  "
    lead = text.width(name) + 2
    if target != words.one_line(verdict.model) and lead + text.width(f"{target}  {standing}") <= options.width:
        return [f"{bold}{styled(target, DIM, options.color)}  {standing}"]
    return hanging(bold, standing, options.width, lead)


def _findings(
    verdict: Verdict, wanted: Sequence[Finding], spec: str | None, options: Options, margin: str
) -> list[list[str]]:
    """A paragraph per finding. Places that would leave the message too little room stand on lines of their own."""
    places = [str(locate(verdict, one, spec)) for one in wanted]
    column = max(map(text.width, places), default=0)
    beside = column <= min(WIDEST_PLACE, options.width // 3)
    indent = margin + " " * (column + 2 if beside else 4)
    found = []
    for one, place in zip(wanted, places, strict=True):
        above = [] if beside else [margin + text.shorten(place, options.width - len(margin))]
        before = margin + text.pad(place, column + 2) if beside else indent
        found.append([*above, *_paragraph(one, spec, options, before, indent)])
    return found


def _paragraph(finding: Finding, spec: str | None, options: Options, before: str, indent: str) -> list[str]:
    """One finding: code and message, below them layer, ways out, the team's note, where the rule stands."""
    code = text.pad(words.one_line(finding.code), CODE)
    lead = text.width(before) + text.width(code) + 2
    first = f"{before}{styled(code, _color(finding), options.color)}  "
    lines = hanging(first, words.qualified(finding), options.width, lead)
    for label, line in _details(finding, spec):
        named = f"{indent}{styled(text.pad(label, CODE), DIM, options.color)}  "
        lines += hanging(named, words.one_line(line), options.width, text.width(indent) + CODE + 2)
    return lines


def _color(finding: Finding) -> str:
    if finding.severity is Severity.INFO:
        return CYAN
    return RED if finding.fails and finding.status is Status.BROKEN else YELLOW


def _details(finding: Finding, spec: str | None) -> list[tuple[str, str]]:
    """What stands below a message, each line with its name."""
    found = [("layer", finding.layer)] if finding.layer else []
    found += [("help", line) for line in finding.help]
    found += [("note", finding.note)] if finding.note else []
    found += [("spec", f"{finding.key} in {spec}" if spec else finding.key)] if finding.key else []
    return found


def _asides(verdict: Verdict, options: Options, margin: str) -> list[str]:
    """What was excepted and which packages were replaced, a dim sentence each."""
    excepted = [
        f"{one.code}{f' {one.layer}' if one.layer else ''} ({one.excepted})"
        for one in verdict.findings
        if one.excepted is not None
    ]
    said = [("excepted: ", ", ".join(excepted))] if excepted else []
    said += [("stand-ins for packages that are missing: ", ", ".join(verdict.stubs))] if verdict.stubs else []
    lines = []
    for label, names in said:
        lines += hanging(margin, label + words.one_line(names), options.width)
    return [styled(line, DIM, options.color) for line in lines]


def _closing(outcome: Outcome, options: Options) -> list[str]:
    """How many rules hold, unless a single line said it all already, and what else there is to say."""
    code, several = outcome.exit_code, len(outcome.verdicts) != 1
    lines = []
    if code == 1 or (several and (code or not options.quiet)):
        lines = hanging("", words.conclusion(outcome), options.width)
        lines = [styled(line, RED if code else GREEN, options.color) for line in lines]
    if not options.quiet:
        for note in outcome.notes:
            lines += hanging("", words.one_line(note), options.width)
    return lines
