"""Twelve variants of the documents' networks, each of which fails the assignment's spec."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from trainer.models.blocks import conv_block, pointwise
from trainer.models.documents import FourBlockNet, TwoBranchNet

__all__ = [
    "half_the_convolutions",
    "hundred_classes",
    "maximum_at_the_end",
    "not_dilated",
    "not_separable",
    "one_convolution_each",
    "plain_and_pooled",
    "pooled_by_maximum",
    "scores_before_pooling",
    "standard_and_heavy",
    "too_heavy",
    "wide_and_shallow",
]

NEED_TWO = {"half_the_convolutions", "plain_and_pooled", "too_heavy", "wide_and_shallow"}
"""Those that no single edit repairs."""

_block = partial(conv_block, norm_first=False, dropout=0.01)


def not_dilated() -> nn.Module:
    """TwoBranchNet, its branches not dilated: padded so that their maps have the sizes they had."""
    net = TwoBranchNet()
    net.conv2 = _block(16, [32, 64, 64], paddings=[0, 0, 1])
    net.conv3 = _block(16, [32, 64, 64], paddings=[0, 0, 1])
    return net


def not_separable() -> nn.Module:
    """TwoBranchNet with a standard convolution behind the branches."""
    net = TwoBranchNet()
    net.dsb = _block(128, 32)
    return net


def pooled_by_maximum() -> nn.Module:
    """TwoBranchNet, whose fourth block pools by maximum where it strode."""
    net = TwoBranchNet()
    net.conv4 = nn.Sequential(*_block(32, 32, paddings=1), nn.MaxPool2d(2))
    return net


def maximum_at_the_end() -> nn.Module:
    """TwoBranchNet, which takes the maximum of the last map and not its average."""
    net = TwoBranchNet()
    net.gap = nn.Sequential(nn.MaxPool2d(5))
    return net


def too_heavy() -> nn.Module:
    """TwoBranchNet with branches half as wide again: 290,906 parameters."""
    net = TwoBranchNet()
    for name in ("conv2", "conv3"):
        branch = _block(16, [48, 96, 96], ["dilated", "dilated", "standard"], paddings=1, dilations=[2, 2, 1])
        setattr(net, name, branch)
    net.dsb = _block(192, 32, "depthwise_separable")
    return net


def hundred_classes() -> nn.Module:
    """TwoBranchNet with the scores of CIFAR-100."""
    return TwoBranchNet(num_classes=100)


class _FourBlocks(FourBlockNet):
    """FourBlockNet with blocks of one's own, and what follows them made for the last one's channels."""

    def __init__(self, *blocks: nn.Module, channels: int = 64) -> None:
        super().__init__()
        self.block1, self.block2, self.block3, self.block4 = map(_sequential, blocks)
        self.classifier = pointwise(channels, 10)


def _sequential(block: nn.Module) -> nn.Sequential:
    assert isinstance(block, nn.Sequential)
    return block


def one_convolution_each() -> nn.Module:
    """Four blocks of one convolution, none of which strides: a field of 11, 36 behind the pooling."""
    return _FourBlocks(
        conv_block(3, 32, paddings=1),
        conv_block(32, 40, "dilated", paddings=1, dilations=2),
        conv_block(40, 48, "depthwise_separable"),
        conv_block(48, 64),
    )


def half_the_convolutions() -> nn.Module:
    """Four blocks of two convolutions, the last one strided; no dilation, none depthwise separable, a field of 43."""
    return _FourBlocks(
        conv_block(3, [24, 32], paddings=1),
        conv_block(32, [32, 40], paddings=[1, 0]),
        conv_block(40, [40, 48], paddings=[1, 0]),
        conv_block(48, [48, 64], paddings=1, strides=[1, 2]),
    )


def standard_and_heavy() -> nn.Module:
    """FourBlockNet without its depthwise separable convolution, and with wider blocks: 217,228 parameters."""
    return _FourBlocks(
        conv_block(3, [32, 32, 32], paddings=1, strides=[1, 1, 2]),
        conv_block(
            32,
            [38, 38, 38],
            ["standard", "dilated", "standard"],
            paddings=[1, 2, 0],
            dilations=[1, 2, 1],
            strides=[1, 1, 2],
        ),
        conv_block(38, [48, 48, 48], paddings=[1, 1, 0], strides=[1, 1, 2]),
        conv_block(48, [64, 64, 64], paddings=1),
    )


class _ScoresFirst(FourBlockNet):
    def forward(self, x: Tensor) -> Tensor:
        x = self.block4(self.block3(self.block2(self.block1(x))))
        return torch.flatten(self.gap(self.classifier(x)), 1)


def scores_before_pooling() -> nn.Module:
    """FourBlockNet, which makes the scores of every position and averages them: no layer follows the pooling."""
    return _ScoresFirst()


def plain_and_pooled() -> nn.Module:
    """FourBlockNet without dilation, and with a max pooling in the place of the first stride."""
    net = FourBlockNet(dilated=False)
    net.block1 = nn.Sequential(*conv_block(3, [32, 32, 32], paddings=1), nn.MaxPool2d(2))
    return net


def wide_and_shallow() -> nn.Module:
    """Four blocks of one convolution, the last two far too wide: a field of 36 and 326,496 parameters."""
    return _FourBlocks(
        conv_block(3, 32, paddings=1),
        conv_block(32, 64, "dilated", paddings=1, dilations=2),
        conv_block(64, 128, "depthwise_separable"),
        conv_block(128, 256),
        channels=256,
    )
