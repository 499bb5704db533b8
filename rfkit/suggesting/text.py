"""Suggestions for a terminal: what is broken, each way out with its effect, what was tried."""

from __future__ import annotations

from collections.abc import Mapping

from rfkit.gate.findings import Finding, Status
from rfkit.gate.formats import words
from rfkit.gate.formats.lines import BOLD, DIM, GREEN, RED, hanging, styled
from rfkit.render.text import area, human, listing, shorten, sizes
from rfkit.render.text import width as cells
from rfkit.report import Report
from rfkit.suggesting.found import Suggestion, Suggestions
from rfkit.suggesting.sites import Obstacle

MARGIN = "    "
_REMEDIES: Mapping[str, str] = {
    Obstacle.FUNCTION: "modules in their place can be changed",
    Obstacle.SEVERAL: "change these by hand",
    Obstacle.HOOKED: "they can be changed when these are removed",
    Obstacle.SHARED: "they can be changed when each has its own",
    Obstacle.OTHER: "change these by hand",
}


def render(found: Suggestions, width: int = 80, color: bool = False) -> str:
    """The whole as text, no line wider than ``width`` (at least 60), ending in a newline."""
    width = max(width, 60)
    parts = [_heading(found, width, color)]
    if not found.in_spec:
        parts.append(_broken(found.findings, width, color))
        parts += [_introduction(found, width, color)]
        parts += [_one(number, each, found, width, color) for number, each in enumerate(found.found, 1)]
        parts.append(_without(found, width) if not found.found else [])
        parts.append([styled(line, DIM, color) for line in _effort(found, width)])
    return "\n".join(f"{line}\n" for line in ("\n".join(part) for part in parts if part))


def _heading(found: Suggestions, width: int, color: bool) -> list[str]:
    standing = words.standing(words.counted(found.findings))
    if found.in_spec:
        standing = f"{standing}: nothing needs to be changed"
    name = shorten(words.one_line(found.model), max(width - len(standing) - 2, width // 3))
    return hanging(f"{styled(name, BOLD, color)}  ", standing, width, cells(name) + 2)


def _broken(findings: tuple[Finding, ...], width: int, color: bool) -> list[str]:
    lines: list[str] = []
    for finding in findings:
        if finding.fails:
            first = f"{styled(finding.code, RED, color)}  "
            lines += hanging(first, words.qualified(finding), width, len(finding.code) + 2)
    return lines


def _introduction(found: Suggestions, width: int, color: bool) -> list[str]:
    number = len(found.found)
    if not number:
        return []
    needed = "One edit is enough" if len(found.found[0].edits) == 1 else "Two edits are needed"
    which = "This one was" if number == 1 else f"Each of these {number} was"
    line = f"{needed}. {which} made in a copy of the network, which then passed:"
    return [styled(each, GREEN, color) for each in hanging("", line, width)]


def _one(number: int, suggestion: Suggestion, found: Suggestions, width: int, color: bool) -> list[str]:
    lines = _edits(f"{number:>2}  ", suggestion, found, width)
    effect = effects(found.report, suggestion.report)
    lines += [styled(line, DIM, color) for line in hanging(MARGIN, effect, width)]
    return lines


def _edits(first: str, suggestion: Suggestion, found: Suggestions, width: int) -> list[str]:
    lines: list[str] = []
    for edit in suggestion.edits:
        place = next((x.place for x in found.report if x.name in edit.layers and x.place), None)
        line, beside = words.one_line(edit.text), f" ({place})"
        fits = place is not None and len(MARGIN + line + beside) <= width
        lines += hanging(first if not lines else MARGIN, line + beside if fits else line, width)
    return lines


def effects(before: Report, after: Report) -> str:
    """What edits do to the figures of a network: ``RF 47 -> 63; params, MACs, maps and output unchanged``."""
    old, new = before.totals, after.totals
    found = {
        "RF": _arrow(_size(old.receptive_field), _size(new.receptive_field)),
        "features' RF": _arrow(_size(old.receptive_field_features), _size(new.receptive_field_features)),
        "params": _counted(old.params, new.params, f"{new.params:,}"),
        "MACs": _counted(old.macs, new.macs, human(new.macs)),
        "maps": _maps(before, after),
        "output": _arrow(area(old.output_shapes[0]), area(new.output_shapes[0])),
    }
    if old.receptive_field_features == old.receptive_field:
        del found["features' RF"]
    changed = ", ".join(f"{name} {how}" for name, how in found.items() if how)
    same = [name for name, how in found.items() if not how]
    unchanged = f"{' and '.join([', '.join(same[:-1]), same[-1]] if len(same) > 1 else same)} unchanged" if same else ""
    return "; ".join(part for part in (changed, unchanged) if part)


def _size(values: tuple[object, ...]) -> str:
    return sizes(["?" if value is None else value for value in values]) if values else "?"


def _arrow(old: str, new: str) -> str:
    return f"{old} -> {new}" if old != new else ""


def _counted(old: int, new: int, written: str) -> str:
    if old == new:
        return ""
    share = (new - old) / max(old, 1)
    return f"{written} ({share:+.0%})" if abs(share) >= 0.005 else f"{written} ({new - old:+,})"


def _maps(before: Report, after: Report) -> str:
    """The first map that does not keep its size."""
    old = {layer.label: layer.output_shape[2:] for layer in before}
    for layer in after:
        was, now = old.get(layer.label, layer.output_shape[2:]), layer.output_shape[2:]
        if was != now:
            return f"{area(was) or '1'} -> {area(now) or '1'} from {layer.label} on"
    return ""


def _without(found: Suggestions, width: int) -> list[str]:
    lines = hanging("", _verdict(found), width)
    for finding in found.beyond:
        lines += hanging("", _beyond(finding, found.report), width)
    for reason, labels in found.left_alone.items():
        names = words.one_line(listing(labels, 60))
        lines += hanging("", f"Left alone, {reason} ({_REMEDIES[reason]}): {names}", width)
    if found.nearest is not None:
        lines += ["", "Nearest:", *_edits(MARGIN, found.nearest, found, width)]
        for finding in found.nearest.findings:
            if finding.fails:
                lines += hanging(f"{MARGIN}leaves {finding.code}: ", words.qualified(finding), width)
    return lines


def _verdict(found: Suggestions) -> str:
    if found.out_of_time:
        return "No edit that was tried makes it pass."
    if not found.tried:
        return "There is no edit to try."
    pairs = ", and no pair of edits that was tried" if found.together > 1 else ""
    return f"No single edit makes it pass{pairs}."


def _beyond(finding: Finding, report: Report) -> str:
    unknown = sorted({layer.unknown for layer in report if layer.unknown})
    if finding.status is Status.UNDECIDED and unknown:
        return (
            f"{finding.code} ({words.one_line(finding.rule)}) cannot be decided, so no edit mends it: teach rfkit "
            f"{words.one_line(listing(unknown))} with @rfkit.rule, or replace it."
        )
    return f"No kind of edit is known to mend {finding.code} ({words.one_line(finding.rule)})."


def _effort(found: Suggestions, width: int) -> list[str]:
    tried = words.many(found.tried, "edit") if found.together == 1 else f"{found.tried:,} edits and pairs of edits"
    lines = [f"{tried} tried, {found.applied} made in a copy, in {found.seconds:.1f} s"]
    if found.out_of_time:
        lines += hanging("", f"{_untried(found)} --seconds gives the search longer.", width)
    return lines


def _untried(found: Suggestions) -> str:
    """What its time was too short for: single edits by their kinds, or pairs."""
    kinds = [f"{number:,} of kind {kind}" for kind, number in found.untried.items()]
    if not kinds:
        return "Its time was over before every pair or copy was tried."
    return f"Its time was over before every single edit was tried: {', '.join(kinds)} are left."
