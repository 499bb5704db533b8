"""Changes of colour and sharpness of whole batches, each image with its own random numbers; see ``batch_geometry``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.augment.batch_geometry import Batch, in_bytes
from trainer.augment.draws import Draws
from trainer.errors import TrainerError

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as OpenCV's RGB2GRAY


def colour_jitter(transform: Any) -> Batch:
    """Brightness, contrast, saturation and hue, in an order drawn for each image."""
    parts: list[tuple[Callable[[Tensor, Tensor], Tensor], tuple[float, float]]] = [
        (_brightness, transform.brightness),
        (_contrast, transform.contrast),
        (_saturation, transform.saturation),
        (_hue, transform.hue),
    ]
    neutral = ((1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (0.0, 0.0))
    changing = [part for part, nothing in zip(parts, neutral, strict=True) if tuple(part[1]) != nothing]

    def apply(batch: Tensor, draws: Draws) -> Tensor:
        factors = [draws.uniform(*bounds) for _, bounds in changing]
        order = torch.stack([draws.uniform() for _ in changing], 1).argsort(1)
        for position in range(len(changing)):
            for number, (change, _) in enumerate(changing):
                rows = (order[:, position] == number).nonzero()[:, 0]
                factor = factors[number][rows].to(batch.device, batch.dtype)[:, None, None, None]
                rows = rows.to(batch.device)
                batch = batch.index_copy(0, rows, in_bytes(change(batch[rows], factor)))
        return batch

    return apply


def _grey(batch: Tensor) -> Tensor:
    if batch.shape[1] == 1:
        return batch
    weights = torch.tensor(_LUMA, dtype=batch.dtype, device=batch.device)[None, :, None, None]
    return in_bytes((batch * weights).sum(1, keepdim=True))


def _brightness(batch: Tensor, factor: Tensor) -> Tensor:
    return (batch * factor).floor()  # the library drops fractions here, and in the contrast


def _contrast(batch: Tensor, factor: Tensor) -> Tensor:
    return (batch * factor + _grey(batch).mean((1, 2, 3), keepdim=True) * (1 - factor)).floor()


def _saturation(batch: Tensor, factor: Tensor) -> Tensor:
    return batch * factor + _grey(batch) * (1 - factor)


def _hue(batch: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue by a share of the circle, by way of HSV (A. R. Smith, 1978)."""
    if batch.shape[1] == 1:
        return batch
    value, least = batch.amax(1, keepdim=True), batch.amin(1, keepdim=True)
    chroma = value - least
    red, green, blue = (batch[:, channel : channel + 1] for channel in range(3))
    some = torch.where(chroma > 0, chroma, 1.0)
    sixth = torch.where(
        value == red,
        (green - blue) / some,
        torch.where(value == green, (blue - red) / some + 2, (red - green) / some + 4),
    )
    offsets = torch.tensor([5.0, 3.0, 1.0], dtype=batch.dtype, device=batch.device)[None, :, None, None]
    place = (offsets + sixth + 6 * turn) % 6
    return value - chroma * torch.minimum(place, 4 - place).clamp(0, 1)


def sharpen(transform: Any) -> Batch:
    """Sharpen by a Laplacian of the eight neighbours."""
    if transform.method != "kernel":
        raise TrainerError("Sharpen on the device has the method kernel only")

    def apply(batch: Tensor, draws: Draws) -> Tensor:
        strength, lightness = (
            draws.uniform(*bounds).to(batch.device, batch.dtype)[:, None, None, None]
            for bounds in (transform.alpha, transform.lightness)
        )
        around = F.avg_pool2d(F.pad(batch, (1, 1, 1, 1), mode="reflect"), 3, stride=1) * 9
        return in_bytes((1 - strength) * batch + strength * ((9 + lightness) * batch - around))

    return apply


def sharpness(transform: Any) -> Batch:
    """Blend with the smoothed image, whose outermost pixels are the image's; see ``Sharpness``."""

    def apply(batch: Tensor, draws: Draws) -> Tensor:
        factor = draws.uniform(*transform.factor).to(batch.device, batch.dtype)[:, None, None, None]
        inner = batch[..., 1:-1, 1:-1]
        smooth = batch.clone()
        smooth[..., 1:-1, 1:-1] = in_bytes((F.avg_pool2d(batch, 3, stride=1) * 9 + 4 * inner) / 13)
        return in_bytes(batch * factor + smooth * (1 - factor))

    return apply


def gaussian_blur(transform: Any) -> Batch:
    """Blur with a Gaussian of each image's own sigma."""
    low, high = transform.blur_limit
    if low != high:
        raise TrainerError("GaussianBlur on the device needs one blur_limit, or 0 for a size that fits sigma")

    def apply(batch: Tensor, draws: Draws) -> Tensor:
        sigma = draws.uniform(*transform.sigma_limit)
        reach = (sigma * 3.5).long() if high == 0 else torch.full(sigma.shape, high // 2)
        kernels = _bells(sigma, reach).to(batch.device, batch.dtype).repeat_interleave(batch.shape[1], 0)
        side = kernels.shape[-1] // 2
        flat = F.pad(batch, (side,) * 4, mode="reflect").flatten(0, 1)[None]
        flat = F.conv2d(flat, kernels[:, None, None, :], groups=len(kernels))
        flat = F.conv2d(flat, kernels[:, None, :, None], groups=len(kernels))
        return in_bytes(flat.reshape(batch.shape))

    return apply


def _bells(sigma: Tensor, reach: Tensor) -> Tensor:
    """Return (N, 2·max(reach)+1) Gaussian weights that sum to 1, cut off beyond each image's reach in pixels."""
    widest = int(reach.max())
    distance = torch.arange(-widest, widest + 1, dtype=sigma.dtype)
    weights = torch.exp(-0.5 * (distance / sigma[:, None]) ** 2) * (distance.abs() <= reach[:, None])
    return weights / weights.sum(1, keepdim=True)


def posterize(transform: Any) -> Batch:
    """Keep the highest bits."""
    if isinstance(transform.num_bits, list):
        raise TrainerError("Posterize on the device has one number of bits for all channels")

    def apply(batch: Tensor, draws: Draws) -> Tensor:
        bits = draws.integers(*transform.num_bits)
        step = (2.0 ** (8 - bits)).to(batch.device, batch.dtype)[:, None, None, None]
        return (batch / step).floor() * step

    return apply


def solarize(transform: Any) -> Batch:
    """Invert what is above a threshold."""

    def apply(batch: Tensor, draws: Draws) -> Tensor:
        threshold = 255 * draws.uniform(*transform.threshold_range)
        return torch.where(batch >= threshold.to(batch.device, batch.dtype)[:, None, None, None], 255 - batch, batch)

    return apply


def equalize(transform: Any) -> Batch:
    """Histogram equalisation of each channel as OpenCV's: by the rank of a value, without a histogram."""
    if transform.mode != "cv" or not transform.by_channels or transform.mask is not None:
        raise TrainerError("Equalize on the device has the mode cv, by channels, without a mask")

    def apply(batch: Tensor, _: Draws) -> Tensor:
        values = batch.flatten(2).contiguous()
        rank = torch.searchsorted(values.sort(-1).values, values, right=True).to(batch.dtype)
        lowest = rank.amin(-1, keepdim=True)
        others = values.shape[-1] - lowest
        equal = in_bytes((rank - lowest) * 255 / others.clamp(min=1))
        return torch.where(others > 0, equal, values).reshape(batch.shape)

    return apply


def auto_contrast(transform: Any) -> Batch:
    """Stretch each channel to the full range."""
    if transform.method != "pil" or transform.cutoff or transform.ignore is not None:
        raise TrainerError("AutoContrast on the device has the method pil, without cutoff and ignore")

    def apply(batch: Tensor, _: Draws) -> Tensor:
        low = batch.amin((2, 3), keepdim=True)
        high = torch.where(batch < 255, batch, -1).amax((2, 3), keepdim=True)  # the library's histogram ends at 254
        stretched = in_bytes((batch - low) * 255 / (high - low).clamp(min=1))
        return torch.where(high > low, stretched, batch)

    return apply


def whitening(transform: Any) -> Batch:
    """Standardise each image by its own mean and deviation, on the data set's scale; see ``Whitening``."""

    def apply(batch: Tensor, _: Draws) -> Tensor:
        mean, std = (
            255 * torch.tensor(figures, dtype=batch.dtype, device=batch.device)[None, :, None, None]
            for figures in (transform.mean, transform.std)
        )
        least = 255 / (batch.shape[2] * batch.shape[3]) ** 0.5
        own_std = batch.std((2, 3), correction=0, keepdim=True).clamp(min=least)
        return in_bytes((batch - batch.mean((2, 3), keepdim=True)) * std / own_std + mean)

    return apply
