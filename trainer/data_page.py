"""What ``trainer data`` says of an image set, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainer.data import DataSet
from trainer.data.statistics import Duplicates, counts, duplicates, splits

_SHOWN_GROUPS = 10
_SHOWN_COPIES = 6


def as_text(data: DataSet, figures: Mapping[str, Path]) -> str:
    """A page of plain text: counts, mean and deviation, duplicates, and where the figures are.

    Args:
        data: the image set.
        figures: the files that were drawn, by what they show.
    """
    parts = [_head(data), _table(_count_rows(data)), _channels(data), _duplicates(duplicates(data))]
    if data.skipped:
        parts.append(_listed(f"{len(data.skipped):,} images left out that cannot be read", data.skipped))
    if figures:
        parts.append(_table([(str(path), text) for text, path in figures.items()], left=2))
    return "\n\n".join(parts) + "\n"


def as_json(data: DataSet, figures: Mapping[str, Path]) -> str:
    """The same as one JSON object; ``mean`` and ``std`` in 0..1, unrounded."""
    height, width, channels = data.shape
    found: dict[str, Any] = {
        "name": data.name,
        "digest": data.digest,
        "classes": list(data.classes),
        "height": height,
        "width": width,
        "channels": channels,
        "files": dict(data.kinds),
        "counts": counts(data),
        "validation_is_test": data.validation is data.test,
        "mean": list(data.mean),
        "std": list(data.std),
        "duplicates": [
            {
                "across_splits": group.across_splits,
                "across_classes": group.across_classes,
                "images": [asdict(copy) for copy in group.copies],
            }
            for group in duplicates(data)
        ],
        "skipped": list(data.skipped),
        "figures": {text: str(path) for text, path in figures.items()},
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _head(data: DataSet) -> str:
    height, width, channels = data.shape
    total = sum(len(split) for split in splits(data).values())
    colour = "RGB" if channels == 3 else "grey"
    text = f"{data.name}: {total:,} images in {len(data.classes)} classes, {width}x{height} {colour}"
    kinds = [f"{kind} {count:,}" for kind, count in data.kinds]
    if len(kinds) > 1 or data.kinds[0][0] != f"{width}x{height} {'RGB' if channels == 3 else 'L'}":
        text += "\n" + _listed("in the files", kinds)
    return f"{text}\ndigest {data.digest}"


def _count_rows(data: DataSet) -> list[tuple[str, ...]]:
    by_split = counts(data)
    body = [(name, *(f"{by_split[split][name]:,}" for split in by_split)) for name in data.classes]
    total = ("all", *(f"{sum(by_split[split].values()):,}" for split in by_split))
    return [("class", *by_split), *body, total]


def _channels(data: DataSet) -> str:
    names = ("red", "green", "blue") if len(data.mean) == 3 else ("grey",)
    rows = [(name, f"{mean:.8f}", f"{std:.8f}") for name, mean, std in zip(names, data.mean, data.std, strict=True)]
    held = "" if data.validation is data.test else ", before any are held out"
    return _table([("channel", "mean", "std"), *rows]) + f"\nover all training images{held}, 0 black, 1 white"


def _duplicates(groups: Sequence[Duplicates]) -> str:
    if not groups:
        return "no two images are equal in every pixel"
    images = sum(len(group.copies) for group in groups)
    across = sum(group.across_splits for group in groups)
    labels = sum(group.across_classes for group in groups)
    lines = [
        f"{images:,} images are equal in every pixel to another, in {len(groups):,} group{'s' * (len(groups) != 1)}: "
        f"{across:,} across splits, {labels:,} with different classes"
    ]
    for group in groups[:_SHOWN_GROUPS]:
        named = [f"{copy.name} ({copy.split}, {copy.label})" for copy in group.copies[:_SHOWN_COPIES]]
        more = len(group.copies) - len(named)
        lines.append("  " + " = ".join(named) + (f" and {more:,} more" if more else ""))
    if len(groups) > _SHOWN_GROUPS:
        lines.append(f"  and {len(groups) - _SHOWN_GROUPS:,} more groups; --format json lists all")
    return "\n".join(lines)


def _listed(title: str, words: Sequence[str]) -> str:
    more = len(words) - _SHOWN_GROUPS
    return f"{title}: {', '.join(words[:_SHOWN_GROUPS])}" + (f" and {more:,} more" if more > 0 else "")


def _table(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Rows with their columns lined up, the first ``left`` columns to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
