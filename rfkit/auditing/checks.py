"""One stated number against the right one, and against the one that follows from the table's own numbers before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rfkit.auditing import diagnose
from rfkit.auditing.ledger import Ledger, on_axis
from rfkit.auditing.mistakes import NOUNS
from rfkit.auditing.model import Check, Diagnosis, Numbers, Verdict
from rfkit.auditing.network import Node, State
from rfkit.auditing.terms import Case
from rfkit.auditing.values import same
from rfkit.axes import axis_names
from rfkit.report import Number


def geometry(name: str, stated: Numbers, right: Numbers | None, node: Node) -> Check:
    """A kernel, stride, padding or dilation against the layer's."""
    if right is None or node.kind == "linear" or (name == "s" and any(step.free for step in node.steps)):
        return Check(name, stated, None, Verdict.UNCHECKED)
    if same(stated, right):
        return Check(name, stated, right, Verdict.RIGHT)
    return Check(name, stated, right, Verdict.WRONG, (_geometry_slip(name, stated, right, node),))


def _geometry_slip(name: str, stated: Numbers, right: Numbers, node: Node) -> Diagnosis:
    said, true = "x".join(map(str, stated)), "x".join(map(str, right))
    if name == "s" and node.kind == "pool" and stated == (1,):
        words = f"the pooling treated as stride 1; {node.type or 'it'} strides by {true}"
        return Diagnosis(("pooling_stride_1",), said, words)
    if name == "k" and stated == (3,) and right in ((1,), (2,)):
        return Diagnosis(("kernel_taken_for_3",), said, f"the {true}x{true} kernel taken for 3x3")
    noun = NOUNS[name]
    return Diagnosis((f"other_{noun}",), said, f"the layer's {noun} is {true}")


def compared(name: str, stated: Numbers, right: Numbers | None, cases: Sequence[Case]) -> tuple[Check, list[int]]:
    """The check of a number without diagnoses, and the axes on which it does not follow from the row's own inputs."""
    if right is None:
        return Check(name, stated, None, Verdict.UNCHECKED), []
    if same(stated, right):
        return Check(name, stated, right, Verdict.RIGHT), []
    letter = name[0]
    wrong = []
    for axis, case in enumerate(cases):
        true = on_axis(right, axis)
        follows = [getattr(case.step(case.own), letter)]
        if on_axis(stated, axis) != true and on_axis(stated, axis) not in follows:
            wrong.append(axis)
    verdict = Verdict.WRONG if wrong else Verdict.INHERITED
    return Check(name, stated, right, verdict), wrong


def output(
    name: str, stated: Numbers, right: Numbers | None, cases: Sequence[Case]
) -> tuple[Check, list[Number | None]]:
    """A number behind the layer: right, inherited, or wrong with every mistake that gives it."""
    check, wrong = compared(name, stated, right, cases)
    lasting: list[Number | None] = [None] * len(cases)
    if not wrong:
        return check, lasting
    letter = name[0]
    if all(_from_own_window(letter, cases[axis], on_axis(stated, axis)) for axis in wrong):
        return Check(name, stated, right, Verdict.INHERITED), lasting
    axis = wrong[0]
    found = _behind(letter, cases[axis], on_axis(stated, axis))
    for i in wrong:
        lasting[i] = _behind(letter, cases[i], on_axis(stated, i)).jump
    diagnoses = _on_axis(found.diagnoses, cases, axis)
    return Check(name, stated, right, Verdict.WRONG, diagnoses, _correction(letter, cases[axis])), lasting


def _behind(letter: str, case: Case, value: Number) -> diagnose.Found:
    """The diagnoses of a number; where nothing explains it, those with the jump of a slip above still in use."""
    found = diagnose.behind(letter, case, value)
    return diagnose.behind(letter, case.other, value) if case.other is not None and not found.diagnoses else found


def _from_own_window(letter: str, case: Case, value: Number) -> bool:
    """Whether the number follows from a kernel, stride, padding or dilation that is wrong in the row itself."""
    if not case.geometry:
        return False
    if letter == "j":
        stride = case.geometry.get("s")
        return stride is not None and case.own.j is not None and value == case.own.j * stride
    name = "other_geometry" if letter == "r" else "other_window"
    return diagnose.reproduced(letter, name, case) == value


def entrance(
    name: str,
    stated: Numbers,
    right: Numbers | None,
    cases: Sequence[Case],
    v: int,
    nodes: Sequence[Node],
    ledger: Ledger,
) -> Check:
    """A number in front of the layer: right, what the rows before give, or wrong with every mistake that gives it."""
    letter = name[0]
    if right is None:
        return Check(name, stated, None, Verdict.UNCHECKED)
    if same(stated, right):
        return Check(name, stated, right, Verdict.RIGHT)
    entered = ledger.entered[v]
    axes = range(len(cases))
    wrong = [
        axis for axis in axes
        if on_axis(stated, axis) not in (on_axis(right, axis), getattr(entered[axis], letter))
    ]  # fmt: skip
    if not wrong or _at_join(v, nodes, name, stated):
        return Check(name, stated, right, Verdict.INHERITED if wrong == [] else Verdict.RIGHT)
    axis = wrong[0]
    value = on_axis(stated, axis)
    plain = [_without(case, entered[i]) for i, case in enumerate(cases)]
    found = diagnose.before(letter, plain[axis], value) or _made_above(letter, value, axis, nodes, ledger)
    if letter == "n" and plain[axis].first:
        found = (
            Diagnosis(("other_image",), str(value), f"the network was traced on {on_axis(right, axis)} positions"),
        )
    return Check(name, stated, right, Verdict.WRONG, _on_axis(found, cases, axis), "")


def _without(case: Case, entered: State) -> Case:
    return replace(case, own=entered, given=frozenset())


def _at_join(v: int, nodes: Sequence[Node], name: str, stated: Numbers) -> bool:
    """Whether a row for a sum or a concatenation states the number of one of its branches."""
    if nodes[v].kind != "join":
        return False
    return any(nodes[u].right(f"{name[0]}_out") == stated for u in nodes[v].sources)


def _made_above(letter: str, value: Number, axis: int, nodes: Sequence[Node], ledger: Ledger) -> tuple[Diagnosis, ...]:
    """Mistakes made in the row above, where it does not state the number behind its layer."""
    u = ledger.above
    if u is None or f"{letter}_out" in ledger.stated[u].stated:
        return ()
    case = Case(nodes[u].steps[axis], nodes[u].kind, ledger.entered[u][axis], label=nodes[u].label)
    found = diagnose.behind(letter, case, value)
    return tuple(Diagnosis(d.mistakes, d.working, f"{d.remark}, at {nodes[u].label}") for d in found.diagnoses)


def _on_axis(found: Sequence[Diagnosis], cases: Sequence[Case], axis: int) -> tuple[Diagnosis, ...]:
    """The diagnoses, with the axis named where the axes are not alike."""
    if len({(case.step, case.own) for case in cases}) == 1:
        return tuple(found)
    name = axis_names(len(cases))[axis]
    return tuple(Diagnosis(d.mistakes, d.working, f"{d.remark} (along the {name})") for d in found)


def _correction(letter: str, case: Case) -> str:
    """The right arithmetic; where the row's own inputs are wrong too, first from those."""
    right = diagnose.correction(letter, replace(case, own=case.step.before))
    own = diagnose.correction(letter, case)
    if not own or own == right:
        return right
    return f"{right}; from the row's own numbers {own}"
