"""Every stated number against the right one, and against the one that follows from the table's own numbers before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rfkit.auditing.align import Alignment, Place
from rfkit.auditing.checks import compared, entrance, geometry, output
from rfkit.auditing.entries import Entry
from rfkit.auditing.ledger import Ledger, States, behind, carried_on, case_of, entered, on_axis, other_jump, settled
from rfkit.auditing.model import GEOMETRY, QUANTITIES, Check, Numbers, Row, Verdict
from rfkit.auditing.network import IMAGE, Node, Step
from rfkit.auditing.terms import Case


def judge(alignment: Alignment, nodes: Sequence[Node], table: int, carried: Mapping[int, States]) -> Ledger:
    """The rows of one table, judged.

    Args:
        alignment: where they were put.
        nodes: the network.
        table: number of the table.
        carried: the numbers that earlier tables have behind the layers; a table that starts in the middle goes on from
            them.
    """
    ledger = Ledger()
    by_node: dict[int, list[Place]] = {}
    for place in alignment.places:
        if place.node is not None:
            by_node.setdefault(place.node, []).append(place)
    for v in alignment.route:
        node = nodes[v]
        ledger.entered[v] = entered(v, nodes, alignment, ledger)
        here = [place for place in by_node.get(v, []) if not place.stays]
        worked = tuple(step(state) for step, state in zip(node.steps, ledger.entered[v], strict=True))
        ledger.own[v] = carried[v] if not ledger.stated and not here and v in carried else worked
        doubts = [other_jump(v, axis, nodes, alignment, ledger) for axis in range(len(node.steps))]
        ledger.other_jumps[v] = carried_on(doubts, node)
        for place in here:
            _judge_layer(place.entry, v, nodes, alignment, ledger, table)
        for place in by_node.get(v, []):
            if place.stays:
                _judge_passing(place.entry, v, nodes, ledger, table)
    lost = [_unplaced(place.entry, table) for place in alignment.places if place.node is None]
    ledger.rows = sorted([*ledger.rows, *lost], key=lambda row: row.line)
    return ledger


def _unplaced(entry: Entry, table: int) -> Row:
    checks = tuple(Check(name, value, None, Verdict.UNCHECKED) for name, value in _ordered(entry))
    return Row(table, entry.line, entry.name, None, checks, fits=False)


def _ordered(entry: Entry) -> list[tuple[str, Numbers]]:
    return [(name, entry.stated[name]) for name in QUANTITIES if name in entry.stated]


def _judge_layer(entry: Entry, v: int, nodes: Sequence[Node], alignment: Alignment, ledger: Ledger, table: int) -> None:
    node = nodes[v]
    cases = [settled(entry, axis, case_of(entry, v, axis, nodes, alignment, ledger)) for axis in range(len(node.steps))]
    checks = []
    jumps = [case.other_jump for case in cases]
    for name, stated in _ordered(entry):
        right = node.right(name)
        if name in GEOMETRY:
            checks.append(geometry(name, stated, right, node))
        elif name.endswith("_in"):
            checks.append(entrance(name, stated, right, cases, v, nodes, ledger))
        else:
            check, lasting = output(name, stated, right, cases)
            jumps = [new if new is not None else old for old, new in zip(jumps, lasting, strict=True)]
            checks.append(check)
            value = on_axis(stated, 0)
            ledger.cases.append((entry.line, name, cases[0], value))
    ledger.rows.append(Row(table, entry.line, entry.name, node.label, tuple(checks)))
    ledger.own[v] = tuple(behind(entry, axis, case) for axis, case in enumerate(cases))
    ledger.other_jumps[v] = (None,) * len(cases) if "j_out" in entry.stated else carried_on(jumps, node)
    ledger.stated[v] = entry
    ledger.above = v


def _judge_passing(entry: Entry, v: int, nodes: Sequence[Node], ledger: Ledger, table: int) -> None:
    """A row that passes on what the layer before it gives: all its numbers are those behind that layer."""
    steps = [Step(None, None, None, None, step.after, step.after, 0, 1) for step in nodes[v].steps]
    node = Node(nodes[v].label, "identity", "", (), tuple(steps))
    cases = [Case(step, "identity", state) for step, state in zip(steps, ledger.own[v], strict=True)]
    checks = []
    for name, stated in _ordered(entry):
        if name in GEOMETRY:
            checks.append(Check(name, stated, None, Verdict.UNCHECKED))
        else:
            checks.append(compared(name, stated, node.right(name), cases)[0])
    label = "input" if v == IMAGE else None
    ledger.rows.append(Row(table, entry.line, entry.name, label, tuple(checks)))
    ledger.own[v] = tuple(behind(entry, axis, case) for axis, case in enumerate(cases))
