"""A stack of dilated 3x3 convolutions that keep the size."""

from collections.abc import Sequence

from torch import nn


class Dilated(nn.Sequential):
    """One convolution for each rate, 8 channels wide.

    Args:
        rates: dilations, in order.
    """

    def __init__(self, rates: Sequence[int] = (2, 2, 2)) -> None:
        widths = [3] + [8] * len(rates)
        super().__init__(
            *(nn.Conv2d(a, b, 3, padding=r, dilation=r) for a, b, r in zip(widths, widths[1:], rates, strict=False))
        )
