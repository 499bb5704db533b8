"""Writes into tensors and through views of them: every unit sees what NaN probing measures after the write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rfkit
from tests.exactness import assert_operator_contained, assert_operator_exact

PLANE = (4, 13, 11)
Write = Callable[[Tensor, Tensor], object]


def named(**functions: Any) -> list[Any]:
    return [pytest.param(function, id=name.replace("_", " ")) for name, function in functions.items()]


class Written(nn.Module):
    """Writes something made of a convolution of the input into a copy of the input, and returns the copy."""

    def __init__(self, write: Write) -> None:
        super().__init__()
        self.conv, self.write = nn.Conv2d(4, 4, (5, 3), padding=(2, 1)), write

    def forward(self, x: Tensor) -> Tensor:
        target = x.clone()
        self.write(target, self.conv(x))
        return target


def assign(place: Any, value: Callable[[Tensor], Any]) -> Write:
    return lambda x, y: x.__setitem__(place, value(y))


@pytest.mark.parametrize(
    "write",
    named(
        add=lambda x, y: x.add_(y),
        multiply_by_shifted=lambda x, y: x.mul_(y.roll(3, 2)),
        augmented_assignment=lambda x, y: x.__iadd__(y),
        copy=lambda x, y: x.copy_(y),
        copy_of_one_row=lambda x, y: x.copy_(y[:, :, 4:5]),
        relu=lambda x, y: F.relu(x.add_(y), inplace=True),
        fill_then_add=lambda x, y: x.fill_(1.0).add_(y[:, :, 2:3]),
        zero=lambda x, y: x.zero_(),
        addcmul=lambda x, y: x.addcmul_(y, y.flip(2)),
        lerp=lambda x, y: x.lerp_(y, 0.5),
        clamp_then_sub=lambda x, y: x.clamp_(-1, 1).sub_(y),
        cumsum=lambda x, y: x.cumsum_(3),
        swapped_shape=lambda x, y: x.transpose_(1, 1).add_(y),
        baddbmm=lambda x, y: x[:, 0].baddbmm_(y[:, 0], torch.randn(x.shape[0], 11, 11)),
        masked_fill_of_nothing=lambda x, y: x.add_(y).masked_fill_(torch.zeros(13, 11, dtype=torch.bool), 0.0),
        out_argument=lambda x, y: torch.add(x, y, out=x),
    ),
)
def test_in_place_operators(write: Write) -> None:
    assert_operator_exact(lambda: Written(write), PLANE)


@pytest.mark.parametrize(
    "write",
    named(
        channels=assign((slice(None), slice(1, 3)), lambda y: y[:, 1:3]),
        rows=assign((..., slice(2, 5), slice(None)), lambda y: y[:, :, 7:10]),
        every_other_column=assign((..., slice(None, None, 2)), lambda y: y[..., :6]),
        one_pixel=assign((..., 3, 4), lambda y: y[..., 9, 9]),
        border=assign((..., [0, -1], slice(None)), lambda y: y[:, :, 5:7]),
        a_constant=assign((slice(None), slice(None), slice(None, 4)), lambda y: 0.0),
        a_scalar_channel=assign((slice(None), 2), lambda y: y.mean((2, 3))[:, :1, None]),
        pairs=assign((slice(None), slice(None), torch.tensor([3, 1]), torch.tensor([4, 8])), lambda y: y[:, :, 6, 6:8]),
    ),
)
def test_assignment_to_a_part(write: Write) -> None:
    assert_operator_exact(lambda: Written(write), PLANE)


@pytest.mark.parametrize(
    "write",
    named(
        strided_slice=lambda x, y: x[..., ::2].add_(y[..., ::2]),
        strided_slice_of_rows=lambda x, y: x[:, :, 1::3].mul_(y[:, :, :4]),
        view_of_a_view=lambda x, y: x[:, 1:][:, :, 2:7][..., 3].add_(y[:, 1:, 4:9, 0]),
        transposed=lambda x, y: x.transpose(2, 3)[:, :, 5].copy_(y[..., 2]),
        permuted=lambda x, y: x.permute(2, 3, 0, 1)[4].copy_(y.permute(2, 3, 0, 1)[8]),
        chunks=lambda x, y: [part.add_(y[:, :1]) for part in x.chunk(4, 1)[1:3]],
        split_rows=lambda x, y: x.split((6, 7), 2)[1].copy_(y[:, :, :7]),
        unbound_columns=lambda x, y: x.unbind(3)[7].mul_(y[..., 1]),
        flattened=lambda x, y: x.view(x.shape[0], 4, -1)[..., 20:30].copy_(y.flatten(2)[..., 100:110]),
        flattened_whole=lambda x, y: x.flatten(2).add_(y.flatten(2)),
        reshaped_rows=lambda x, y: x[..., 2:3].squeeze(3)[..., 4:8].copy_(y[:, :, 1:5, 9]),
        narrowed=lambda x, y: x.narrow(2, 3, 4).narrow(3, 0, 2).copy_(y[:, :, :4, 5:7]),
        expanded_source=lambda x, y: x[:, :, 3:5].copy_(y[:, :, 9:10].expand(-1, -1, 2, -1)),
        unsqueezed=lambda x, y: x.unsqueeze(2)[:, :, 0, 5].copy_(y[:, :, 0]),
        two_overlapping=lambda x, y: (x[:, :, :6].copy_(y[:, :, 7:]), x[:, :, 4:8].add_(y[:, :, :4])),
        unrolled_shift=lambda x, y: [x[:, :, i].add_(x[:, :, i - 1]) for i in range(1, 13)],
        relu_of_a_half=lambda x, y: F.relu_(x[:, :2].add_(y[:, :2])),
        detached=lambda x, y: x.detach()[:, :, 3].copy_(y[:, :, 10]),
    ),
)
def test_writes_through_views(write: Write) -> None:
    assert_operator_exact(lambda: Written(write), PLANE)


@pytest.mark.parametrize(
    "write",
    named(
        diagonal=lambda x, y: x.diagonal(0, 2, 3).copy_(y[..., 6, :]),
        as_strided=lambda x, y: x.as_strided((x.shape[0], 4, 13), (572, 143, 11), 5).copy_(y[..., 0]),
    ),
)
def test_writes_through_unusual_views_are_followed_or_unknown(write: Write) -> None:
    assert_operator_contained(lambda: Written(write), PLANE)


def returns(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[], nn.Module]:
    """A module that returns something other than what was written into."""

    class Returning(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 4, (5, 3), padding=(2, 1))

        def forward(self, x: Tensor) -> Tensor:
            return function(x.clone(), self.conv(x))

    return Returning


def view_taken_before_the_write(x: Tensor, y: Tensor) -> Tensor:
    view = x[:, :, 2:8]
    x.add_(y)
    return view


def sibling_view(x: Tensor, y: Tensor) -> Tensor:
    rows, columns = x[:, :, 3:9], x[..., 2:7]
    rows.copy_(y[:, :, :6])
    return columns


def copy_taken_before_the_write(x: Tensor, y: Tensor) -> Tensor:
    kept = x.clone()
    x.copy_(y)
    return kept


def contiguous_is_no_view(x: Tensor, y: Tensor) -> Tensor:
    other = x.transpose(2, 3).contiguous()
    other.copy_(y.transpose(2, 3))
    return x


def reshape_that_must_copy(x: Tensor, y: Tensor) -> Tensor:
    other = x.transpose(2, 3).reshape(x.shape[0], 4, -1)
    other.zero_()
    return x


def reshape_that_need_not_copy(x: Tensor, y: Tensor) -> Tensor:
    other = x.permute(0, 2, 3, 1).reshape(1, -1, 4)
    other[:, 11:44] = y.flatten(2)[..., 77:110].mT
    return x


def buffer_filled_in_a_loop(x: Tensor, y: Tensor) -> Tensor:
    canvas = torch.zeros_like(x)
    for row in range(0, 12, 2):
        canvas[:, :, row] = y[:, :, row + 1]
    return canvas


def canvas_of_another_size(x: Tensor, y: Tensor) -> Tensor:
    canvas = x.new_zeros(x.shape[0], 4, 20, 20)
    canvas[:, :, 3:16, 5:16] = y
    return canvas


def empty_canvas(x: Tensor, y: Tensor) -> Tensor:
    canvas = torch.empty(x.shape[0], 8, 13, 11, device=x.device)
    canvas[:, ::2] = x
    canvas[:, 1::2] = y
    return canvas[:, 1:3]


def temporal_shift(x: Tensor, y: Tensor) -> Tensor:
    out = torch.zeros_like(y)
    out[:, :1, :-1] = y[:, :1, 1:]
    out[:, 1:2, 1:] = y[:, 1:2, :-1]
    out[:, 2:] = y[:, 2:]
    return out


def written_after_it_was_joined(x: Tensor, y: Tensor) -> Tensor:
    joined = torch.cat([x, y], 1)
    x.zero_()
    return joined + joined.roll(1, 2)


def swap_through_views(x: Tensor, y: Tensor) -> Tensor:
    top, bottom = x[:, :, :6], x[:, :, 7:]
    kept = top.clone()
    top.copy_(bottom)
    bottom.copy_(kept)
    return x


def freed_and_allocated_again(x: Tensor, y: Tensor) -> Tensor:
    for step in range(6):
        x = (x.roll(1, 2) if step % 2 else x) + 1.0
        y = y * 2
    return torch.cat([x, y], 1)[:, :5]


@pytest.mark.parametrize(
    "function",
    [
        view_taken_before_the_write,
        sibling_view,
        copy_taken_before_the_write,
        contiguous_is_no_view,
        reshape_that_must_copy,
        reshape_that_need_not_copy,
        buffer_filled_in_a_loop,
        canvas_of_another_size,
        empty_canvas,
        temporal_shift,
        written_after_it_was_joined,
        swap_through_views,
        freed_and_allocated_again,
    ],
    ids=lambda function: function.__name__,
)
def test_who_sees_a_write_and_who_does_not(function: Callable[[Tensor, Tensor], Tensor]) -> None:
    assert_operator_exact(returns(function), PLANE)


def test_a_write_into_the_input_itself_leaves_the_given_tensor_alone() -> None:
    class Scribbler(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x[:, :, 3] = 0.0
            return x.mul_(2)

    image = torch.ones(1, *PLANE)
    rfkit.trace(Scribbler(), example_inputs=image, device="cpu")
    assert torch.equal(image, torch.ones(1, *PLANE))
