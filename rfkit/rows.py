"""What happened in a forward, sorted into rows: one per leaf module call, and one per functional call that changes something."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rfkit import costs
from rfkit.footprint import Footprint
from rfkit.propagate import Fields
from rfkit.rules import find
from rfkit.tracing import WRITE, Call, ModuleCall, Parameter, Trace, Value


@dataclass(slots=True)
class Row:
    """A row in the making: what ran, when it began, and where its numbers come from."""

    name: str
    type: str
    calls: list[Call]
    output: Value
    inputs: tuple[int, ...]
    tick: int
    number: int = 0
    parameters: list[Parameter] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The name, numbered from the second call on."""
        return self.name if self.number == 0 else f"{self.name}#{self.number + 1}"


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows in execution order, and what the totals need to know.

    Attributes:
        rows: the rows.
        features: by value index, the value that is its last feature map, where the value itself has no positions left.
        makers: by value index, the rows (their places) it comes from; -1, -2, ... for the first, second, ... input.
        folded: the call that folds positions into the batch of the output, if one does.
    """

    rows: list[Row]
    features: Mapping[int, Value]
    makers: Mapping[int, tuple[int, ...]]
    folded: Call | None

    def label(self, place: int) -> str:
        """What a row, or for a negative place an input of the network, is called."""
        if place >= 0:
            return self.rows[place].label
        return "input" if place == -1 else f"input#{-place}"


def call_name(call: Call) -> str:
    """What a person would call an operator: ``conv2d``, ``interpolate``, ``add``."""
    if call.op is WRITE:
        return "assign"
    name: str = call.op.overloadpacket.__name__.strip("_").removesuffix("_with_indices").removeprefix("native_")
    if name == "convolution":
        transposed = "_transpose" if call.args[6] else ""
        return f"conv{transposed}{len(call.args[1].shape) - 2}d"
    if name.startswith("upsample"):
        return "interpolate"
    if name.startswith(("scaled_dot_product", "multi_head")):
        return "attention"
    return {
        "constant_pad_nd": "pad",
        "addmm": "linear",
        "safe_softmax": "softmax",
        "im2col": "unfold",
        "col2im": "fold",
    }.get(name, name)


def build_rows(trace: Trace, fields: Fields) -> Rows:
    """Sort everything that happened into rows, in the order in which it ended."""
    return _Builder(trace, fields).build()


class _Builder:
    def __init__(self, trace: Trace, fields: Fields) -> None:
        self.trace, self.fields = trace, fields
        self.rows: list[Row] = []
        self.makers: dict[int, tuple[int, ...]] = {v.index: (-1 - i,) for i, v in enumerate(trace.inputs)}
        self.sources: dict[int, tuple[Parameter, ...]] = {k: (p,) for k, p in trace.parameters.items()}
        self.features: dict[int, Value] = {}
        self.used: set[str] = set()
        self.counts: defaultdict[str, int] = defaultdict(int)
        self.own: dict[int, list[Call]] = defaultdict(list)
        self.pending: dict[int, list[Parameter]] = defaultdict(list)
        self.entered: dict[int, tuple[int, ...]] = {}
        for call in trace.calls:
            self.own[call.scope].append(call)
        self.folded = folding_call(trace, fields)
        self.split = {i for i, m in enumerate(trace.modules) if m.leaf and not m.builtin and self._several(i)}
        self.followers = {c.args[0].index: c for c in trace.calls if c.op is not WRITE and _is_view(c)}

    def build(self) -> Rows:
        events: list[tuple[int, int, int]] = [(c.tick, 0, i) for i, c in enumerate(self.trace.calls)]
        for i, m in enumerate(self.trace.modules):
            events.append((m.enter, 1, i))
            events.append((m.exit, 2, i))
        events.sort()
        for _, kind, i in events:
            if kind == 0:
                self._on_call(self.trace.calls[i])
            elif self.trace.modules[i].leaf:
                self._on_enter(i) if kind == 1 else self._on_exit(i)
        return Rows(self.rows, self.features, self.makers, self.folded)

    def _several(self, module: int) -> bool:
        return sum(self._matters(c) for c in self.own[module]) > 1

    # -- operators ------------------------------------------------------------------------------------------------

    def _depends(self, call: Call) -> list[Value]:
        return [v for v in call.inputs if v.index in self.fields.known or v.index in self.fields.unknown]

    def _on_call(self, call: Call) -> None:
        inputs = self._depends(call)
        parameters = tuple(dict.fromkeys(p for v in call.inputs for p in self.sources.get(v.index, ())))
        if not inputs:
            for v in call.outputs:
                if v is not None and parameters:
                    self.sources[v.index] = parameters
            return
        makers = tuple(dict.fromkeys(m for v in inputs for m in self.makers.get(v.index, ())))
        module = self.trace.modules[call.scope] if call.scope >= 0 else None
        inside = module is not None and module.leaf and call.scope not in self.split
        if not inside and (parameters or self._matters(call)):
            makers = self._add_call(call, module, makers, parameters)
        elif inside:
            self.pending[call.scope].extend(parameters)
        for v in call.outputs:
            if v is not None:
                self.makers[v.index] = makers
                self._note_features(call, v, inputs)

    def _matters(self, call: Call) -> bool:
        """Whether a functional call deserves a row.

        It does where it slides, multiplies, joins paths, adds context, or changes or loses what is seen.
        """
        inputs = self._depends(call)
        if not inputs:
            return False
        output = call.outputs[0]
        if output is None:
            return False
        after = self.fields.known.get(output.index)
        if after is None:
            begins = output.index in self.fields.unknown and not any(v.index in self.fields.unknown for v in inputs)
            return begins or costs.macs(call) > 0
        if call is self.folded:
            return True
        before = {id(f): f for v in inputs if (f := self.fields.known.get(v.index)) is not None}
        if len(before) > 1:
            return True
        entry = find(call.op)
        if costs.macs(call) or (entry is not None and entry.window is not None and entry.window(call) is not None):
            return True
        return call.tick in after.context or any(_changed(b, after) for b in before.values())

    def _add_call(
        self, call: Call, module: ModuleCall | None, makers: tuple[int, ...], parameters: Sequence[Parameter]
    ) -> tuple[int, ...]:
        scope = module.name if module else ""
        owner = next((p.owner for p in parameters if p.owner != scope and p.owner in self.trace.leaves), None)
        kind = call_name(call)
        name = f"{scope}.{kind}" if scope else kind
        if owner is not None and costs.macs(call):
            name, kind = owner, self.trace.leaves[owner].__name__
        output = call.outputs[0]
        assert output is not None
        follower = self.followers.get(output.index)
        if kind in ("linear", "Linear") and follower is not None and follower.outputs[0] is not None:
            output = follower.outputs[0]
        return self._add(Row(name, kind, [call], output, makers, call.tick), parameters)

    def _add(self, row: Row, parameters: Iterable[Parameter]) -> tuple[int, ...]:
        row.number = self.counts[row.name]
        self.counts[row.name] += 1
        row.parameters = [p for p in dict.fromkeys(parameters) if p.name not in self.used]
        self.used.update(p.name for p in row.parameters)
        self.rows.append(row)
        return (len(self.rows) - 1,)

    def _note_features(self, call: Call, value: Value, inputs: Sequence[Value]) -> None:
        """Remember the last feature map of a value that has lost the positions of some axis, one axis after the other."""
        footprint = self.fields.known.get(value.index)
        if footprint is None or all(footprint.has_positions(a) for a in range(len(footprint.axes))):
            return
        if _positions(footprint) and _slides(call):
            return
        for v in inputs:
            before = self.fields.known.get(v.index)
            if before is not None and _positions(before):
                self.features[value.index] = self.features.get(v.index, v)
                return
        for v in inputs:
            if v.index in self.features:
                self.features[value.index] = self.features[v.index]
                return

    # -- modules --------------------------------------------------------------------------------------------------

    def _on_enter(self, i: int) -> None:
        given = self.trace.modules[i].inputs
        self.entered[i] = tuple(dict.fromkeys(m for v in given for m in self.makers.get(v.index, ())))

    def _on_exit(self, i: int) -> None:
        module = self.trace.modules[i]
        if not module.outputs:
            return
        calls = self.own[i] if i not in self.split else []
        inputs = self.entered[i]
        if i in self.split or (not inputs and not module.inputs):
            first = [v for c in self.own[i] for v in self._depends(c)]
            inputs = tuple(dict.fromkeys(m for v in first for m in self.makers.get(v.index, ()) if m < len(self.rows)))
            inputs = self.makers.get(module.outputs[0].index, inputs) if i in self.split else inputs
        row = Row(module.name or module.type, module.type, calls, module.outputs[0], inputs, module.enter)
        place = self._add(row, self.pending.get(i, ()))
        for v in module.outputs:
            self.makers[v.index] = place


def _is_view(call: Call) -> bool:
    return call.op.overloadpacket.__name__ in ("view", "_unsafe_view", "_reshape_alias")


def _positions(footprint: Footprint) -> bool:
    return any(footprint.has_positions(a) for a in range(len(footprint.axes)))


def _slides(call: Call) -> bool:
    entry = find(call.op)
    window = entry.window(call) if entry is not None and entry.window is not None else None
    return window is not None and max(window.kernel, default=1) > 1


def _changed(before: Footprint, after: Footprint) -> bool:
    if before is after:
        return False
    for axis, (old, new) in enumerate(zip(before.axes, after.axes, strict=True)):
        if old is new:
            continue
        if old is None or new is None or before.has_positions(axis) != after.has_positions(axis):
            return True
        edges = [
            (int(f.line[0].min()) * other.den, int(f.line[1].min()) * other.den)
            for f, other in ((old, new), (new, old))
        ]
        steps = [sorted(abs(j) * other.den for j in f.jump if j) for f, other in ((old, new), (new, old))]
        if edges[0] != edges[1] or old.regular != new.regular or (not set(steps[0]) & set(steps[1]) and any(steps)):
            return True
    return False


def folding_call(trace: Trace, fields: Fields) -> Call | None:
    """The last call that folds positions into the first dimension, where an output still has them there.

    ``view(-1, 10)`` after a pooling that does not cover the map is one: the output is not one row per image.
    """
    if not trace.inputs or not trace.inputs[0].shape:
        return None
    batch = trace.inputs[0].shape[0]
    folded = {v.index for v in trace.outputs if _folded(fields.known.get(v.index)) and v.shape[:1] != (batch,)}
    if not folded:
        return None
    last = None
    for call in trace.calls:
        output = call.outputs[0] if call.outputs else None
        if output is None or not _folded(fields.known.get(output.index)):
            continue
        inputs = [f for v in call.inputs if (f := fields.known.get(v.index)) is not None]
        if inputs and not any(_folded(f) for f in inputs):
            last = call
    return last


def _folded(footprint: Footprint | None) -> bool:
    return footprint is not None and any(
        0 in footprint.position_dims(a) and footprint.shape[0] > 1 for a in range(len(footprint.axes))
    )
