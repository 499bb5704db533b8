"""Flips, warps, crops and holes of whole batches, each image with its own random numbers.

Every factory takes a transform of Albumentations and returns a function of a batch, (N, C, H, W) floats in 0..255, and the
``Draws`` of its images.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.augment.draws import Draws
from trainer.augment.library import cv2
from trainer.errors import TrainerError

Batch = Callable[[Tensor, Draws], Tensor]
_PADDING = {cv2.BORDER_REFLECT_101: "reflection", cv2.BORDER_REPLICATE: "border", cv2.BORDER_CONSTANT: "zeros"}
_PAD = {cv2.BORDER_REFLECT_101: "reflect", cv2.BORDER_REPLICATE: "replicate", cv2.BORDER_CONSTANT: "constant"}
_SAMPLING = {cv2.INTER_NEAREST: "nearest", cv2.INTER_LINEAR: "bilinear", cv2.INTER_CUBIC: "bicubic"}


def in_bytes(batch: Tensor) -> Tensor:
    """Return the values as bytes would hold them: whole and in 0..255."""
    return batch.round().clamp(0, 255)


def horizontal_flip(_: Any) -> Batch:
    """Mirror left and right."""
    return lambda batch, _: batch.flip(-1)


def vertical_flip(_: Any) -> Batch:
    """Mirror top and bottom."""
    return lambda batch, _: batch.flip(-2)


def affine(transform: Any) -> Batch:
    """Shift, scale, turn and shear about the centre."""
    if transform.fit_output or transform.balanced_scale:
        raise TrainerError("Affine with fit_output or balanced_scale has no form for batches on the device")
    padding, mode = _known(_PADDING, transform.border_mode), _known(_SAMPLING, transform.interpolation)
    constant = transform.border_mode == cv2.BORDER_CONSTANT

    def apply(batch: Tensor, draws: Draws) -> Tensor:
        height, width = batch.shape[-2:]
        matrices = _drawn_matrices(transform, draws, height, width)
        theta = _normalised_inverse(matrices, height, width).to(batch.device, batch.dtype)
        grid = F.affine_grid(theta, list(batch.shape), align_corners=True)
        fill = _colour(transform.fill, batch) if constant else 0.0
        warped = F.grid_sample(batch - fill, grid, mode=mode, padding_mode=padding, align_corners=True)
        return in_bytes(warped + fill)

    return apply


def _drawn_matrices(transform: Any, draws: Draws, height: int, width: int) -> Tensor:
    """Return (n, 3, 3) matrices from input to output pixels, of 64 bits."""
    if transform.translate_percent is None:
        ranges = ((int(low), int(high)) for low, high in map(transform.translate_px.get, "xy"))
        shifts = [draws.integers(*bounds) for bounds in ranges]
    else:
        shares = (draws.uniform(*transform.translate_percent[axis]) for axis in ("x", "y"))
        shifts = [(share * side).trunc() for share, side in zip(shares, (width, height), strict=True)]
    slope_x, slope_y = (-torch.deg2rad(draws.uniform(*transform.shear[axis])).tan() for axis in ("x", "y"))
    scale_x, scale_y = (draws.uniform(*transform.scale[axis]) for axis in ("x", "y"))
    scale_y = scale_x if transform.keep_ratio else scale_y
    angle = torch.deg2rad(draws.uniform(*transform.rotate))
    cos, sin = angle.cos(), angle.sin()
    a, b = (cos - slope_x * sin) * scale_x, (sin + slope_x * cos) * scale_y
    d, e = (slope_y * cos - sin) * scale_x, (slope_y * sin + cos) * scale_y
    x, y = (width - 1) / 2, (height - 1) / 2
    rows = (a, b, x + shifts[0] - a * x - b * y, d, e, y + shifts[1] - d * x - e * y)
    last = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64).expand(len(draws), 1, 3)
    return torch.cat([torch.stack(rows, 1).reshape(-1, 2, 3), last], 1)


def _normalised_inverse(matrices: Tensor, height: int, width: int) -> Tensor:
    """Return (N, 2, 3): from output to input, in coordinates that are -1 and 1 at the centres of the outermost pixels."""
    to_unit = torch.tensor([[2 / (width - 1), 0, -1], [0, 2 / (height - 1), -1], [0, 0, 1]], dtype=torch.float64)
    return (to_unit @ matrices.inverse() @ to_unit.inverse())[:, :2]


def hole(transform: Any) -> Batch:
    """Fill rectangles with one colour."""
    if isinstance(transform.fill, str):
        raise TrainerError(f'CoarseDropout with fill "{transform.fill}" has no form for batches on the device')

    def apply(batch: Tensor, draws: Draws) -> Tensor:
        count, _, height, width = batch.shape
        wanted = draws.integers(*transform.num_holes_range)
        holed = torch.zeros(count, height, width, dtype=torch.bool, device=batch.device)
        for number in range(transform.num_holes_range[1]):
            in_rows = _stretch(draws, transform.hole_height_range, height)
            in_columns = _stretch(draws, transform.hole_width_range, width)
            in_rows &= (number < wanted)[:, None]
            holed |= in_rows.to(batch.device)[:, :, None] & in_columns.to(batch.device)[:, None, :]
        return torch.where(holed[:, None], _colour(transform.fill, batch), batch)

    return apply


def _stretch(draws: Draws, bounds: tuple[Any, Any], side: int) -> Tensor:
    """Return (count, side): which pixels a stretch of a drawn length covers, wherever it fits."""
    if bounds[1] >= 1:
        lengths = draws.integers(int(bounds[0]), int(min(bounds[1], side)))
    else:
        lengths = (draws.uniform(*bounds) * side).long()
    starts = (draws.uniform() * (side - lengths + 1)).long()
    pixels = torch.arange(side)
    return (pixels >= starts[:, None]) & (pixels < (starts + lengths)[:, None])


def pad(transform: Any) -> Batch:
    """Add a border on all sides."""
    if not isinstance(transform.padding, int) or transform.p < 1:
        raise TrainerError("Pad on the device needs p = 1 and one padding for all four sides")
    size, mode = transform.padding, _known(_PAD, transform.border_mode)

    def apply(batch: Tensor, _: Draws) -> Tensor:
        fill = _colour(transform.fill, batch) if mode == "constant" else 0.0
        return F.pad(batch - fill, (size,) * 4, mode=mode) + fill

    return apply


def random_crop(transform: Any) -> Batch:
    """Cut out a window of one size, anywhere."""
    if transform.pad_if_needed or transform.p < 1:
        raise TrainerError("RandomCrop on the device needs p = 1 and no pad_if_needed")

    def apply(batch: Tensor, draws: Draws) -> Tensor:
        count, _, height, width = batch.shape
        top = draws.integers(0, height - transform.height).to(batch.device)
        left = draws.integers(0, width - transform.width).to(batch.device)
        rows = top[:, None] + torch.arange(transform.height, device=batch.device)
        columns = left[:, None] + torch.arange(transform.width, device=batch.device)
        image = torch.arange(count, device=batch.device)[:, None, None]
        return batch.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)

    return apply


def _colour(fill: Any, batch: Tensor) -> Tensor:
    values = torch.tensor(fill, dtype=batch.dtype, device=batch.device)
    return values.reshape(1, -1, 1, 1)


def _known(table: dict[int, str], value: int) -> str:
    if value not in table:
        raise TrainerError(f"OpenCV's constant {value} of a border or an interpolation has no form on the device")
    return table[value]
