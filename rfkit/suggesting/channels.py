"""Which channels belong together: what is added must agree, what is concatenated stands side by side.

Every convolution and linear layer makes channels of a group of its own. Norms, activations, poolings and depthwise
convolutions keep the group, additions unite groups, concatenations line them up. A group can be given another width
where every module that makes, keeps or reads it is known and can be rebuilt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

import torch
from torch import nn

from rfkit.suggesting.edits import Channels
from rfkit.suggesting.network import Network
from rfkit.suggesting.rebuild import NORMS
from rfkit.suggesting.sites import Site, is_convolution
from rfkit.tracing import WRITE, Call, Value

aten = torch.ops.aten

_KEEP = (
    "max_pool", "avg_pool", "adaptive_", "_adaptive_", "mkldnn_", "dropout", "native_dropout", "feature_dropout", "clone",
    "contiguous", "detach", "alias", "upsample", "_upsample", "softmax", "_softmax", "_log_softmax", "constant_pad_nd",
)  # fmt: skip
"""Beginnings of the names of operators that keep the channels where they keep their number."""


@dataclass(frozen=True, slots=True)
class Row:
    """The channels of a tensor: groups side by side, each channel as so many elements in a row."""

    groups: tuple[int, ...]
    repeat: int = 1


@dataclass(frozen=True, slots=True)
class Group:
    """Channels that must change together.

    Attributes:
        size: how many there are.
        makers: names of the modules that make them, in execution order.
        output: whether they are the network's output, or part of it.
    """

    size: int
    makers: tuple[str, ...]
    output: bool


@dataclass(slots=True)
class _Ties:
    """What is known so far; groups are numbers, united by ``parent``."""

    parent: list[int] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    fixed: set[int] = field(default_factory=set)
    rows: dict[int, Row] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    kept: dict[str, Row] = field(default_factory=dict)
    read: dict[str, Row] = field(default_factory=dict)

    def new(self, size: int, fixed: bool = False) -> int:
        self.parent.append(len(self.parent))
        self.size.append(size)
        if fixed:
            self.fixed.add(len(self.parent) - 1)
        return len(self.parent) - 1

    def root(self, group: int) -> int:
        while self.parent[group] != group:
            group = self.parent[group]
        return group

    def fix(self, row: Row | None) -> None:
        self.fixed.update(row.groups if row is not None else ())

    def unite(self, one: Row, other: Row) -> None:
        sizes = [[self.size[g] for g in row.groups] for row in (one, other)]
        if sizes[0] != sizes[1] or one.repeat != other.repeat:
            self.fix(one)
            self.fix(other)
            return
        for a, b in zip(one.groups, other.groups, strict=True):
            self.parent[self.root(b)] = self.root(a)


class Widths:
    """The groups of a network's channels, and the changes that give one another width."""

    def __init__(self, network: Network, found: Mapping[str, Site]) -> None:
        self._sites = found
        self._ties = ties = _Ties()
        trace = network.trace
        names = [m.name if m.leaf else "" for m in trace.modules]
        for value in trace.inputs:
            ties.rows[value.index] = Row((ties.new(value.shape[1] if len(value.shape) > 1 else 1, fixed=True),))
        for call in trace.calls:
            self._follow(call, names[call.scope] if call.scope >= 0 else "")
        ends = [ties.rows.get(v.index) for v in trace.outputs]
        self._ends = {ties.root(g) for row in ends if row is not None for g in row.groups}
        self._fixed = {ties.root(g) for g in ties.fixed}

    @cached_property
    def groups(self) -> dict[int, Group]:
        """The groups that can be given another width, by number."""
        makers: defaultdict[int, list[str]] = defaultdict(list)
        for name, group in self._ties.made.items():
            makers[self._ties.root(group)].append(name)
        return {
            root: Group(self._ties.size[root], tuple(names), root in self._ends)
            for root, names in makers.items()
            if root not in self._fixed
        }

    def resized(self, group: int, size: int) -> tuple[Channels, ...]:
        """The changes of all modules that make, keep or read a group, so that it has another size."""
        ties = self._ties

        def total(row: Row) -> int:
            return row.repeat * sum(size if ties.root(g) == group else ties.size[g] for g in row.groups)

        touched = {
            name: total(row)
            for rows in (ties.read, ties.kept)
            for name, row in rows.items()
            if any(ties.root(g) == group for g in row.groups)
        }
        makers = [name for name, made in ties.made.items() if ties.root(made) == group]
        changes = []
        for name in (name for name in self._sites if name in makers or name in touched):
            kept = name in ties.kept
            made = size if name in makers else touched[name] if kept else None
            changes.append(Channels(name, touched.get(name), made))
        return tuple(changes)

    # -- operators ------------------------------------------------------------------------------------------------

    def _follow(self, call: Call, name: str) -> None:
        ties = self._ties
        given = [row for v in call.inputs if (row := ties.rows.get(v.index)) is not None]
        if not given:
            return
        site = self._sites.get(name)
        output = call.outputs[0] if call.outputs else None
        row = None if output is None or call.op is WRITE else self._made(call, output, given, site, name)
        if row is None:
            for each in given:
                ties.fix(each)
            if output is not None and len(output.shape) > 1 and call.op is aten.convolution.default:
                row = Row((ties.new(output.shape[1], fixed=True),))
        if row is not None and output is not None:
            ties.rows[output.index] = row

    def _made(self, call: Call, output: Value, given: list[Row], site: Site | None, name: str) -> Row | None:
        """The channels of what an operator returns; None: not known, and those of what it reads are fixed."""
        packet = call.op.overloadpacket
        if packet in (aten.convolution, aten.addmm, aten.mm, aten.linear):
            return self._weighted(output, given, site, name)
        if packet is aten.native_batch_norm:
            if site is None or not isinstance(site.module, NORMS) or given[0].repeat != 1:
                return None
            self._ties.kept[name] = given[0]
            return given[0]
        if packet is aten.cat:
            return self._side_by_side(call, output, given)
        if torch.Tag.pointwise in call.op.tags or call.op._schema.name.startswith("aten::native_dropout"):
            return self._pointwise(call, output)
        if packet in (aten.mean, aten.sum, aten.amax):
            rank = len(call.args[0].shape)
            return given[0] if all(d % rank > 1 for d in call.args[1]) else None
        if packet in (aten.view, aten._unsafe_view):
            return _flattened(call.args[0].shape, output.shape, given[0])
        plain = packet.__name__.startswith(_KEEP) and len(call.inputs) == 1
        return given[0] if plain and call.args[0].shape[:2] == output.shape[:2] else None

    def _weighted(self, output: Value, given: list[Row], site: Site | None, name: str) -> Row | None:
        if site is None or len(given) != 1:
            return None
        ties, (row,), module = self._ties, given, site.module
        if isinstance(module, nn.Linear) and len(output.shape) == 2:
            ties.read[name] = row
            return Row((ties.made.setdefault(name, ties.new(module.out_features)),))
        if not is_convolution(site) or row.repeat != 1:
            return None
        if module.groups == 1:
            ties.read[name] = row
            return Row((ties.made.setdefault(name, ties.new(module.out_channels)),))
        if module.groups == module.in_channels == module.out_channels:
            ties.kept[name] = row
            return row
        return None

    def _side_by_side(self, call: Call, output: Value, given: list[Row]) -> Row | None:
        parts = [self._ties.rows.get(v.index) for v in call.args[0]]
        if call.argument(1, "dim", 0) % len(output.shape) != 1 or any(p is None or p.repeat != 1 for p in parts):
            return None
        return Row(tuple(group for part in given for group in part.groups))

    def _pointwise(self, call: Call, output: Value) -> Row | None:
        """Operands of as many channels agree; one of a single channel, or a number, fits any."""
        wide = [v for v in call.inputs if len(v.shape) == len(output.shape) and v.shape[1:2] == output.shape[1:2]]
        others = [v for v in call.inputs if v not in wide and prod(v.shape) > 1 and v.shape[1:2] != (1,)]
        rows = [self._ties.rows.get(v.index) for v in wide]
        if not rows or others or any(row is None for row in rows):
            return None
        known = [row for row in rows if row is not None]
        for row in known[1:]:
            self._ties.unite(known[0], row)
        return known[0]


def _flattened(before: tuple[int, ...], after: tuple[int, ...], row: Row) -> Row | None:
    """Channels with all of their positions in one dimension."""
    if len(before) < 2 or len(after) != 2 or after[0] != before[0] or row.repeat != 1:
        return None
    return Row(row.groups, prod(before[2:]))
