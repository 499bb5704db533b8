"""How long ``rfkit suggest`` takes for each of the twelve failing variants of the documents' networks.

    python -m tests.benchmarks.suggest [VARIANT ...]

``command`` is the wall time of the whole command in a process of its own, the import of torch included, and ``CPU`` what it
took of the processors; ``search`` is the wall time of what it does after its imports. ``tried`` edits and pairs of edits
were worked out on the record, ``made`` were made in a copy that was traced and judged. Two rates are
measured apart, over every edit that the network allows, of all kinds, one after the other: ``outlined`` in a second of the
processor, which gives the network's own figures and is how the pairs are sifted, and ``judged``, which gives all of the
report and the gate's findings on it. A bar is met where the
command takes less than 5 s of wall time and finds something; the exit code is 1 when one is missed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import rfkit
from rfkit.gate.judge import judge
from rfkit.gate.spec import read_spec
from rfkit.suggesting import moves
from rfkit.suggesting.edits import Edit
from rfkit.suggesting.moves import Ground
from rfkit.suggesting.network import look_at
from rfkit.suggesting.predict import Predictor
from rfkit.suggesting.shapes import Misfit
from tests.assets.suggest import variants
from tests.benchmarks.printing import setting, table, verdict

ROOT = Path(__file__).resolve().parents[2]
VARIANTS = "tests/assets/suggest/variants.py"
ASSIGNMENT = ROOT / "rfkit" / "gate" / "spec" / "assignment.toml"
BAR = 5.0
SIDE = 32
MOVES = (
    moves.dilate, moves.undilate, moves.enlarge, moves.reduce, moves.stride, moves.unstride, moves.separate, moves.add,
    moves.leave_out, moves.narrow, moves.widen, moves.replace_maxima,
)  # fmt: skip


def whole(name: str) -> tuple[float, float, dict[str, Any]]:
    """Wall and CPU time of the command in seconds, and what it printed."""
    words = ["suggest", f"{VARIANTS}:{name}", "--spec", str(ASSIGNMENT), "--format", "json"]
    began, before = time.perf_counter(), _children()
    done = subprocess.run([sys.executable, "-m", "rfkit", *words], cwd=ROOT, capture_output=True, text=True)
    taken, spent = time.perf_counter() - began, _children() - before
    if done.returncode == 2:
        raise RuntimeError(done.stderr)
    return taken, spent, json.loads(done.stdout)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def rates(name: str) -> tuple[float, float]:
    """Edits that are outlined, and edits that are worked out and judged, in a second of the processor."""
    net = getattr(variants, name)().to("meta")
    network = look_at(net, rfkit.trace(net, (1, 3, SIDE, SIDE)))
    (spec,) = read_spec(ASSIGNMENT).select(("net",))
    ground = Ground.of(network)
    edits = [edit for move in MOVES for edit in move(ground)]
    outliner, predictor, today = Predictor(network), Predictor(network), date.today()
    outlined = _rate(edits, lambda edit: outliner.outline(edit.changes))
    return outlined, _rate(edits, lambda edit: judge(spec, predictor.report(edit.changes), today=today))


def _rate(edits: Sequence[Edit], work: Callable[[Edit], object]) -> float:
    began = time.process_time()
    for edit in edits:
        with suppress(Misfit):
            work(edit)
    return len(edits) / (time.process_time() - began)


def row(name: str) -> tuple[list[object], bool]:
    """A line of the table, and whether the bar is met."""
    taken, spent, found = whole(name)
    suggestions = found["suggestions"]
    met = taken < BAR and bool(suggestions)
    edits = len(suggestions[0]["edits"]) if suggestions else 0
    first = "; ".join(edit["text"] for edit in suggestions[0]["edits"]) if suggestions else "none"
    cells = [name, first, edits, len(suggestions), found["tried"], found["applied"]]
    cells += [f"{rate:.0f}" for rate in rates(name)]
    return [*cells, f"{found['seconds']:.2f}", f"{spent:.2f}", f"{taken:.2f}", verdict(met)], met


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say whether every bar is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.suggest", description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help="default: all twelve")
    names = parser.parse_args(arguments).variants or variants.__all__
    unknown = [name for name in names if name not in variants.__all__]
    if unknown:
        parser.error(f"no variant {unknown[0]}; there are {', '.join(variants.__all__)}")
    heading = setting()
    whole(names[0])
    rows, met = zip(*map(row, names), strict=True)
    header = [
        "variant", "first suggestion", "edits", "found", "tried", "made", "outlined", "judged", "search s", "CPU s",
        "command s", "in 5 s",
    ]  # fmt: skip
    print(f"{heading}\n\n{table(header, rows, 2)}")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
