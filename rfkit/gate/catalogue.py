"""Every rule there is: its stable code, what it means, why it matters and how to satisfy it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rfkit.errors import UsageError
from rfkit.gate.rules import limits, structure, trust


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, as ``rfkit rule RF101`` explains it.

    Attributes:
        code: stable, e.g. ``RF101``.
        name: in kebab case, e.g. ``receptive-field-too-small``.
        summary: what is wrong where it is broken, one line without a full stop.
        asked: how a spec asks for it, one line of TOML; empty where no spec has to.
        meaning: what is looked at.
        why: why it matters.
        fix: how to satisfy it.
        reference: where to read more.
    """

    code: str
    name: str
    summary: str
    asked: str
    meaning: str
    why: str
    fix: str
    reference: str


CATALOGUE: Mapping[str, Rule] = {
    code: Rule(code, *texts) for code, texts in sorted({**limits.RULES, **structure.RULES, **trust.RULES}.items())
}


def explain(code: str, width: int = 80) -> str:
    """What a rule means, why it matters and how to satisfy it, as plain text wrapped at a width.

    Raises:
        UsageError: if no rule has the code or the name; it names the nearest.
    """
    rule = _find(code)
    parts = [("", rule.meaning), ("Why it matters. ", rule.why), ("What to do. ", rule.fix)]
    if rule.asked:
        parts.append(("In a spec. ", rule.asked))
    parts.append(("Read more. ", rule.reference))
    paragraphs = [textwrap.fill(head + text, width, break_on_hyphens=False) for head, text in parts]
    return "\n\n".join([f"{rule.code} {rule.name}: {rule.summary}", *paragraphs]) + "\n"


def listing() -> str:
    """All rules, one line each, by code."""
    widest = max(len(rule.name) for rule in CATALOGUE.values())
    return "".join(f"{rule.code}  {rule.name:<{widest}}  {rule.summary}\n" for rule in CATALOGUE.values())


def as_markdown() -> str:
    """The page of the documentation that lists all rules."""
    head = (
        "# Rules\n\nEvery rule that `rfkit check` knows. `rfkit rule RF101` prints the same in a terminal.\n"
        "Codes are stable: they are added, never given another meaning.\n\n| code | name | broken when |\n|---|---|---|\n"
    )
    table = "".join(
        f"| [{r.code}](#{r.code.lower()}-{r.name}) | {r.name} | {r.summary} |\n" for r in CATALOGUE.values()
    )
    return head + table + "".join(_section(rule) for rule in CATALOGUE.values())


def selected(code: str, select: Iterable[str], ignore: Iterable[str]) -> bool:
    """Whether a rule counts, given codes or their beginnings; nothing selected stands for all."""
    chosen = [s.upper() for s in select]
    return (not chosen or code.startswith(tuple(chosen))) and not code.startswith(tuple(s.upper() for s in ignore))


def _section(rule: Rule) -> str:
    asked = f"In a spec: `{rule.asked}`\n\n" if rule.asked else ""
    summary, meaning, why, fix = map(_prose, (rule.summary, rule.meaning, rule.why, rule.fix))
    return (
        f"\n## {rule.code} {rule.name}\n\n{summary[0].upper()}{summary[1:]}.\n\n{meaning}\n\n"
        f"**Why it matters.** {why}\n\n**What to do.** {fix}\n\n{asked}Read more: {_link(rule.reference)}\n"
    )


def _prose(text: str) -> str:
    """Text whose signs of multiplication Markdown does not take for emphasis."""
    return text.replace("*", "\\*")


def _link(reference: str) -> str:
    """A page of the documentation as a link, an address as it is."""
    page = reference.removeprefix("docs/")
    return f"[{page}]({page})" if page != reference else _prose(reference)


_MISREAD = str.maketrans("OILS", "0115")


def _find(code: str) -> Rule:
    word = code.strip()
    for rule in CATALOGUE.values():
        if word.upper() == rule.code or word.lower() == rule.name:
            return rule
    near = _nearest(word)
    raise UsageError(
        f"there is no rule {code!r}; " + (f"did you mean {near}?" if near else "rfkit rule lists them all")
    )


def _nearest(word: str) -> str | None:
    """The code that begins as a word does, letters read as digits; else the code or name most like it."""
    upper = word.upper()
    read = upper[:2] + upper[2:].translate(_MISREAD)
    begun = next((code for code in CATALOGUE if len(read) > 2 and code.startswith(read)), None)
    if begun is not None:
        return begun
    import difflib

    names = difflib.get_close_matches(word.lower(), [rule.name for rule in CATALOGUE.values()], 1, 0.6)
    codes = difflib.get_close_matches(read, CATALOGUE, 1, 0.6)
    return next(iter([*codes, *names]), None)
