"""What a table has said so far, and what each row works with because of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from rfkit.auditing.align import Alignment
from rfkit.auditing.entries import Entry
from rfkit.auditing.model import GEOMETRY, Numbers, Row
from rfkit.auditing.network import IMAGE, Node, State, Step
from rfkit.auditing.terms import Case
from rfkit.auditing.values import whole
from rfkit.report import Number

States = tuple[State, ...]


@dataclass
class Ledger:
    """What is known while a table is gone through: the table's own numbers behind each node, and what was judged.

    Attributes:
        own: behind every node gone through, the table's own numbers where it states them, else what follows from them.
        entered: the same in front of every node.
        stated: nodes that have a row, and that row.
        rows: the rows judged, in order.
        other_jumps: jumps behind nodes if a slip above was one about jumps that the table does not state.
        above: the node of the row above.
        cases: line, number, case and stated value of every number behind a layer, on the first axis.
    """

    own: dict[int, States] = field(default_factory=dict)
    entered: dict[int, States] = field(default_factory=dict)
    stated: dict[int, Entry] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    cases: list[tuple[int, str, Case, Number]] = field(default_factory=list)
    other_jumps: dict[int, tuple[Number | None, ...]] = field(default_factory=dict)
    above: int | None = None


def entered(v: int, nodes: Sequence[Node], alignment: Alignment, ledger: Ledger) -> States:
    """The table's own numbers in front of a node: those of the largest path, and what the right ones add to it."""
    sources = [u for u in alignment.sources.get(v, ()) if u in ledger.own]
    if not sources:
        return tuple(step.before for step in nodes[v].steps)
    found = []
    for axis, step in enumerate(nodes[v].steps):
        largest = max(sources, key=lambda u: nodes[u].steps[axis].after.r or 0)
        state, truth = ledger.own[largest][axis], nodes[largest].steps[axis].after
        sizes = [ledger.own[u][axis].r for u in sources]
        r = None if None in sizes else max(size for size in sizes if size is not None)
        if r is not None and step.before.r is not None and truth.r is not None and step.before.r != truth.r:
            scale = Fraction(state.j) / truth.j if state.j and truth.j else Fraction(1)
            r = whole(r + (step.before.r - truth.r) * scale)
        found.append(State(r, state.j, state.n))
    return tuple(found)


def on_axis(stated: Numbers, axis: int) -> Number:
    """The number that counts on an axis."""
    return stated[0] if len(stated) == 1 else stated[axis]


def case_of(entry: Entry, v: int, axis: int, nodes: Sequence[Node], alignment: Alignment, ledger: Ledger) -> Case:
    """What the row works with: its own inputs where it states them, else what follows from the rows before it."""
    node, step = nodes[v], nodes[v].steps[axis]
    state = ledger.entered[v][axis]
    given = {name: on_axis(entry.stated[name], axis) for name in ("r_in", "j_in", "n_in") if name in entry.stated}
    own = State(given.get("r_in", state.r), given.get("j_in", state.j), given.get("n_in", state.n))
    above = None if ledger.above is None else (nodes[ledger.above].label, ledger.own[ledger.above][axis])
    reached, skipped = _back(v, nodes, alignment, ledger)
    return Case(
        step, node.kind, own, frozenset(given), _own_geometry(entry, step, axis),
        first=ledger.above is None and reached == IMAGE and not skipped,
        above=above, skipped=skipped if reached == ledger.above else (),
        branches=_branches(v, axis, nodes, ledger),
        upstream=tuple(_upstream(v, axis, nodes, alignment, ledger)), label=node.label,
        other_jump=None if "j_in" in given else other_jump(v, axis, nodes, alignment, ledger),
        beside=ledger.above is not None and ledger.above not in _ancestors(v, nodes),
    )  # fmt: skip


def other_jump(v: int, axis: int, nodes: Sequence[Node], alignment: Alignment, ledger: Ledger) -> Number | None:
    """The jump in front of a node if a slip above was one about jumps; None where there is no such doubt."""
    sources = [u for u in alignment.sources.get(v, ()) if u in ledger.own]
    if not sources:
        return None
    largest = max(sources, key=lambda u: nodes[u].steps[axis].after.r or 0)
    return ledger.other_jumps.get(largest, (None,) * len(nodes[v].steps))[axis]


def carried_on(jumps: Sequence[Number | None], node: Node) -> tuple[Number | None, ...]:
    """Jumps in front of a node, as they are behind it."""
    pairs = zip(jumps, node.steps, strict=True)
    return tuple(None if j is None or step.factor is None else whole(Fraction(j) * step.factor) for j, step in pairs)


def _own_geometry(entry: Entry, step: Step, axis: int) -> dict[str, int]:
    """The row's kernel, stride, padding and dilation where they are not the layer's."""
    found = {}
    for name in GEOMETRY:
        right = getattr(step, name)
        if name in entry.stated and right is not None and not (step.free and name == "s"):
            value = on_axis(entry.stated[name], axis)
            if value != right and isinstance(value, int):
                found[name] = value
    return found


def _back(v: int, nodes: Sequence[Node], alignment: Alignment, ledger: Ledger) -> tuple[int, tuple[str, ...]]:
    """The nearest node before this one that has a row (or the image), and the layers without a row in between."""
    skipped: list[str] = []
    while v != IMAGE:
        sources = [u for u in alignment.sources.get(v, ()) if u in ledger.own]
        if not sources:
            break
        v = max(sources, key=lambda u: nodes[u].steps[0].after.r or 0)
        if v in ledger.stated:
            break
        if nodes[v].changes and nodes[v].kind != "join":
            skipped.append(nodes[v].label)
    return v, tuple(reversed(skipped))


def _branches(v: int, axis: int, nodes: Sequence[Node], ledger: Ledger) -> tuple[tuple[str, State], ...]:
    """The smaller paths that meet right before the node, where they do."""
    while v not in ledger.stated and v != IMAGE:
        if len(nodes[v].sources) > 1:
            paths = nodes[v].sources[:-1]
            states = [
                (nodes[u].label, ledger.own[u][axis] if u in ledger.own else nodes[u].steps[axis].after) for u in paths
            ]
            return tuple(states)
        (u,) = nodes[v].sources
        if nodes[u].changes and len(nodes[u].sources) < 2:
            break
        v = u
    return ()


def _upstream(v: int, axis: int, nodes: Sequence[Node], alignment: Alignment, ledger: Ledger) -> Iterator[Case]:
    """The layers before a node whose jump no row states, back to the nearest one with a stride."""
    while v != IMAGE:
        sources = [u for u in alignment.sources.get(v, ()) if u in ledger.own]
        if not sources:
            return
        v = max(sources, key=lambda u: nodes[u].steps[0].after.r or 0)
        if v in ledger.stated and "j_out" in ledger.stated[v].stated:
            return
        step = nodes[v].steps[axis]
        if step.s is not None and v != IMAGE:
            yield Case(step, nodes[v].kind, ledger.entered[v][axis], label=nodes[v].label)
            if step.s > 1 or (v in ledger.stated and "j_in" in ledger.stated[v].stated):
                return


def _ancestors(v: int, nodes: Sequence[Node]) -> set[int]:
    found: set[int] = set()
    stack = [v]
    while stack:
        for u in nodes[stack.pop()].sources:
            if u not in found:
                found.add(u)
                stack.append(u)
    return found


def behind(entry: Entry, axis: int, case: Case) -> State:
    """The table's own numbers behind a row: what it states, else what follows from its inputs."""
    worked = case.step(case.own)
    found = {name: on_axis(entry.stated[name], axis) for name in ("r_out", "j_out", "n_out") if name in entry.stated}
    return State(found.get("r_out", worked.r), found.get("j_out", worked.j), found.get("n_out", worked.n))


def settled(entry: Entry, axis: int, case: Case) -> Case:
    """The case with the jump that the row's size shows to be in use, where there was a doubt."""
    other = case.other
    if other is None or "r_out" not in entry.stated:
        return case
    size = on_axis(entry.stated["r_out"], axis)
    first, second = case.step(case.own).r, other.step(other.own).r
    if first == second:
        return case
    if size == second:
        return other
    return replace(case, other_jump=None) if size == first else case
