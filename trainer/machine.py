"""Device, precision and memory layout: chosen by the machine, or as they were asked for."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.errors import TrainerError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Machine:
    """What a training runs on, and how.

    Attributes:
        device: where.
        precision: float32, or the type that autocast uses.
        channels_last: whether images and weights lie in memory channels last.
        why: how that was chosen, for people.
        threads: of a step on a CPU; None elsewhere.
    """

    device: torch.device
    precision: str
    channels_last: bool
    why: str = ""
    threads: int | None = None

    def autocast(self) -> AbstractContextManager[Any]:
        """Enter this around a forward."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, DTYPES[self.precision])

    def place(self, model: nn.Module) -> nn.Module:
        """Move a network to the device, in the layout."""
        model.to(self.device)
        if self.channels_last:
            model.to(memory_format=torch.channels_last)
        return model

    def describe(self) -> str:
        """One line for people."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else _cpu_name()
        where = f"{self.device.type} ({name})" if name else self.device.type
        threads = "" if self.threads is None else f", {self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{where}{threads}, {_short(self)}" + (f" ({self.why})" if self.why else "")


class Normalize(nn.Module):
    """Bytes to numbers on the device: ``(x / 255 - mean) / std``, (N, H, W, C) uint8 to (N, C, H, W) float32.

    The result lies in memory channels last, as the bytes did, unless `channels_last` is false.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...], channels_last: bool) -> None:
        super().__init__()
        spread = torch.tensor(std, dtype=torch.float64)
        self.register_buffer("scale", (1 / (255 * spread)).float(), persistent=False)
        self.register_buffer("shift", (-torch.tensor(mean, dtype=torch.float64) / spread).float(), persistent=False)
        self.channels_last = channels_last

    def forward(self, images: Tensor) -> Tensor:
        """Normalise a batch of bytes."""
        numbers = torch.addcmul(self.shift, images.to(torch.float32), self.scale).permute(0, 3, 1, 2)
        return numbers if self.channels_last else numbers.contiguous()


def choose_device(name: str) -> torch.device:
    """The device asked for, or the best there is.

    Raises:
        TrainerError: there is no such device here.
    """
    if name == "auto":
        return torch.device(
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise TrainerError(f"--device {name!r} is not one of auto, cpu, cuda, mps") from error
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:
        why = " ".join(str(error).split()).partition(". ")[0]
        raise TrainerError(f"--device {name}: {why}; cpu is always there") from error
    if device.type == "meta":
        raise TrainerError("--device meta holds no numbers to train; take cpu")
    return device


def choose_machine(
    device: torch.device, precision: str, layout: str, model: nn.Module, images: Tensor, *, measure: bool
) -> Machine:
    """Choose what was left to the machine.

    On a CPU with bfloat16 instructions, and where `measure` allows it, a few steps decide between float32 and bfloat16
    and between the layouts.

    Args:
        device: where the training runs.
        precision: auto or a name.
        layout: auto, channels-last or contiguous.
        model: on the CPU; it is not changed.
        images: a batch, (N, C, H, W) float32, on the CPU.
        measure: False where the choice must be the same in every run.
    """
    precisions = [precision] if precision != "auto" else _precisions(device)
    layouts = [layout == "channels-last"] if layout != "auto" else [True, False]
    threads = torch.get_num_threads() if device.type == "cpu" else None
    candidates = [Machine(device, kind, last, threads=threads) for kind in precisions for last in layouts]
    if len(candidates) == 1 or device.type != "cpu" or not measure:
        return candidates[0]
    with _threads(1):  # one thread tells them apart on a busy machine too
        speeds = {machine: len(images) / min(_seconds(machine, model, images)) for machine in candidates}
    best = max(candidates, key=lambda machine: speeds[machine])
    others = ", ".join(f"{_short(machine)} {speeds[machine]:,.0f}" for machine in candidates if machine is not best)
    return replace(best, why=f"measured on one thread: {speeds[best]:,.0f} images/s; {others}")


def choose_threads(machine: Machine, model: nn.Module, images: Tensor) -> Machine:
    """Choose between one thread and one for each core, by a few steps: on a busy machine, one is the faster.

    Threads of a step wait for each other many times, and each wait lasts until the last of them had its turn on a core.
    """
    cores = torch.get_num_threads()
    if cores == 1:
        return machine
    means = {}
    for count in (cores, 1):
        with _threads(count):
            means[count] = fmean(_seconds(machine, model, images))
    best = min(means, key=lambda count: means[count])
    torch.set_num_threads(best)
    if best == cores:
        return machine
    slower = len(images) / means[cores]
    why = f"{machine.why + '; ' if machine.why else ''}{cores} threads: {slower:,.0f}, as the machine is busy"
    return replace(machine, threads=best, why=why)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _short(machine: Machine) -> str:
    return f"{machine.precision} {'channels-last' if machine.channels_last else 'contiguous'}"


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Have PyTorch refuse or avoid what may differ from run to run; as it was afterwards."""
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]


def _precisions(device: torch.device) -> list[str]:
    """Those worth considering, the likely best first."""
    if device.type == "cuda":
        return ["bfloat16"] if torch.cuda.is_bf16_supported(including_emulation=False) else ["float16"]
    if device.type == "cpu" and _cpu_has_bfloat16():
        return ["bfloat16", "float32"]
    return ["float32"]


def _cpu_has_bfloat16() -> bool:
    checks: list[Callable[[], bool]] = [
        getattr(torch.cpu, name)
        for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        if hasattr(torch.cpu, name)
    ]
    if any(check() for check in checks):
        return True
    return bool({"avx512_bf16", "amx_bf16"} & set(_cpu_info("flags").split()))


def _cpu_name() -> str:
    return _cpu_info("model name")


def _cpu_info(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")


def step_seconds(machine: Machine, model: nn.Module, images: Tensor) -> float:
    """How long a forward and a backward take; the network is not changed."""
    return min(_seconds(machine, model, images, steps=2))


def _seconds(machine: Machine, model: nn.Module, images: Tensor, steps: int = 4) -> list[float]:
    """Times of a forward and a backward, after two to warm up; the generator stays where it was."""
    trial = machine.place(copy.deepcopy(model)).train()
    batch = images.to(memory_format=torch.channels_last if machine.channels_last else torch.contiguous_format)
    labels = torch.zeros(len(batch), dtype=torch.int64)
    times = []
    with torch.random.fork_rng(devices=[]):
        for _ in range(steps + 2):
            began = time.perf_counter()
            with machine.autocast():
                scores = trial(batch)
            loss: Any = F.cross_entropy(scores.float(), labels)
            loss.backward()
            trial.zero_grad()
            times.append(time.perf_counter() - began)
    return times[2:]
