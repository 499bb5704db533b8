"""How many units of the measured networks are predicted exactly: one row per network.

    python -m tests.benchmarks.exactness [NETWORK ...]

What each unit sees was measured by NaN probing; see ``tests/rfkit/test_cases.py``, whose comparison this counts. The exit
code is 1 when a unit differs, 2 without the folder of measured cases.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rfkit.report import Layer
from tests.benchmarks.printing import table
from tests.oracle import OUTPUT, axis_difference, units_of
from tests.shared import SHARED


@dataclass
class Count:
    """What was compared in one network."""

    network: str
    input: tuple[int, ...]
    layers: int = 0
    units: int = 0
    equal: int = 0

    def row(self) -> list[object]:
        size = "x".join(map(str, self.input))
        return [self.network, size, f"{self.layers:,}", f"{self.units:,}", f"{self.equal:,}"]


def compare(name: str) -> Count:
    """Trace a measured network and count its units: every layer, every axis, and the network's own output."""
    from tests.rfkit import test_cases as cases

    case, report = cases.load(name), cases.traced(name)
    count = Count(name, case.input)
    rows = {layer.label: layer for layer in report}
    for truth in case.layers:
        layer = report.layers[-1] if truth.label.startswith(OUTPUT) else rows.get(truth.label)
        count.layers += bool(truth.units)
        for axis, measured in truth.units.items():
            single = truth.dims is None and len(set(measured)) == 1
            pairs = list(unit_pairs(layer, axis, measured[:1] if single else measured))
            count.units += len(pairs)
            count.equal += sum(pairs)
    return count


def unit_pairs(layer: Layer | None, axis: int, measured: Sequence[tuple[int, int]]) -> Iterator[bool]:
    """Per unit of an axis whether it is predicted as measured; a layer without a row, or of another length, is all wrong."""
    predicted = units_of(layer, axis) if layer is not None and layer.units is not None else []
    if len(measured) == 1:
        measured = list(measured) * max(len(predicted), 1)
    if len(predicted) != len(measured):
        predicted = [(-2, -2)] * len(measured)
    for unit, truth in zip(predicted, measured, strict=True):
        yield not axis_difference(axis, [unit], [truth])


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print, and say whether all are equal."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.exactness", description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="names of measured cases; default: all")
    options = parser.parse_args(arguments)
    if not SHARED.is_dir():
        print(f"no measured cases: there is no folder {SHARED}", file=sys.stderr)
        return 2
    known = sorted(path.stem for path in (SHARED / "cases").glob("*.json"))
    strange = sorted(set(options.networks) - set(known))
    if strange:
        parser.error(f"no case {strange[0]!r}; there are {', '.join(known)}")
    counts = [compare(name) for name in options.networks or known]
    total = Count("all", (), *(sum(getattr(c, field) for c in counts) for field in ("layers", "units", "equal")))
    header = ["network", "input", "layers compared", "units compared", "units equal"]
    print(table(header, [count.row() for count in (*counts, total)], text_columns=2))
    return 0 if total.equal == total.units else 1


if __name__ == "__main__":
    sys.exit(main())
