"""A small U-Net: two halvings, two doublings by transposed convolutions, and a skip connection at each size."""

import torch
from torch import Tensor, nn


def pair(channels: int, width: int) -> nn.Sequential:
    """Two 3×3 convolutions that keep the size."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(),
    )


class UNet(nn.Module):
    """One score per class and pixel.

    Args:
        channels: of the image, whose sides are multiples of 4.
        classes: of the scores.
        width: channels at full size; twice as many at half, four times as many at a quarter.
    """

    def __init__(self, channels: int = 3, classes: int = 2, width: int = 32) -> None:
        super().__init__()
        self.down1 = pair(channels, width)
        self.down2 = pair(width, 2 * width)
        self.bottom = pair(2 * width, 4 * width)
        self.pool = nn.MaxPool2d(2)
        self.up2 = nn.ConvTranspose2d(4 * width, 2 * width, 2, stride=2)
        self.join2 = pair(4 * width, 2 * width)
        self.up1 = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.join1 = pair(2 * width, width)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores, (N, classes, H, W), of images, (N, channels, H, W)."""
        full = self.down1(x)
        half = self.down2(self.pool(full))
        quarter = self.bottom(self.pool(half))
        half = self.join2(torch.cat((half, self.up2(quarter)), dim=1))
        full = self.join1(torch.cat((full, self.up1(half)), dim=1))
        return self.head(full)
