"""The body of a pull request's comment: a table of the networks, and one of what does not hold."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rfkit.gate.findings import Outcome, Verdict
from rfkit.gate.formats import words
from rfkit.gate.formats.options import Options
from rfkit.gate.formats.problems import Problem, problems, worst_first

MARKER = "<!-- rfkit -->"
"""The first line, by which the comment to be renewed is found."""
COMMENT_BYTES = 2**16 - 2**10
NETWORKS = ("network", "verdict", "RF", "features", "parameters", "MACs", "rules")
NETWORKS_ALIGNED = (":--", ":--", "--:", "--:", "--:", "--:", ":--")
PROBLEMS = ("where", "rule", "network", "what does not hold")
PROBLEMS_ALIGNED = (":--", ":--", ":--", ":--")
ROOM_FOR_HEADINGS = 1024

_SPECIAL = re.compile(r"[\\|`<&*\[\]~$]|(?<![^\W_])_|_(?![^\W_])|#(?=\d)|^[#>+=-]")
"""What GitHub takes for markup, or for the number of an issue; a ``_`` inside a word is none."""
_NUMBERED = re.compile(r"^(\d+)([.)])")
_IN_CODE = re.compile(r"[\\|`<>&*_\[\]~$#@]")
_MENTION = re.compile(r"@(?=\w)")


def render(outcome: Outcome, options: Options) -> str:
    """The comment, its marker first, less than 64 KiB; where not all fits, the worst stays and the rest is counted."""
    return f"{MARKER}\n{body(outcome, options, COMMENT_BYTES)}"


def body(outcome: Outcome, options: Options, limit: int) -> str:
    """The comment without its marker, of at most ``limit`` bytes in UTF-8."""
    head = [f"### rfkit: {escaped(words.conclusion(outcome))}"]
    asides = _within([f"- {line}" for line in _asides(outcome)], limit // 8, "- {:,} more notes are in the log.")
    found = worst_first(problems(outcome, options.root))
    rows = [_line(_network(verdict)) for verdict in outcome.verdicts]
    lines = [_line(_problem(one)) for one in found]
    room = limit - _size([*head, *asides]) - ROOM_FOR_HEADINGS
    networks = _within(rows, room // 2 if found else room, "\n{:,} more networks are in the log.")
    shown = _within(lines, room - _size(networks), "\n{:,} more problems are in the log.")
    parts = [
        head,
        [_line(NETWORKS), _line(NETWORKS_ALIGNED), *networks] if networks else [],
        [_line(PROBLEMS), _line(PROBLEMS_ALIGNED), *shown] if shown else [],
        asides,
    ]
    return "\n".join("\n".join(part) + "\n" for part in parts if part)


def _network(verdict: Verdict) -> Sequence[str]:
    standing = "" if verdict.error is not None else words.standing(words.counted(verdict.findings))
    state = words.state(verdict)
    return (code(verdict.model), state if state == "held" else f"**{state}**", *words.figures(verdict), standing)


def _problem(problem: Problem) -> Sequence[str]:
    where, model = code(str(problem.place)), code(problem.verdict.model)
    message = escaped(problem.message)
    said = "<br>".join([f"**{message}**" if message else "", *map(escaped, problem.advice)])
    return where, escaped(problem.code), model, said


def _asides(outcome: Outcome) -> list[str]:
    """What else there is to say: exceptions, stand-ins, notes."""
    said = []
    for verdict in outcome.verdicts:
        name = code(verdict.model)
        for one in verdict.findings:
            if one.excepted is not None:
                layer = f" at {code(one.layer)}" if one.layer else ""
                said.append(f"{name}: {escaped(one.code)}{layer} is excepted: {escaped(one.excepted)}")
        if verdict.stubs:
            said.append(f"{name}: stand-ins for packages that are missing: {', '.join(map(code, verdict.stubs))}")
    return [*said, *map(escaped, outcome.notes)]


def escaped(said: str) -> str:
    """The words as one line of text: nothing in them is markup, a column's end or a mention."""
    marked = _MENTION.sub("@\u200b", _SPECIAL.sub(_entity, words.one_line(said)))
    return _NUMBERED.sub(lambda found: f"{found[1]}&#{ord(found[2])};", marked)


def _entity(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"


def code(name: str) -> str:
    """The name as code, also where it holds what would end it."""
    name = words.one_line(name)
    plain = name.strip() == name and name and not set("`|\\") & set(name)
    return f"`{name}`" if plain else f"<code>{_IN_CODE.sub(_entity, name)}</code>"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _within(lines: Sequence[str], limit: int, rest: str) -> list[str]:
    """The first lines, as many as fit so many bytes, then ``rest`` with how many were left out."""
    kept: list[str] = []
    size = 0
    for line in lines:
        size += _size([line])
        if size > limit:
            return [*kept, rest.format(len(lines) - len(kept))]
        kept.append(line)
    return kept


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)
