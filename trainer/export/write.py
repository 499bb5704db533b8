"""Export, read the file back, and compare what it computes with the network itself."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from trainer.errors import TrainerError, TrainingError
from trainer.export.formats import onnx, pt2, torchscript
from trainer.files import check_writable, write_whole
from trainer.trained import Trained

Run = Callable[[Tensor], Tensor]

FORMATS: dict[str, tuple[str, Callable[[nn.Module, Tensor, Path, dict[str, str]], Run]]] = {
    "onnx": (".onnx", onnx),
    "torchscript": (".pt", torchscript),
    "pt2": (".pt2", pt2),
}
"""By name: the usual end of the file's name, and what writes the file and returns it as a function."""

BATCHES = (1, 2, 7)
"""Sizes of the random batches that both must agree on."""

TOLERANCE = 1e-3
"""Largest difference of a score allowed, over the largest score (at least 1)."""


@dataclass(frozen=True)
class Exported:
    """An exported network.

    Attributes:
        path: the file.
        bytes: its size.
        difference: largest absolute difference of a score from the network's own, on random images.
        scale: the largest score among them.
        images: how many they were.
    """

    path: Path
    bytes: int
    difference: float
    scale: float
    images: int


class _FromBytes(nn.Module):
    """The network with its normalisation in front."""

    def __init__(self, normalize: nn.Module, model: nn.Module) -> None:
        super().__init__()
        self.normalize, self.model = normalize, model

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.model(self.normalize(images))
        return scores


def export(trained: Trained, form: str, path: Path, *, takes_bytes: bool = False) -> Exported:
    """Write a network, in float32 on the CPU, for batches of any size; then check the file.

    The file carries the names of the classes, mean and standard deviation.

    Args:
        trained: the network.
        form: onnx, torchscript or pt2.
        path: the file; it appears only when it has proved right.
        takes_bytes: put the normalisation into the file, which then takes (N, H, W, C) uint8 images; otherwise it takes
            (N, C, H, W) float32, normalised.

    Raises:
        TrainerError: the file cannot be written, a package is missing, or the network cannot be exported so.
        TrainingError: what was exported computes something else.
    """
    check_writable(path)
    _, write = FORMATS[form]
    model = copy.deepcopy(trained.model).float().cpu().eval().to(memory_format=torch.contiguous_format)
    if takes_bytes:
        model = _FromBytes(copy.deepcopy(trained.normalize).cpu(), model).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    about = {
        "classes": json.dumps(list(trained.classes), ensure_ascii=False),
        "mean": json.dumps(trained.mean),
        "std": json.dumps(trained.std),
    }
    with TemporaryDirectory() as folder:
        file = Path(folder) / "network"
        run = write(model, _images(trained.shape, 2, takes_bytes), file, about)
        differences = [_difference(model, run, _images(trained.shape, count, takes_bytes)) for count in BATCHES]
        difference, scale = max(each[0] for each in differences), max(each[1] for each in differences)
        if not difference <= TOLERANCE * max(scale, 1.0):
            raise TrainingError(
                f"the exported network differs from the network itself by {difference:.2g} (scores up to {scale:.2g}); "
                f"{path} was not written"
            )
        write_whole(path, file.read_bytes())
    return Exported(path, path.stat().st_size, difference, scale, sum(BATCHES))


def _images(shape: tuple[int, int, int], count: int, takes_bytes: bool) -> Tensor:
    """Random images, the same each time."""
    generator = torch.Generator().manual_seed(count)
    height, width, channels = shape
    if takes_bytes:
        return torch.randint(0, 256, (count, height, width, channels), dtype=torch.uint8, generator=generator)
    return torch.randn(count, channels, height, width, generator=generator)


@torch.no_grad()
def _difference(model: nn.Module, run: Run, images: Tensor) -> tuple[float, float]:
    """Largest absolute difference of a score, and the largest score; infinite where even the shapes differ."""
    own = model(images)
    try:
        theirs = run(images)
    except Exception as error:  # each runtime has errors of its own
        said = " ".join(str(error).split())[:160]
        raise TrainerError(f"the exported network does not take a batch of {len(images)}: {said}") from error
    if own.shape != theirs.shape:
        return float("inf"), float(own.abs().max())
    return float((own - theirs).abs().max()), float(own.abs().max())
