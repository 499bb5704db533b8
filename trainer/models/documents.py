"""The networks of the two documents, layer by layer as their model summaries list them.

Both take CIFAR-10 images, (N, 3, 32, 32), and give one score per class. Receptive fields below count the dilation
of every layer and are those of the interior: what a unit sees where the image does not end.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.models.blocks import Kind, conv_block, pointwise

__all__ = ["FourBlockNet", "TwoBranchNet"]


class TwoBranchNet(nn.Module):
    """Two dilated branches side by side, concatenated; a depthwise separable block; a strided one; a skip connection.

    The network of document 000_17379f357ead07cd: 145,114 parameters at the default sizes, in 43 rows of its summary.

    | layer | output | receptive field | jump |
    |---|---|---|---|
    | conv1, stride 2 | 16×16×16 | 3 | 2 |
    | conv2, conv3: dilation 2, 2, 1 | 32×14×14, 64×12×12, 64×12×12 | 11, 19, 23 | 2 |
    | dsb on both, depthwise then pointwise | 128×10×10, 32×10×10 | 27, 27 | 2 |
    | conv4, stride 2 | 32×5×5 | 31 | 4 |
    | conv5, added to its own input | 32×5×5 | 39 (31 by the skip) | 4 |
    | gap, linear | 32×1×1, 10 | 55 | 20, - |

    The document gives 47 after pooling, the figure that comes out when the four dilated convolutions are counted as if
    their dilation were 1.

    Args:
        dropout: Probability of the dropout that ends every block.
        num_classes: Number of scores.
        in_channels: Channels of the image.
    """

    def __init__(self, dropout: float = 0.01, num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__()
        block = partial(conv_block, norm_first=False, dropout=dropout)
        branch_kinds: list[Kind] = ["dilated", "dilated", "standard"]
        branch = partial(block, 16, [32, 64, 64], branch_kinds, paddings=1, dilations=[2, 2, 1])

        self.conv1 = block(in_channels, 16, strides=2, paddings=1)
        self.conv2 = branch()
        self.conv3 = branch()
        self.dsb = block(128, 32, "depthwise_separable")
        self.conv4 = block(32, 32, strides=2, paddings=1)
        self.conv5 = block(32, 32, paddings=1)
        self.gap = nn.Sequential(nn.AvgPool2d(5))
        self.linear = nn.Linear(32, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return log-probabilities.

        Args:
            x: Images, (N, in_channels, 32, 32); other sizes leave the average pooling more or less than one position.

        Returns:
            Log-probabilities, (N, num_classes), as `F.nll_loss` takes them.
        """
        x = self.conv1(x)
        y = torch.cat((self.conv2(x), self.conv3(x)), dim=1)
        y = self.conv4(self.dsb(y))
        y = y + self.conv5(y)
        y = self.gap(y).flatten(1)
        return F.log_softmax(self.linear(y), dim=1)


class FourBlockNet(nn.Module):
    """Four blocks of three convolutions without pooling in between, then a global average and a 1×1 convolution.

    The network of document 004_82f081bcf5a29724: 185,346 parameters at the default sizes, in 39 rows of its summary.
    The third block begins with a depthwise separable convolution; the first three end with stride 2, the fourth keeps
    its size.

    The summary leaves paddings and dilations open: a 3×3 convolution with dilation 2 and padding 2 has the shape and
    the parameters of one with neither, and one of stride 2 gives 15, 7 and 3 with dilation 2 and padding 1 as well as
    with dilation 1 and padding 0. Two readings that reproduce every row:

    - `dilated=True`, the default because it is the network that the authors published, and because the document asks
      for dilated kernels: each block is a convolution with padding 1, one with dilation 2 and padding 2, and one with
      dilation 2 that is strided with padding 1 (in the fourth block, not strided, padding 2).
    - `dilated=False`, the plain reading: dilation 1 everywhere, padding 1, and padding 0 where strided.

    Receptive fields (the depthwise separable convolution comes first in block3):

    | layer | output | dilated | plain | jump |
    |---|---|---|---|---|
    | block1 | 32×32×32 twice, 32×15×15 | 3, 7, 11 | 3, 5, 7 | 1, 1, 2 |
    | block2 | 38×15×15 twice, 38×7×7 | 15, 23, 31 | 11, 15, 19 | 2, 2, 4 |
    | block3 | 40×7×7 twice, 40×3×3 | 39, 55, 71 | 27, 35, 43 | 4, 4, 8 |
    | block4 | 64×3×3 | 87, 119, 151 | 59, 75, 91 | 8 |
    | gap, classifier | 64×1×1, 10×1×1 | 167 | 107 | - |

    Args:
        dilated: Which reading of the summary.
        num_classes: Number of scores.
        in_channels: Channels of the image.
    """

    def __init__(self, dilated: bool = True, num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__()
        self.block1 = _three_convolutions(in_channels, 32, dilated=dilated)
        self.block2 = _three_convolutions(32, 38, dilated=dilated)
        self.block3 = _three_convolutions(38, 40, dilated=dilated, first="depthwise_separable")
        self.block4 = _three_convolutions(40, 64, dilated=dilated, last_stride=1)
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.classifier = pointwise(64, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of each class before any softmax.

        Args:
            x: Images, (N, in_channels, H, W); 32×32 in the document.

        Returns:
            Scores, (N, num_classes), as `F.cross_entropy` takes them.
        """
        x = self.block4(self.block3(self.block2(self.block1(x))))
        return torch.flatten(self.classifier(self.gap(x)), 1)


def _three_convolutions(
    in_channels: int, channels: int, *, dilated: bool, first: Kind = "standard", last_stride: int = 2
) -> nn.Sequential:
    """Return one block of `FourBlockNet`; padding keeps the size, and is one short of that where it strides."""
    later: Kind = "dilated" if dilated else "standard"
    dilation = 2 if dilated else 1
    return conv_block(
        in_channels,
        [channels, channels, channels],
        [first, later, later],
        strides=[1, 1, last_stride],
        paddings=[1, dilation, dilation if last_stride == 1 else dilation - 1],
        dilations=[1, dilation, dilation],
    )
