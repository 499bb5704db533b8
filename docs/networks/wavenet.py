"""A small WaveNet for sound: dilated causal convolutions in one dimension, each doubling what a sample sees."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """A gated convolution of two taps, which looks back only, with a residual and a skip path.

    Args:
        width: channels in and out.
        dilation: distance between the two taps.
    """

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.gated = nn.Conv1d(width, 2 * width, 2, dilation=dilation)
        self.residual = nn.Conv1d(width, width, 1)
        self.skip = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the input of the next block and this block's share of the result."""
        signal, gate = self.gated(functional.pad(x, (self.dilation, 0))).chunk(2, dim=1)
        heard = torch.tanh(signal) * torch.sigmoid(gate)
        return x + self.residual(heard), self.skip(heard)


class WaveNet(nn.Module):
    """One score per level for every sample of a sound.

    Args:
        width: channels of every block.
        depth: blocks; the dilation doubles from one to the next.
        levels: of a sample.
    """

    def __init__(self, width: int = 16, depth: int = 8, levels: int = 32) -> None:
        super().__init__()
        self.stem = nn.Conv1d(1, width, 1)
        self.blocks = nn.ModuleList(Block(width, 2**i) for i in range(depth))
        self.head = nn.Sequential(nn.ReLU(), nn.Conv1d(width, width, 1), nn.ReLU(), nn.Conv1d(width, levels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return scores, (N, levels, L), of sounds, (N, 1, L)."""
        x = self.stem(x)
        total = torch.zeros_like(x)
        for block in self.blocks:
            x, skipped = block(x)
            total = total + skipped
        return self.head(total)
