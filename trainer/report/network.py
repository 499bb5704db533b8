"""The network's table, from the gate's report (schema ``rfkit.report/1``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainer.tables import human

HEAD = ("layer", "type", "output", "kernel", "stride", "dilation", "RF", "jump", "sees", "parameters", "MACs")


def network_rows(report: Mapping[str, Any]) -> tuple[list[tuple[str, ...]], int]:
    """Rows of what changes the field or the shape, and how many layers are left out: norms, activations, dropouts.

    Args:
        report: of schema ``rfkit.report/1``.

    Returns:
        Rows as `HEAD` names their cells, and the number of layers that are not among them.
    """
    before: dict[str, Mapping[str, Any]] = {}
    rows = []
    for layer in report["layers"]:
        label = _label(layer)
        if not _unchanged(layer, before):
            rows.append(_row(label, layer))
        before[label] = layer
    return rows, len(report["layers"]) - len(rows)


def field(largest: Sequence[Any], smallest: Sequence[Any]) -> str:
    """A receptive field: ``11``, ``5x7``, ``31..39`` where paths differ; empty where it is not known."""
    if any(value is None for value in largest):
        return ""
    top, low = axes(largest), axes(smallest)
    return top if top == low or any(value is None for value in smallest) else f"{low}..{top}"


def axes(values: Sequence[Any] | None) -> str:
    """Values per axis as one word: ``3`` where all agree, else ``5x7``; empty where there are none."""
    words = [str(value) for value in values or () if value is not None]
    return (words[0] if len(set(words)) == 1 else "x".join(words)) if words else ""


def _row(label: str, layer: Mapping[str, Any]) -> tuple[str, ...]:
    everywhere = bool(layer["global"]) and all(layer["global"])
    kernel = axes(layer["kernel_size"])
    if kernel and layer["groups"] > 1:
        kernel += " dw" if layer["channels"] and layer["groups"] == layer["channels"][0] else f" g{layer['groups']}"
    seen = layer["coverage"]
    return (
        label,
        "" if label.rpartition(".")[2].partition("#")[0] == layer["type"] else str(layer["type"]),
        "x".join(map(str, layer["output_shape"][1:])),
        f"{kernel} T" if layer["transposed"] else kernel,
        _unless_one(layer["stride"]),
        _unless_one(layer["dilation"]),
        field(layer["receptive_field"], layer["receptive_field_min"]),
        axes(layer["jump"]),
        "everything" if everywhere else "" if seen is None else _share(seen),
        f"{layer['params']:,}" if layer["params"] else "",
        human(layer["macs"]) if layer["macs"] else "",
    )


def _unchanged(layer: Mapping[str, Any], before: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether it passes its one input's field and shape on, and has neither a window nor multiplications."""
    source = before.get(layer["inputs"][0]) if len(layer["inputs"]) == 1 else None
    if source is None or layer["kernel_size"] or layer["channels"] or layer["macs"]:
        return False
    same = ("output_shape", "receptive_field", "receptive_field_min", "jump")
    return all([source[key] == layer[key] for key in same])


def _share(seen: float) -> str:
    return "<1%" if 0 < seen < 0.005 else "99%" if 0.99 < seen < 1 else f"{seen:.0%}"


def _unless_one(values: Sequence[int] | None) -> str:
    word = axes(values)
    return "" if word == "1" else word


def _label(layer: Mapping[str, Any]) -> str:
    return str(layer["name"]) if layer["call"] == 0 else f"{layer['name']}#{layer['call'] + 1}"
