"""Whether real forwards confirm the trace of well-known networks, unit for unit, and how long the proof takes.

    python -m tests.benchmarks.verify [NETWORK ...]

Each row is ``rfkit verify`` of a network with random weights, in a process of its own. The exit code is 1 when a layer of
one is not equal.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.benchmarks.printing import setting, table

NETWORKS: dict[str, tuple[str, ...]] = {
    "TwoBranchNet": ("trainer/models/documents.py:TwoBranchNet", "--input", "3x32x32"),
    "FourBlockNet": ("trainer/models/documents.py:FourBlockNet", "--input", "3x32x32"),
    "resnet18": ("torchvision.models:resnet18", "--input", "3x224x224"),
    "resnet50": ("torchvision.models:resnet50", "--input", "3x224x224"),
    "googlenet": ("torchvision.models:googlenet", "--arg", "init_weights=False", "--input", "3x224x224"),
    "densenet121": ("torchvision.models:densenet121", "--input", "3x224x224"),
    "mobilenet_v2": ("torchvision.models:mobilenet_v2", "--input", "3x224x224"),
    "shufflenet_v2_x1_0": ("torchvision.models:shufflenet_v2_x1_0", "--input", "3x224x224"),
    "convnext_tiny": ("torchvision.models:convnext_tiny", "--input", "3x224x224"),
    "swin_t": ("torchvision.models:swin_t", "--input", "3x224x224"),
    "deeplabv3_resnet50": (
        "torchvision.models.segmentation:deeplabv3_resnet50",
        "--arg",
        "weights_backbone=None",
        "--input",
        "3x224x224",
    ),
    "U-Net": ("docs/networks/unet.py:UNet", "--input", "3x64x64"),
    "WaveNet": ("docs/networks/wavenet.py:WaveNet", "--input", "1x600"),
    "r3d_18": ("torchvision.models.video:r3d_18", "--input", "3x8x56x56"),
}
HEADER = ["network", "input", "layers", "units", "verdict", "gradients", "fill", "images", "seconds"]


def verified(name: str) -> list[object]:
    """One row: verify a network and sum up what was found.

    Raises:
        RuntimeError: if it cannot be run.
    """
    arguments = NETWORKS[name]
    began = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-m", "rfkit", "verify", *arguments, "--format", "json"], capture_output=True, text=True
    )
    seconds = time.perf_counter() - began
    if run.returncode > 1:
        raise RuntimeError(f"{name}: {run.stderr.strip()}")
    return [name, arguments[-1], *summary(json.loads(run.stdout)), f"{seconds:.0f}"]


def summary(found: dict[str, Any]) -> list[object]:
    """Layers, units, the verdict (with its count, where there are several), gradients and images of a verification."""
    layers = found["layers"]
    verdicts = Counter(layer["verdict"] for layer in layers)
    said = (
        ", ".join(f"{count} {name}" for name, count in verdicts.items()) if len(verdicts) > 1 else next(iter(verdicts))
    )
    sums = {key: sum(layer[key] for layer in layers) for key in ("units", "gradients", "gradients_equal")}
    units, taken, equal = (f"{sums[key]:,}" for key in ("units", "gradients", "gradients_equal"))
    return [len(layers), units, said, taken, equal, f"{found['images']:,}"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify, print, and say whether all are equal."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.verify", description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(NETWORKS)}; default: all")
    names = parser.parse_args(arguments).networks or list(NETWORKS)
    strange = sorted(set(names) - set(NETWORKS))
    if strange:
        parser.error(f"no network {strange[0]!r}; there are {', '.join(NETWORKS)}")
    print(f"{setting()}\n")
    rows = []
    for name in names:
        rows.append(verified(name))
        print(f"{name}: {rows[-1][4]} in {rows[-1][-1]} s", file=sys.stderr)
    print(table(HEADER, rows, text_columns=2))
    return int(any(row[4] != "equal" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
