"""Operators that move, join, repeat, crop, pad and pick positions: every unit sees what NaN probing measures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.exactness import CONVOLUTIONS, assert_operator_contained, assert_operator_exact

LINE, PLANE, VOLUME = (4, 23), (4, 13, 11), (4, 7, 5, 11)
SHAPES = {1: LINE, 2: PLANE, 3: VOLUME}
Operator = Callable[[Tensor], Tensor]


def named(**functions: Any) -> list[Any]:
    return [pytest.param(function, id=name.replace("_", " ")) for name, function in functions.items()]


def index(*positions: int) -> Tensor:
    return torch.tensor(positions)


@pytest.mark.parametrize(
    "operator",
    named(
        crop=lambda x: x[:, :, 2:-3, 1:],
        crop_to_one=lambda x: x[:, :, 4:5],
        stride=lambda x: x[..., ::2, 1::3],
        select=lambda x: x[:, :, 3],
        select_the_last_column=lambda x: x[..., -1],
        narrow=lambda x: x.narrow(3, 2, 5),
        new_axis=lambda x: x[:, :, None].squeeze(2),
        first_and_last=lambda x: x[:, :, :: x.shape[2] - 1],
        flip=lambda x: x.flip(2),
        flip_both=lambda x: torch.flip(x, (2, 3)),
        fliplr_of_a_line=lambda x: x[0].fliplr()[None],
        quarter_turn=lambda x: x.rot90(1, (2, 3)),
        half_turn=lambda x: x.rot90(2, (2, 3)),
        roll=lambda x: x.roll(3, 2),
        roll_backwards_both=lambda x: torch.roll(x, (-2, 5), (2, 3)),
        roll_channels=lambda x: x.roll(1, 1),
        roll_of_flattened=lambda x: x.flatten(2).roll(5, 2).unflatten(2, (13, 11)),
        transpose=lambda x: x.transpose(2, 3),
        permute=lambda x: x.permute(0, 2, 3, 1),
        permute_to_the_front=lambda x: x.permute(3, 0, 2, 1)[..., 0],
        movedim=lambda x: x.movedim(1, -1),
        swapaxes_and_back=lambda x: x.swapaxes(1, 3).contiguous().swapaxes(1, 3),
    ),
)
def test_crops_strides_turns_and_shifts(operator: Operator) -> None:
    assert_operator_exact(lambda: operator, PLANE)


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_padding_of_every_mode(rank: int, mode: str) -> None:
    amounts = (2, 1, 0, 3, 1, 1)[: 2 * rank]
    assert_operator_exact(lambda: lambda x: F.pad(x, amounts, mode=mode), SHAPES[rank])


@pytest.mark.parametrize("mode", ["constant", "replicate", "circular"])
def test_padding_by_negative_amounts_crops(mode: str) -> None:
    assert_operator_exact(lambda: lambda x: F.pad(x, (-2, 3, 1, -4), mode=mode), PLANE)


@pytest.mark.parametrize(
    "layer",
    [
        nn.ZeroPad2d((1, 2, 3, 4)),
        nn.ConstantPad2d((0, 2, -1, 0), 1.5),
        nn.ReflectionPad2d((3, 0, 1, 2)),
        nn.ReplicationPad2d((1, 4, 0, 2)),
        nn.CircularPad2d((2, 3, 4, 0)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_padding_modules(layer: nn.Module) -> None:
    assert_operator_exact(lambda: layer, PLANE)


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_a_convolution_behind_padding(mode: str) -> None:
    def build() -> Operator:
        conv = nn.Conv2d(4, 4, (3, 5), stride=2)
        return lambda x: conv(F.pad(x, (3, 1, 2, 2), mode=mode))

    assert_operator_exact(build, PLANE)


@pytest.mark.parametrize(
    "operator",
    named(
        cat_channels=lambda x: torch.cat([x, x.flip(2)], 1),
        cat_channels_then_half=lambda x: torch.cat([x, x.flip(2)], 1)[:, 4:],
        cat_rows=lambda x: torch.cat([x, x[:, :, ::2]], 2),
        cat_columns_of_three=lambda x: torch.cat([x[..., 3:], x.roll(1, 3), x[..., :3]], 3),
        cat_with_an_empty_piece=lambda x: torch.cat([x[:, :, :0], x, x[:, :, 13:]], 2),
        cat_grown_from_an_empty_list=lambda x: torch.cat([torch.tensor([]).to(x.device), x, x.flip(2)], 1),
        cat_of_a_piece_in_the_padding=lambda x: torch.cat([x[..., :1], F.pad(x.roll(3, 2), (1, -11))], 1),
        stack_new_batch=lambda x: torch.stack([x, x.roll(2, 2)]).mean(0),
        stack_interleaved=lambda x: torch.stack([x, x.roll(4, 2)], 3).flatten(2, 3),
        stack_as_channels=lambda x: torch.stack([x, x.roll(4, 3)], 1).flatten(1, 2),
        split=lambda x: x.split(5, 2)[1],
        split_by_sizes=lambda x: torch.split(x, [2, 8, 1], 3)[1],
        chunk_of_space=lambda x: x.chunk(3, 2)[2],
        chunk_of_channels=lambda x: x.chunk(2, 1)[0] + x.chunk(2, 1)[1].roll(2, 3),
        tensor_split=lambda x: x.tensor_split((3, 7), 3)[1],
        unbind=lambda x: torch.stack(x.unbind(2)[1:4], 2),
        unbind_swapped=lambda x: torch.stack(x.unbind(3)[::-1], 3),
        swap_halves=lambda x: torch.cat(x.split((6, 7), 2)[::-1], 2),
        hsplit_dsplit=lambda x: torch.cat(x[..., :10].hsplit((1,))[::-1], 1),
        channel_shuffle=lambda x: x.view(x.shape[0], 2, 2, *x.shape[2:]).transpose(1, 2).reshape(x.shape),
        channel_shuffle_module=nn.ChannelShuffle(2),
    ),
)
def test_joins_and_splits(operator: Operator) -> None:
    assert_operator_exact(lambda: operator, PLANE)


def test_what_channels_of_a_concatenation_see_stays_apart_until_they_are_mixed() -> None:
    def build(last: nn.Module) -> Callable[[], nn.Module]:
        class Branches(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.wide, self.last = nn.Conv2d(4, 4, (7, 3), padding=(3, 1)), last

            def forward(self, x: Tensor) -> Tensor:
                return self.last(torch.cat([x, self.wide(x)], 1))

        return Branches

    narrow = nn.Conv2d(8, 8, 3, padding=1, groups=8)
    assert_operator_exact(build(nn.Sequential(narrow, nn.Conv2d(8, 4, 1, groups=2), Half())), PLANE)
    assert_operator_exact(build(nn.Sequential(nn.Conv2d(8, 4, 1), Half())), PLANE)
    assert_operator_exact(build(nn.Sequential(nn.ChannelShuffle(4), Half(), nn.MaxPool2d(2))), PLANE)
    assert_operator_exact(build(nn.Sequential(nn.ConvTranspose2d(8, 8, 2, 2, groups=2), Half())), PLANE)
    assert_operator_exact(build(nn.Sequential(nn.GroupNorm(2, 8), Half())), PLANE)


class Half(nn.Module):
    """The first half of the channels."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, : x.shape[1] // 2]


@pytest.mark.parametrize(
    "operator",
    named(
        row_means_added=lambda x: x + x.mean(2, keepdim=True),
        column_maxima_times=lambda x: x * x.amax(3, keepdim=True),
        first_row_added=lambda x: x + x[:, :, :1],
        constant_plane=lambda x: x + torch.ones(13, 11),
        per_channel=lambda x: x * torch.rand(4, 1, 1) + torch.rand(4, 1, 1),
        outer_product_of_profiles=lambda x: x.mean(2, keepdim=True) * x.mean(3, keepdim=True),
        outer_sum_of_slices=lambda x: x[:, :, 2:3] + x[..., 4:5],
        maximum=lambda x: torch.maximum(x, x.roll(2, 2)),
        lerp=lambda x: torch.lerp(x, x.flip(3), 0.3),
        addcmul=lambda x: torch.addcmul(x, x.roll(1, 2), x.roll(-1, 3), value=0.5),
        clamp_and_round=lambda x: x.clamp(-1, 1).exp().sqrt(),
        where_on_values_of_a_constant=lambda x: torch.where(torch.tensor(True), x, x.roll(3, 2)) + x.roll(3, 2),
        zero_times=lambda x: x + 0 * x.roll(5, 2),
        bigger_output=lambda x: x[:, :, :, None, :1].squeeze(-1) + x[:, :, :1, :5],
        gated=lambda x: F.glu(x, 1),
        gated_by_columns=lambda x: F.glu(x[..., :10], 3),
        prelu=nn.PReLU(4),
        dropout=nn.Sequential(nn.Dropout(0.5), nn.Dropout2d(0.5), nn.AlphaDropout(0.5)),
        activations=nn.Sequential(
            nn.GELU(), nn.Hardswish(), nn.SiLU(), nn.Mish(), nn.ELU(), nn.LeakyReLU(), nn.Softplus()
        ),
    ),
)
def test_pointwise_operators_with_broadcasting(operator: Operator) -> None:
    assert_operator_exact(lambda: operator, PLANE)


@pytest.mark.parametrize(
    "operator",
    named(
        expand=lambda x: x.mean(2, keepdim=True).expand(-1, -1, 7, -1),
        expand_as=lambda x: x[..., :1].expand_as(x),
        broadcast_to=lambda x: torch.broadcast_to(x[:, :1], (x.shape[0], 6, 13, 11)),
        repeat=lambda x: x.repeat(1, 1, 2, 3),
        repeat_channels=lambda x: x.repeat(1, 2, 1, 1),
        tile=lambda x: torch.tile(x, (2, 1)),
        repeat_interleave=lambda x: x.repeat_interleave(3, 2),
        upsampled_by_expanding=lambda x: x[:, :, :, None].expand(-1, -1, -1, 2, -1).reshape(x.shape[0], 4, 26, 11),
    ),
)
def test_repeats(operator: Operator) -> None:
    assert_operator_exact(lambda: operator, PLANE)


@pytest.mark.parametrize(
    "operator",
    named(
        flatten_and_back=lambda x: x.flatten(2).unflatten(2, (13, 11)),
        view_of_columns=lambda x: x.transpose(2, 3).reshape(x.shape[0], 4, -1).view(x.shape[0], 4, 11, 13),
        rows_split=lambda x: x[:, :, :12].view(x.shape[0], 4, 4, 3, 11).amax(3),
        rows_split_the_other_way=lambda x: x[:, :, :12].view(x.shape[0], 4, 3, 4, 11).amax(2),
        rows_cut_anew=lambda x: x.reshape(x.shape[0], 4, 11, 13),
        space_in_channels=lambda x: x[..., :10].reshape(x.shape[0], 4, 13, 5, 2).permute(0, 1, 4, 2, 3).flatten(1, 2),
        squeeze_and_unsqueeze=lambda x: x.unsqueeze(0).squeeze(0).unsqueeze(-1).squeeze(-1),
        tokens=lambda x: x.flatten(2).transpose(1, 2),
        tokens_and_back=lambda x: x.flatten(2).transpose(1, 2).transpose(1, 2).unflatten(2, (13, 11)),
        tokens_behind_a_class_token=lambda x: torch.cat(
            [torch.zeros(x.shape[0], 1, 4), x.flatten(2).transpose(1, 2)], 1
        ),
        class_token_dropped=lambda x: torch.cat([x.amax((2, 3))[:, None], x.flatten(2).mT], 1)[:, 1:].mT.unflatten(
            2, (13, 11)
        ),
        space_to_depth=lambda x: (
            x[:, :, :12, :10].reshape(x.shape[0], 4, 6, 2, 5, 2).permute(0, 1, 3, 5, 2, 4).mean((2, 3))
        ),
    ),
)
def test_views(operator: Operator) -> None:
    assert_operator_exact(lambda: operator, PLANE)


@pytest.mark.parametrize(
    "operator",
    named(
        list_of_rows=lambda x: x[:, :, [0, 5, 5, 2]],
        tensor_of_columns=lambda x: x[..., index(10, 0, 3)],
        negative_index=lambda x: x[:, :, index(-1, -13, 4)],
        index_select=lambda x: x.index_select(2, index(7, 1, 1, 12)),
        arange=lambda x: x[:, :, torch.arange(0, 13, 3)],
        arange_modulo=lambda x: x[..., (torch.arange(22) * 3) % 11],
        rows_by_columns=lambda x: x[:, :, index(3, 1)[:, None], index(0, 9, 4)],
        pairs=lambda x: x[:, :, index(3, 1, 8), index(0, 9, 4)],
        pairs_apart=lambda x: x[:, index(0, 1), :, index(4, 9)],
        gather=lambda x: x.gather(2, torch.tensor([6, 2, 9]).view(1, 1, 3, 1).expand(x.shape[0], 4, 3, 11)),
        take_along_dim=lambda x: torch.take_along_dim(x, torch.tensor([4, 4, 0]).view(1, 1, 1, 3), 3),
        channels_picked=lambda x: torch.cat([x, x.flip(2)], 1)[:, [1, 6]],
        diff=lambda x: torch.diff(x, dim=3),
        second_diff=lambda x: x.diff(n=2, dim=2),
        linspace=lambda x: x[:, :, torch.linspace(0, 12, 5).round().long()],
        where_is_known=lambda x: x[:, :, torch.tensor([True, False] * 6 + [True]).nonzero()[:, 0]],
    ),
)
def test_picking_by_constant_indices(operator: Operator) -> None:
    assert_operator_exact(lambda: operator, PLANE)


def test_picking_by_an_index_kept_as_a_buffer() -> None:
    class Picked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("order", torch.tensor([9, 2, 2, 0, 12]))

        def forward(self, x: Tensor) -> Tensor:
            return x[:, :, self.order]

    assert_operator_exact(Picked, PLANE)


@pytest.mark.parametrize(
    "operator",
    named(
        boolean_mask=lambda x: x[:, :, torch.tensor([True, False] * 6 + [True])],
        masked_fill=lambda x: x.masked_fill(torch.arange(13)[:, None] < 4, 0.0),
        where=lambda x: torch.where(torch.arange(11) < 4, x, x.roll(5, 2)),
        scatter=lambda x: torch.zeros_like(x).scatter(2, torch.arange(13).flip(0).view(1, 1, 13, 1).expand_as(x), x),
        index_add=lambda x: x.index_add(2, index(0, 4), x[:, :, 6:8]),
        index_copy=lambda x: x.index_copy(3, index(1, 2), x[..., 8:10]),
        tril=lambda x: x.tril(),
        triangle_times=lambda x: x * torch.ones(13, 11).tril(),
        roll_by_fourier=lambda x: torch.fft.irfft(torch.fft.rfft(x, dim=3), n=11, dim=3),
        sampled=lambda x: F.grid_sample(
            x, F.affine_grid(torch.eye(2, 3)[None], [1, 4, 7, 5], False), align_corners=False
        ),
        view_as_complex=lambda x: torch.view_as_real(torch.view_as_complex(x[..., :2].contiguous())),
        sorted_rows=lambda x: x.sort(2)[0],
        largest_rows=lambda x: x.topk(3, 2)[0],
        median=lambda x: x.median(3)[0],
    ),
)
def test_what_values_decide_is_never_predicted_too_small(operator: Operator) -> None:
    """Masks and indices may be followed or not: the prediction covers the truth, or says that it does not know."""
    assert_operator_contained(lambda: operator, PLANE)


@pytest.mark.parametrize(
    "operator",
    named(
        sort=lambda x: x.sort(1)[0],
        topk=lambda x: x.topk(2, 1)[0],
        kthvalue=lambda x: x.kthvalue(2, 1)[0],
        max=lambda x: x.max(1, keepdim=True)[0],
        cumsum=lambda x: x.cumsum(1),
        softmax=lambda x: x.softmax(1),
        normalize=lambda x: F.normalize(x, dim=1),
        mean_and_max=lambda x: torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1),
        argument_free_norm=lambda x: x / x.norm(dim=1, keepdim=True),
        cosine=lambda x: F.cosine_similarity(x, x.roll(1, 2), dim=1),
        pairwise=lambda x: (x - x.roll(2, 3)).pow(2).sum(1),
    ),
)
def test_operators_over_channels_leave_space_alone(operator: Operator) -> None:
    assert_operator_exact(lambda: operator, PLANE)


@pytest.mark.parametrize(
    "operator",
    named(
        cumsum=lambda x: x.cumsum(2),
        cummax=lambda x: x.cummax(3)[0],
        reversed_cumsum=lambda x: x.flip(3).cumsum(3).flip(3),
        normalize_rows=lambda x: F.normalize(x, dim=2),
        integral_image_box=lambda x: (s := F.pad(x.cumsum(2), (0, 0, 1, 0)))[:, :, 3:] - s[:, :, :-3],
    ),
)
def test_operators_along_space(operator: Operator) -> None:
    assert_operator_exact(lambda: operator, PLANE)


@pytest.mark.parametrize(
    "operator",
    named(
        zeros_like=lambda x: torch.zeros_like(x),
        coordinates=lambda x: torch.linspace(0, 1, 13)[:, None].expand(x.shape[0], 1, 13, 11),
        new_full=lambda x: x.new_full(x.shape, 2.0) + torch.ones(11),
        constant_half=lambda x: torch.cat([x, torch.ones_like(x)], 2),
        constant_channels_dropped=lambda x: torch.cat([torch.ones_like(x), x], 1)[:, :4],
        constant_channels_kept=lambda x: torch.cat([torch.ones_like(x), x], 1),
    ),
)
def test_constants_see_nothing(operator: Operator) -> None:
    assert_operator_exact(lambda: operator, PLANE)


@pytest.mark.parametrize("rank", [1, 3])
def test_lines_and_volumes(rank: int) -> None:
    def build() -> Operator:
        conv = CONVOLUTIONS[rank](8, 4, 3, stride=2, padding=1)
        return lambda x: conv(torch.cat([x.flip(2), x.roll(2, -1)], 1))[..., 1:]

    assert_operator_exact(build, SHAPES[rank])
    assert_operator_exact(lambda: lambda x: x.flatten(1).unflatten(1, SHAPES[rank])[:, :, ::2], SHAPES[rank])
