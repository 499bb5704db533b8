"""The result in one sentence, such as a teacher would write under the work."""

from __future__ import annotations

from collections.abc import Sequence

from rfkit.auditing.diagnose import phrase
from rfkit.auditing.model import GEOMETRY, Audit, Check, Claim, Diagnosis, Numbers, Row, Verdict
from rfkit.render.text import sizes
from rfkit.report import Report

NOUNS = {
    "k": "kernels",
    "s": "strides",
    "p": "paddings",
    "d": "dilations",
    "n_in": "input sizes",
    "n_out": "output sizes",
    "r_in": "receptive fields in front of the layers",
    "r_out": "receptive fields",
    "j_in": "jumps in front of the layers",
    "j_out": "jumps",
}
SINGULAR = {
    "k": "kernel",
    "s": "stride",
    "p": "padding",
    "d": "dilation",
    "n_in": "input size",
    "n_out": "output size",
    "r_in": "receptive field in front",
    "r_out": "receptive field",
    "j_in": "jump in front",
    "j_out": "jump",
}
OTHER_VERSION = 0.25
"""Share of rows with a window that is not the network's, from which a table is taken for that of another version."""


def sentence(audit: Audit, report: Report, more_than: int | None = None) -> str:
    """The verdict: what is right, where it goes wrong and by which mistake, and where it arrives."""
    if not audit.rows:
        return " ".join(_on_claim(claim, more_than) for claim in audit.claims)
    faulty = [row for row in audit.rows if row.wrong]
    if not faulty and not audit.unfitting:
        return _all_right(audit, report, more_than)
    parts = [_praise(audit), _blame(audit, faulty)]
    found = ", but ".join(part for part in parts if part)
    arrival = _arrival(audit, more_than)
    return f"{found[:1].upper()}{found[1:]}{arrival}."


def _all_right(audit: Audit, report: Report, more_than: int | None) -> str:
    checked = sum(check.verdict is Verdict.RIGHT for row in audit.rows for check in row.checks)
    wrong = [claim for claim in audit.claims if claim.verdict is Verdict.WRONG]
    if wrong:
        return f"Every row is right, yet the total is not: {' '.join(_on_claim(claim, more_than) for claim in wrong)}"
    if not checked:
        return "No number of the table could be checked against the network."
    seen = _seen(report)
    ending = f"; the network sees {seen}" if seen else ""
    return f"Everything is right: all {checked} numbers of the {len(audit.rows)} rows agree with the network{ending}."


def _seen(report: Report) -> str:
    after, before = report.totals.receptive_field, report.totals.receptive_field_features
    if None in after or not after:
        return ""
    shorter = f", {sizes(before)} before pooling" if before != after and None not in before and before else ""
    return f"{sizes(after)}{shorter}"


def _praise(audit: Audit) -> str:
    """What is right throughout, the numbers that were worked out first."""
    right = []
    for letter in "njr":
        behind, front = _checks(audit, f"{letter}_out"), _checks(audit, f"{letter}_in")
        quantity = f"{letter}_out" if behind else f"{letter}_in"
        if (behind or front) and all(check.verdict is Verdict.RIGHT for check in behind or front):
            right.append(NOUNS[quantity])
    return f"all {together(right)} are right" if right else ""


def _checks(audit: Audit, quantity: str) -> list[Check]:
    found = [check for row in audit.rows for check in row.checks if check.quantity == quantity]
    return [check for check in found if check.verdict is not Verdict.UNCHECKED]


def _blame(audit: Audit, faulty: Sequence[Row]) -> str:
    """Where the slips are and what they are; rows that fit no layer, and what that means."""
    geometric = {row.line for row in faulty if any(check.quantity in GEOMETRY for check in _serious(row))}
    strange = len(audit.unfitting) + len(geometric)
    if strange > OTHER_VERSION * len(audit.rows) and strange > 1:
        words = (
            f"{strange} of {len(audit.rows)} rows do not have a layer's window, so the table seems to belong to another"
        )
        return f"{words} version of the network"
    causes = _causes(faulty)
    if audit.unfitting:
        count = len(audit.unfitting)
        causes.append(f"{count} {'row fits' if count == 1 else 'rows fit'} no layer")
    inherited = any(check.verdict is Verdict.INHERITED for row in audit.rows for check in row.checks)
    return ", and ".join(causes) + ("; what follows is worked out correctly from there" if inherited else "")


def _serious(row: Row) -> list[Check]:
    return [check for check in row.wrong if not any("pooling_stride_1" in d.mistakes for d in check.diagnoses)]


def _causes(faulty: Sequence[Row]) -> list[str]:
    """Slips with the same explanation together: ``at conv2.0 and conv2.4 the dilation or the jump is left out``."""
    places: dict[str, list[str]] = {}
    for row in faulty:
        for check in row.wrong:
            labels = places.setdefault(_words(check), [])
            where = row.layer or f"line {row.line}"
            if where not in labels:
                labels.append(where)
    return [f"at {together(labels)} {words}" for words, labels in places.items()]


def together(words: Sequence[str], most: int = 6, last: str = "and") -> str:
    """``a, b and c``; ``a, b and 7 more`` where there are too many."""
    if len(words) > most:
        words = [*words[: most - 1], f"{len(words) - most + 1} more"]
    return f" {last} ".join([part for part in (", ".join(words[:-1]), words[-1]) if part])


def _words(check: Check) -> str:
    if not check.diagnoses:
        return f"the {SINGULAR[check.quantity]} is wrong for a reason that could not be found"
    if len(check.diagnoses) > 1 and all(len(diagnosis.mistakes) > 1 for diagnosis in check.diagnoses):
        return f"two mistakes meet in the {SINGULAR[check.quantity]}, in one of {len(check.diagnoses)} ways"
    return either(check.diagnoses)


def either(diagnoses: Sequence[Diagnosis]) -> str:
    """All explanations of a number as alternatives: ``the dilation or the jump is left out``."""
    clauses = list(dict.fromkeys(" and ".join(map(phrase, diagnosis.mistakes)) for diagnosis in diagnoses))
    ending = " is left out"
    if len(clauses) > 1 and all(clause.endswith(ending) for clause in clauses):
        return together([clause.removesuffix(ending) for clause in clauses], last="or") + ending
    return together(clauses, 4, "or")


def _arrival(audit: Audit, more_than: int | None) -> str:
    """Where the table ends and where the network does: ``; the table arrives at 47, the network at 55``."""
    last = next((row["r_out"] for row in reversed(audit.rows) if any(c.quantity == "r_out" for c in row.checks)), None)
    if last is None or last.right is None:
        return ""
    said, true = sizes(last.stated), sizes(last.right)
    if last.verdict is Verdict.RIGHT:
        return f"; it arrives at {true} all the same"
    return f"; the table arrives at {said} where the network sees {true}{_limit(last.stated, last.right, more_than)}"


def _limit(stated: Numbers, right: Numbers, more_than: int | None) -> str:
    if more_than is None:
        return ""
    said, true = min(stated) > more_than, min(right) > more_than
    if said == true:
        return f", {'both' if said else 'neither'} more than {more_than}"
    return f", of which only {sizes(stated if said else right)} is more than {more_than}"


def _on_claim(claim: Claim, more_than: int | None) -> str:
    said = sizes(claim.stated)
    if claim.right is None:
        return f"The receptive field of this network is not known, so {said} could not be checked."
    true, before = sizes(claim.right), sizes(claim.right_features or ())
    if claim.means:
        other = f"; before pooling it is {before}" if claim.right_features not in (None, claim.right) else ""
        if claim.means == ("before pooling",):
            other = f"; after it, the network sees {true}"
        place = f" {claim.means[0]}" if claim.right_features not in (None, claim.right) else ""
        return f"{said} is right{place}{other}{_limit(claim.stated, claim.right, more_than)}."
    pooled = f" ({before} before pooling)" if claim.right_features not in (None, claim.right) else ""
    limit = _limit(claim.stated, claim.right, more_than)
    return f"{said} is not right: the network sees {true}{pooled}{limit}; {_cause(said, claim)}."


def _cause(said: str, claim: Claim) -> str:
    remarks = [diagnosis.remark.removesuffix(", after pooling") for diagnosis in claim.diagnoses]
    if not remarks:
        return f"no mistake that rfkit knows gives {said}"
    more = len(remarks) - 2
    others = f", or in {more} other way{'s' if more > 1 else ''}" if more > 0 else ""
    return f"{said} comes out when {', or when '.join(remarks[:2])}{others}"
