"""A network for the assignment: fewer than 200,000 parameters, each where it buys most accuracy."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from trainer.models.blocks import Residual, conv_block

__all__ = ["LeanNet"]


class LeanNet(nn.Module):
    """Four blocks with residual pairs: 32 channels at 32×32, 64 at 16×16, 128 at 8×8 twice; then the average.

    193,514 parameters and 48.4 million multiply-adds for an image of 32×32. Where maps are large and channels few, the
    convolutions are ordinary; where channels are many, depthwise separable, at an eighth of the parameters. An average
    over 2×2 pixels halves the size: it has no parameters and skips no pixel. The dilated convolution comes after an
    ordinary one at the same resolution, so that it leaves no holes.

    | layer | output | receptive field | jump |
    |---|---|---|---|
    | block1: 3 to 32 channels, then a pair | 32×32×32 | 3, then 5, 7 | 1 |
    | block2: average, 32 to 64 channels, then a pair, its second with dilation 2 | 64×16×16 | 8, 12, then 16, 24 | 2 |
    | block3: average, 64 to 128 channels, then a pair | 128×8×8 | 26, 34, then 42, 50 | 4 |
    | block4: a pair | 128×8×8 | 58, 66 | 4 |
    | gap, linear | 128×1×1, 10 | 94 | - |

    Args:
        num_classes: Number of scores.
        in_channels: Channels of the image.
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__()
        standard = partial(conv_block, paddings=1)
        dilated = partial(conv_block, kinds="dilated", paddings=2, dilations=2)
        separable = partial(conv_block, kinds="depthwise_separable", paddings=1)

        self.block1 = nn.Sequential(standard(in_channels, 32), Residual(standard(32, 32), standard(32, 32)))
        self.block2 = nn.Sequential(nn.AvgPool2d(2), standard(32, 64), Residual(standard(64, 64), dilated(64, 64)))
        self.block3 = nn.Sequential(
            nn.AvgPool2d(2), separable(64, 128), Residual(separable(128, 128), separable(128, 128))
        )
        self.block4 = Residual(separable(128, 128), separable(128, 128))
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(128, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of each class before any softmax.

        Args:
            x: Images, (N, in_channels, H, W), of 4×4 pixels or more.

        Returns:
            Scores, (N, num_classes), as `F.cross_entropy` takes them.
        """
        x = self.block4(self.block3(self.block2(self.block1(x))))
        scores: Tensor = self.linear(torch.flatten(self.gap(x), 1))
        return scores
