"""The ways to LeanNet: the same parts in other amounts, to be trained with docs/recipes/lean-net-attempt.toml."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from trainer.models.blocks import Residual, conv_block

standard = partial(conv_block, paddings=1)
dilated = partial(conv_block, kinds="dilated", paddings=2, dilations=2)
separable = partial(conv_block, kinds="depthwise_separable", paddings=1)


class Attempt(nn.Module):
    """Blocks at 32, 16, 8 and 8 pixels, the average of all positions, a linear layer."""

    def __init__(self, *blocks: nn.Module) -> None:
        super().__init__()
        self.block1, self.block2, self.block3, self.block4 = blocks
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores, (N, 10), for images, (N, 3, 32, 32)."""
        x = self.block4(self.block3(self.block2(self.block1(x))))
        scores: Tensor = self.linear(self.gap(x).flatten(1))
        return scores


def _to_16(channels_in: int, channels: int, *rest: nn.Module) -> nn.Module:
    return nn.Sequential(nn.AvgPool2d(2), standard(channels_in, channels), *rest)


def _to_8(channels_in: int) -> nn.Module:
    return nn.Sequential(nn.AvgPool2d(2), separable(channels_in, 128), _separable_pair())


def _pair(channels: int) -> nn.Module:
    return Residual(standard(channels, channels), standard(channels, channels))


def _dilated_pair(channels: int) -> nn.Module:
    return Residual(standard(channels, channels), dilated(channels, channels))


def _separable_pair() -> nn.Module:
    return Residual(separable(128, 128), separable(128, 128))


def undilated() -> Attempt:
    """LeanNet before its dilation."""
    return Attempt(nn.Sequential(standard(3, 32), _pair(32)), _to_16(32, 64, _pair(64)), _to_8(64), _separable_pair())


def deep_at_8() -> Attempt:
    """One convolution at 32 pixels, depth where it is cheap: five separable convolutions at 8."""
    last = nn.Sequential(_separable_pair(), separable(128, 128))
    return Attempt(standard(3, 32), _to_16(32, 64, _dilated_pair(64)), _to_8(64), last)


def deep_at_16() -> Attempt:
    """Two narrower pairs at 16 pixels in the place of one."""
    last = nn.Sequential(_separable_pair(), separable(128, 128))
    return Attempt(standard(3, 32), _to_16(32, 48, _dilated_pair(48), _dilated_pair(48)), _to_8(48), last)


def deep_at_32() -> Attempt:
    """Two pairs at 32 pixels; the last pair at 8 is one convolution."""
    first = nn.Sequential(standard(3, 32), _pair(32), _pair(32))
    return Attempt(first, _to_16(32, 64, _dilated_pair(64)), _to_8(64), separable(128, 128))
