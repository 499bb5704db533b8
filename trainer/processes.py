"""One process or several that train together; Accelerate sets the several up, and is imported only then."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor, nn

from trainer.batches import Share
from trainer.errors import TrainerError
from trainer.machine import choose_device


class Solo:
    """A training in one process.

    Attributes:
        share: its part of every batch.
        main: whether this is the process that writes.
        agree_every: steps between two moments at which the processes agree whether to stop.
    """

    share = Share()
    main = True
    agree_every = 1

    def wrap(self, model: nn.Module) -> nn.Module:
        """The network that the training step calls."""
        return model

    def sum(self, numbers: Tensor) -> Tensor:
        """The sum over all processes."""
        return numbers

    def gathered(self, numbers: Tensor) -> Tensor:
        """(processes, ...): those of every process."""
        return numbers[None]

    def any(self, flag: bool) -> bool:
        """Whether it holds in some process."""
        return flag

    def told(self, text: str) -> str:
        """What the main process says."""
        return text

    def same_buffers(self, model: nn.Module) -> None:
        """Give a network the main process's running statistics, which each process has of its own images."""

    def wait(self) -> None:
        """Until every process is here."""

    def device(self) -> torch.device | None:
        """The device that was assigned, None where none was."""
        return None

    def end(self) -> None:
        """Nothing is left open."""


class Together(Solo):
    """Several processes, as ``accelerate launch`` and ``torchrun`` start them; gradients are averaged over them."""

    agree_every = 10

    def __init__(self, device: str) -> None:
        from accelerate import Accelerator

        on_cpu = choose_device(device).type == "cpu"
        self._accelerator: Any = Accelerator(cpu=on_cpu, mixed_precision="no")
        self.share = Share(self._accelerator.process_index, self._accelerator.num_processes)
        self.main = self._accelerator.is_main_process
        if self.share.size != int(os.environ["WORLD_SIZE"]):
            raise TrainerError(
                f"{os.environ['WORLD_SIZE']} processes were started, and Accelerate joined {self.share.size}; "
                "look at its settings: accelerate env"
            )

    def wrap(self, model: nn.Module) -> nn.Module:
        """The network that averages gradients over the processes."""
        wrapped: nn.Module = self._accelerator.prepare_model(model)
        return wrapped

    def sum(self, numbers: Tensor) -> Tensor:
        """The sum over all processes."""
        total: Tensor = self._accelerator.reduce(numbers.clone(), "sum")
        return total

    def gathered(self, numbers: Tensor) -> Tensor:
        """(processes, ...): those of every process."""
        all_of_them: Tensor = self._accelerator.gather(numbers[None])
        return all_of_them

    def any(self, flag: bool) -> bool:
        """Whether it holds in some process."""
        told = torch.tensor([float(flag)], device=self._accelerator.device)
        return bool(self.sum(told).item())

    def told(self, text: str) -> str:
        """What the main process says."""
        from accelerate.utils import broadcast_object_list

        texts = [text]
        broadcast_object_list(texts)
        return texts[0]

    def same_buffers(self, model: nn.Module) -> None:
        """Give a network the main process's running statistics, which each process has of its own images."""
        from accelerate.utils import broadcast

        for buffer in model.buffers():
            buffer.copy_(broadcast(buffer.clone()))

    def wait(self) -> None:
        """Until every process is here."""
        self._accelerator.wait_for_everyone()

    def device(self) -> torch.device | None:
        """The one that Accelerate assigned to this process."""
        found: torch.device = self._accelerator.device
        return found

    def end(self) -> None:
        """Take the processes apart."""
        self._accelerator.end_training()


def processes(device: str) -> Solo:
    """The processes that this one was started with."""
    return Together(device) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else Solo()
