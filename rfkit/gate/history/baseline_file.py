"""The baseline as a file: JSON that is the same byte for byte whenever the figures are, a figure per line."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from rfkit.errors import UsageError
from rfkit.gate.history.baseline import Baseline, Entry
from rfkit.gate.history.metrics import METRICS, Metric, Value, Values

SCHEMA = "rfkit.baseline/1"
_ANEW = "write it anew: rfkit baseline write"


def render(baseline: Baseline) -> str:
    """The file's text: networks sorted by name, keys in a fixed order, ending in a newline."""
    blocks = [f"    {_text(name)}: {_block(entry)}" for name, entry in sorted(baseline.models.items())]
    models = "{\n" + ",\n".join(blocks) + "\n  }" if blocks else "{}"
    return f'{{\n  "schema": "{SCHEMA}",\n  "rfkit": {_text(baseline.version)},\n  "models": {models}\n}}\n'


def parse(words: str, file: str) -> Baseline:
    """The inverse of ``render``; figures of a kind that is not known are left out.

    Args:
        words: the file's text.
        file: its name, for the messages.

    Raises:
        UsageError: it is no baseline, is of another schema, or has a value that cannot be.
    """
    try:
        data = json.loads(words, object_pairs_hook=_unrepeated)
    except json.JSONDecodeError as error:
        conflict = " (a merge left its marks?)" if "<<<<<<<" in words else ""
        raise UsageError(f"{file}, line {error.lineno}: no JSON{conflict}; put it right, or {_ANEW}") from error
    except _RepeatedError as error:
        raise UsageError(f"{file}: {error}; put it right, or {_ANEW}") from error
    except RecursionError as error:
        raise UsageError(f"{file} is no baseline; {_ANEW}") from error
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != SCHEMA:
        found = f"is of schema {schema!r}, this rfkit reads {SCHEMA}" if schema else "is no baseline"
        raise UsageError(f"{file} {found}; {_ANEW}")
    models = data.get("models")
    if not isinstance(models, dict):
        raise UsageError(f"{file} has no models; {_ANEW}")
    version = data.get("rfkit")
    entries = {name: _entry(name, block, file) for name, block in models.items()}
    return Baseline(entries, version if isinstance(version, str) else "?")


def read(path: Path, file: str | None = None) -> Baseline | None:
    """The baseline in a file, None where there is no such file.

    Args:
        path: where it is.
        file: what the messages call it; None: the path.

    Raises:
        UsageError: it cannot be read, or is no baseline.
    """
    name = file or str(path)
    try:
        words = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is no text; {_ANEW}") from error
    except OSError as error:
        raise UsageError(f"cannot read {name}: {(error.strerror or str(error)).lower()}") from error
    return parse(words, name)


def write(path: Path, baseline: Baseline, file: str | None = None) -> None:
    """Write the file, whole or not at all; a link is followed.

    Raises:
        UsageError: it cannot be written.
    """
    real = path.resolve()
    part = real.with_name(f".{real.name}.{os.getpid()}.part")
    try:
        part.write_text(render(baseline), encoding="utf-8", newline="\n")
        if real.exists():
            shutil.copymode(real, part)
        os.replace(part, real)
    except OSError as error:
        raise UsageError(f"cannot write {file or path}: {(error.strerror or str(error)).lower()}") from error
    finally:
        part.unlink(missing_ok=True)


class _RepeatedError(ValueError):
    """A key stands twice in one table, as a careless merge leaves it."""


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise _RepeatedError(f"{next(key for key in keys if keys.count(key) > 1)!r} stands twice in it")
    return found


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _block(entry: Entry) -> str:
    values: dict[str, Any] = {
        "target": entry.target,
        "input_shape": list(entry.input_shape),
        "strict": entry.strict,
        **{metric.key: _json(metric, entry.figures[metric.key]) for metric in METRICS if metric.key in entry.figures},
    }
    if entry.bounds:
        values["bounds"] = sorted(entry.bounds)
    return "{\n" + ",\n".join(f"      {_text(key)}: {_text(value)}" for key, value in values.items()) + "\n    }"


def _json(metric: Metric, values: Values) -> Any:
    plain = [
        (int(value) if value.denominator == 1 else str(value)) if isinstance(value, Fraction) else value
        for value in values
    ]
    return plain if metric.per_axis else plain[0]


def _entry(name: str, block: Any, file: str) -> Entry:
    """What is stored of one network. Raises UsageError naming the key that is missing or wrong."""

    def wrong(key: str) -> NoReturn:
        raise UsageError(f"{file}: {key} of {name} is missing or wrong; put it right, or {_ANEW}")

    def checked(key: str, kind: type) -> Any:
        value = block.get(key) if isinstance(block, Mapping) else None
        return value if isinstance(value, kind) else wrong(key)

    shape = checked("input_shape", list)
    if not shape or not all(type(size) is int for size in shape):
        wrong("input_shape")
    figures = {}
    for metric in METRICS:
        if metric.key in block:
            values = _values(metric, block[metric.key])
            figures[metric.key] = values if values is not None else wrong(metric.key)
    bounds = block.get("bounds", [])
    if not isinstance(bounds, list) or not all(isinstance(key, str) for key in bounds):
        wrong("bounds")
    return Entry(checked("target", str), tuple(shape), checked("strict", bool), figures, frozenset(bounds))


def _values(metric: Metric, found: Any) -> Values | None:
    """The values of a figure as the file has them, None where it is none."""
    if isinstance(found, list) != metric.per_axis:
        return None
    values: list[Value] = []
    for value in found if isinstance(found, list) else [found]:
        if isinstance(value, str):
            try:
                values.append(Fraction(value))
            except (ValueError, ZeroDivisionError):
                return None
        elif value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e300):
            values.append(value)
        else:
            return None
    return tuple(values)
