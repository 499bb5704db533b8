"""Operators that mix many positions (norms, softmax, products, attention), strict and local, against NaN probing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rfkit
from rfkit.report import Report
from tests.exactness import assert_known, assert_operator_contained, assert_operator_exact, trace_and_probe
from tests.oracle import assert_exact

PLANE = (4, 13, 11)
WINDOWED = (4, 12, 6)
Operator = Callable[[Tensor], Tensor]


def named(**functions: Any) -> list[Any]:
    return [pytest.param(function, id=name.replace("_", " ")) for name, function in functions.items()]


@pytest.mark.parametrize(
    "layer",
    [
        nn.BatchNorm2d(4),
        nn.GroupNorm(2, 4),
        nn.GroupNorm(4, 4),
        nn.InstanceNorm2d(4),
        nn.InstanceNorm2d(4, affine=True, track_running_stats=True),
        nn.LayerNorm((4, 13, 11)),
        nn.LayerNorm(11),
        nn.LayerNorm((13, 11)),
        nn.LocalResponseNorm(3),
        nn.RMSNorm(11),
        nn.Softmax2d(),
        nn.Softmax(dim=3),
        nn.LogSoftmax(dim=2),
    ],
    ids=str,
)
def test_norms_and_softmax_see_what_their_statistics_see(layer: nn.Module) -> None:
    assert_operator_exact(lambda: layer, PLANE)


def test_norm_statistics_stay_inside_their_group_of_channels() -> None:
    def build() -> Operator:
        norm = nn.GroupNorm(2, 4)
        return lambda x: norm(torch.cat([x[:, :2, 2:3].expand(-1, -1, 13, -1), x[:, 2:]], 1))[:, :2]

    assert_operator_exact(build, PLANE)


def test_norm_of_channels_last_leaves_space_alone() -> None:
    def build() -> Operator:
        norm = nn.LayerNorm(4)
        return lambda x: norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    assert_operator_exact(build, PLANE)


@pytest.mark.parametrize(
    "operator",
    named(
        softmax_over_rows=lambda x: x.softmax(2),
        softmax_over_space=lambda x: x.flatten(2).softmax(2).unflatten(2, (13, 11)),
        spatial_mean_subtracted=lambda x: x - x.mean((2, 3), keepdim=True),
        standardised=lambda x: (x - x.mean(3, keepdim=True)) / x.std(3, keepdim=True),
        columns_product=lambda x: x @ torch.randn(11, 5),
        rows_product=lambda x: torch.randn(7, 13) @ x,
        banded_product_is_dense_to_a_probe=lambda x: torch.eye(13) @ x,
        gram_of_rows=lambda x: x @ x.transpose(2, 3),
        gram_of_channels=lambda x: x.flatten(2) @ x.flatten(2).transpose(1, 2),
        bmm=lambda x: torch.bmm(x.flatten(0, 1), torch.ones(x.shape[0] * 4, 11, 3)).unflatten(0, (-1, 4)),
        einsum_of_channels=lambda x: torch.einsum("nchw,dc->ndhw", x, torch.randn(5, 4)),
        einsum_of_rows=lambda x: torch.einsum("nchw,hk->nckw", x, torch.randn(13, 3)),
        einsum_of_two=lambda x: torch.einsum("nchw,nchv->nhwv", x, x.roll(1, 3)).sum(3).unsqueeze(1),
        tensordot=lambda x: torch.tensordot(x, torch.randn(4, 3), ([1], [0])),
        outer=lambda x: torch.einsum("nch,ncw->nchw", x.mean(3), x.mean(2)),
        addmm=lambda x: torch.addmm(torch.zeros(4), x.transpose(1, 3).reshape(-1, 4), torch.randn(4, 4)).view(
            x.shape[0], 11, 13, 4
        ),
        baddbmm=lambda x: torch.baddbmm(x[:, 0], x[:, 1], torch.randn(x.shape[0], 11, 11)).unsqueeze(1),
    ),
)
def test_products_and_statistics(operator: Operator) -> None:
    assert_operator_exact(lambda: operator, PLANE)


@pytest.mark.parametrize(
    "build",
    named(
        channels_last=lambda: nn.Sequential(Permuted(nn.Linear(4, 7), 0, 2, 3, 1)),
        along_the_rows=lambda: Permuted(nn.Linear(13, 5), 0, 1, 3, 2),
        along_the_columns=lambda: nn.Linear(11, 5),
        flattened=lambda: nn.Sequential(nn.Flatten(), nn.Linear(4 * 13 * 11, 5)),
        tokens_mixed=lambda: nn.Sequential(nn.Flatten(2), nn.Linear(13 * 11, 6)),
        bilinear=lambda: TwoInOne(nn.Bilinear(11, 11, 3)),
        pixelwise_mlp=lambda: Permuted(nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4)), 0, 2, 3, 1),
    ),
)
def test_linear_layers(build: Callable[[], nn.Module]) -> None:
    assert_operator_exact(build, PLANE)


class Permuted(nn.Module):
    """``inner`` on a permuted tensor, which is left permuted."""

    def __init__(self, inner: nn.Module, *order: int) -> None:
        super().__init__()
        self.inner, self.order = inner, order

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.permute(self.order))


class TwoInOne(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x, x.roll(1, 2))


class Attention(nn.Module):
    """``nn.MultiheadAttention`` among the tokens that ``fold`` makes of a map; ``unfold`` lays them out again."""

    def __init__(self, fold: Operator, unfold: Callable[[Tensor, Tensor], Tensor], **options: Any) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True, **options)
        self.fold, self.unfold = fold, unfold

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.fold(x)
        return self.unfold(self.attention(tokens, tokens, tokens, need_weights=False)[0], x)


def all_positions(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)


def as_map(tokens: Tensor, x: Tensor) -> Tensor:
    return tokens.transpose(1, 2).reshape(x.shape)


def windows(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, c, h // 4, 4, w // 3, 3).permute(0, 2, 4, 3, 5, 1).reshape(-1, 12, c)


def from_windows(tokens: Tensor, x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return tokens.view(n, h // 4, w // 3, 4, 3, c).permute(0, 5, 1, 3, 2, 4).reshape(x.shape)


@pytest.mark.parametrize(
    "build",
    named(
        all_positions=lambda: Attention(all_positions, as_map),
        rows_only=lambda: Attention(
            lambda x: x.permute(0, 3, 2, 1).flatten(0, 1),
            lambda t, x: t.view(x.shape[0], x.shape[3], x.shape[2], 4).permute(0, 3, 2, 1),
        ),
        windows=lambda: Attention(windows, from_windows),
        shifted_windows=lambda: Attention(
            lambda x: windows(x.roll((-2, -1), (2, 3))), lambda t, x: from_windows(t, x).roll((2, 1), (2, 3))
        ),
        dilated_grid=lambda: Attention(
            lambda x: x.view(x.shape[0], 4, 4, 3, 3, 2).permute(0, 3, 5, 2, 4, 1).reshape(-1, 12, 4),
            lambda t, x: t.view(x.shape[0], 3, 2, 4, 3, 4).permute(0, 5, 3, 1, 4, 2).reshape(x.shape),
        ),
    ),
)
def test_multihead_attention(build: Callable[[], nn.Module]) -> None:
    assert_operator_exact(build, WINDOWED)


def test_multihead_attention_that_returns_its_weights() -> None:
    class Weights(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2, kdim=4, vdim=4, batch_first=True, add_bias_kv=True)

        def forward(self, x: Tensor) -> Tensor:
            queries, keys = x.mean(3).mT, x.mean(2).mT
            return self.attention(queries, keys, keys)[1].unsqueeze(1)

    assert_operator_exact(Weights, PLANE)


@pytest.mark.parametrize(
    "operator",
    named(
        among_rows=lambda x: F.scaled_dot_product_attention(x, x, x),
        queries_stay_local=lambda x: F.scaled_dot_product_attention(x, x[:, :, 2:4], x[:, :, 3:5]),
        few_queries=lambda x: F.scaled_dot_product_attention(x[:, :, 5:7], x[:, :, 1:4], x[:, :, 8:11]),
        values_elsewhere=lambda x: F.scaled_dot_product_attention(x[..., :3], x[:, :, 6:7, 3:6], x[:, :, 9:10, 8:]),
        with_a_bias=lambda x: F.scaled_dot_product_attention(x, x, x, attn_mask=torch.zeros(13, 13)),
        written_out=lambda x: (x @ x.transpose(2, 3) / 11**0.5).softmax(-1) @ x,
        linear_attention=lambda x: x.softmax(3) @ (x.softmax(2).transpose(2, 3) @ x),
        pooled_keys=lambda x: (lambda t, k: F.scaled_dot_product_attention(t, k, k))(
            all_positions(x), all_positions(F.avg_pool2d(x, 3))
        ),
    ),
)
def test_scaled_dot_product_attention(operator: Operator) -> None:
    assert_operator_exact(lambda: operator, PLANE)


def test_causal_attention_is_never_predicted_too_small() -> None:
    assert_operator_contained(lambda: lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True), PLANE)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_transformer_encoder_layer(first: bool, activation: str) -> None:
    def build(order: tuple[int, ...]) -> Callable[[], nn.Module]:
        layer = nn.TransformerEncoderLayer(4, 2, 8, activation=activation, batch_first=True, norm_first=first)
        return lambda: Permuted(Folded(layer), *order)

    assert_operator_exact(build((0, 2, 3, 1)), PLANE)
    assert_operator_exact(build((0, 3, 2, 1)), PLANE)


class Folded(nn.Module):
    """``inner`` on the last two dimensions, with all the others folded into the batch."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.reshape(-1, *x.shape[-2:])).view(x.shape)


def test_transformer_of_several_layers_and_a_decoder() -> None:
    class Transformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = nn.Transformer(4, 2, 2, 1, 8, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.transformer(x.mean(3).mT, x[:, :, ::4].mean(2).mT).mT

    assert_operator_exact(Transformer, PLANE)


@pytest.mark.parametrize(
    "build",
    named(
        lstm=lambda: nn.LSTM(4, 3, batch_first=True),
        two_way_gru=lambda: nn.GRU(4, 3, batch_first=True, bidirectional=True),
        rnn=lambda: nn.RNN(4, 3, 2, batch_first=True),
    ),
)
def test_recurrent_layers_are_never_predicted_too_small(build: Callable[[], nn.Module]) -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = build()

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x.transpose(1, 2))[0].transpose(1, 2)

    assert_operator_contained(Recurrent, (4, 11))


class Net(nn.Module):
    """Convolution, ``context`` beside or around it, convolution."""

    def __init__(self, context: nn.Module) -> None:
        super().__init__()
        self.first, self.context, self.last = nn.Conv2d(4, 4, 3, 2, 1), context, nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.context(self.first(x)))


class Gate(nn.Module):
    """Squeeze-and-excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.excite(self.squeeze(x)).sigmoid()


class LinearGate(nn.Module):
    """Squeeze-and-excitation by linear layers, the mean written out."""

    def __init__(self) -> None:
        super().__init__()
        self.excite = nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 4), nn.Hardsigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return self.excite(x.mean((2, 3)))[:, :, None, None] * x


class PooledBranch(nn.Module):
    """The image-pooling branch of ASPP: pooled, brought back by interpolation, concatenated."""

    def __init__(self) -> None:
        super().__init__()
        self.branch, self.mix = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1)), nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(torch.cat([x, F.interpolate(self.branch(x), size=x.shape[-2:], mode="bilinear")], 1))


class MeanRemoved(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean((2, 3), keepdim=True)


CONTEXT = {
    "gate": Gate,
    "gate of linear layers": LinearGate,
    "pooled branch": PooledBranch,
    "mean removed": MeanRemoved,
    "group norm": lambda: nn.GroupNorm(2, 4),
    "instance norm": lambda: nn.InstanceNorm2d(4),
    "layer norm over space": lambda: nn.LayerNorm((4, 7, 6)),
    "two gates": lambda: nn.Sequential(Gate(), Gate()),
}


@pytest.mark.parametrize("kind", CONTEXT)
def test_strict_fields_hold_the_context_and_local_ones_are_those_without_it(kind: str) -> None:
    """Local fields equal what is measured on the same network with the gate, norm or branch taken out."""
    net = Net(CONTEXT[kind]())
    strict, truth = trace_and_probe(net, PLANE)
    assert_known(strict)
    assert_exact({label: strict[label] for label in ("first", "last")}, truth)
    assert truth["last"].units(0, None) == [(0, 12)]

    _, without = trace_and_probe(Net(nn.Identity()), PLANE)
    local = rfkit.trace(net, (1, *PLANE), units=True)
    assert_exact({label: local[label] for label in ("first", "last")}, without)
    assert local.totals.receptive_field == (7, 7)


@pytest.mark.parametrize("kind", CONTEXT)
def test_the_report_names_the_layer_that_adds_the_context(kind: str) -> None:
    report = rfkit.trace(Net(CONTEXT[kind]()), (1, *PLANE))
    assert not report["first"].context
    assert report["last"].context
    assert all(label.startswith("context") for label in report["last"].context)
    assert all(context_label in labels(report) for context_label in report["last"].context)


def labels(report: Report) -> list[str]:
    return [layer.label for layer in report]


def test_pooling_at_the_end_is_not_context() -> None:
    report = rfkit.trace(
        nn.Sequential(nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)), (1, *PLANE)
    )
    assert [layer.context for layer in report] == [()] * 4
    assert [layer.global_ for layer in report] == [(False, False), (True, True), (True, True), (True, True)]


def test_a_constant_operand_is_not_context() -> None:
    class Biased(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.zeros(1, 4, 1, 1))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.bias.sigmoid() + torch.ones_like(x)

    report = rfkit.trace(Net(Biased()), (1, *PLANE))
    assert [layer.context for layer in report if layer.context] == []
