"""How many edits of well-known networks ``rfkit suggest`` tries in a second.

    python -m tests.benchmarks.suggest_networks [NETWORK ...]

Each network fails a limit on its receptive field, one on its parameters, and one on its multiply-accumulates. ``edits a second``
are the single edits that a search works out in a second of the processor: the sift, and whole reports of those that may pass.
``copies`` is how long the network is changed, traced and judged for what is shown. Of several searches, each from the beginning,
medians count. The bar is 100.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from statistics import median

import torch
from torch import nn
from torchvision.models import densenet121, mobilenet_v2, resnet18, resnet50

import rfkit
from rfkit.gate.judge import judge
from rfkit.gate.spec import Spec
from rfkit.suggesting.network import look_at
from rfkit.suggesting.search import Search
from tests.benchmarks.printing import setting, table, verdict
from trainer.models.documents import FourBlockNet, TwoBranchNet

NETWORKS: Mapping[str, tuple[Callable[[], nn.Module], int, Sequence[tuple[str, str]]]] = {
    "TwoBranchNet": (TwoBranchNet, 32, (("--rf", "> 70"), ("--params", "< 60k"), ("--macs", "< 12M"))),
    "FourBlockNet": (FourBlockNet, 32, (("--rf", "> 180"), ("--params", "< 120k"), ("--macs", "< 18M"))),
    "resnet18": (resnet18, 224, (("--rf", "> 700"), ("--params", "< 10M"), ("--macs", "< 1.6G"))),
    "resnet50": (resnet50, 224, (("--rf", "> 700"), ("--params", "< 22M"), ("--macs", "< 3.8G"))),
    "mobilenet_v2": (mobilenet_v2, 224, (("--rf", "> 800"), ("--params", "< 3.2M"), ("--macs", "< 290M"))),
    "densenet121": (densenet121, 224, (("--rf", "> 2400"), ("--params", "< 7M"), ("--macs", "< 2.7G"))),
}
ROUNDS = 3
BAR = 100


def searched(build: Callable[[], nn.Module], side: int, asked: tuple[str, str]) -> tuple[int, int, float, float]:
    """Edits tried, suggestions found, edits a second, seconds for the copies; medians of several searches for single edits."""
    with torch.device("meta"):
        net = build()
    (spec,) = Spec().with_flags(dict([asked])).select(("net.py:Net",))
    gate = partial(judge, spec, today=date.today())
    rates, copies = [], []
    for _ in range(ROUNDS):
        network = look_at(net, rfkit.trace(net, (1, 3, side, side)))
        stamps: list[float] = []

        def tell(what: str, stamps: list[float] = stamps) -> None:
            if "copy" in what:
                stamps.append(time.process_time())

        search = Search(network, spec, gate, seconds=600.0, tell=tell)
        began = time.process_time()
        found = search.run(gate(network.report), (), 1, 5)
        ended = time.process_time()
        worked_out = min([*stamps, ended])
        rates.append(search.tried / (worked_out - began))
        copies.append(ended - worked_out)
    return search.tried, len(found), median(rates), median(copies)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say whether every bar is met."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.suggest_networks", description=__doc__.splitlines()[0]
    )
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help="default: all", choices=[*NETWORKS, []])
    names = parser.parse_args(arguments).networks or [*NETWORKS]
    rows, met = [], []
    for name in names:
        build, side, demands = NETWORKS[name]
        for asked in demands:
            tried, found, rate, copies = searched(build, side, asked)
            met.append(rate >= BAR)
            rows.append([name, " ".join(asked), tried, found, f"{rate:.0f}", f"{copies:.2f}", verdict(met[-1])])
    header = ["network", "asked", "tried", "found", "edits a second", "copies s", f"at least {BAR}"]
    print(f"{setting()}\n\n{table(header, rows, 2)}")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
