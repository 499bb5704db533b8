"""What all benchmarks print alike: Markdown tables, and a line on what was measured with. Imports nothing that weighs."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version


def table(header: Sequence[str], rows: Sequence[Sequence[object]], text_columns: int = 1) -> str:
    """A Markdown table, padded to line up; the first ``text_columns`` are left-aligned, the others right-aligned."""
    cells = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [_line(row, widths, text_columns) for row in cells]
    rule = [("-" * w if i < text_columns else "-" * (w - 1) + ":") for i, w in enumerate(widths)]
    return "\n".join([lines[0], _line(rule, widths, text_columns), *lines[1:]])


def _line(row: Sequence[str], widths: Sequence[int], text_columns: int) -> str:
    padded = [c.ljust(w) if i < text_columns else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
    return f"| {' | '.join(padded)} |"


def setting() -> str:
    """``Python 3.11.7, torch 2.6.0, torchvision 0.21.0, Linux x86_64, 2 CPU cores, load 0.12 before``."""
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    packages = ", ".join(f"{name} {version(name).split('+')[0]}" for name in ("torch", "torchvision"))
    where = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores, load {load} before"
    return f"Python {platform.python_version()}, {packages}, {where}"


def verdict(ok: bool) -> str:
    """How a table says whether a bar is met."""
    return "yes" if ok else "NO"
