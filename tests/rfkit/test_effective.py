"""Effective receptive fields are those that theory gives, lie inside the traced field, and leave the model alone."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import rfkit
from rfkit.effective.statistics import counted_squares, discs, jackknife, squares, width
from tests import zoo
from tests.rfkit.test_model_left_alone import snapshot


def stack(layers: int, kernel: int, axes: int = 2, side: int = 1) -> nn.Sequential:
    """Convolutions of equal weights, without padding or bias."""
    conv = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[axes]
    net = nn.Sequential(*(conv(1, 1, kernel, stride=side, bias=False) for _ in range(layers)))
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    return net


def positive(*shape: int, count: int = 3) -> list[Tensor]:
    """Inputs that no rectifier stops behind positive weights."""
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(shape, generator=generator) for _ in range(count)]


def box(layers: int, kernel: int) -> np.ndarray:
    """The n-fold convolution of a box with itself, of sum 1."""
    found = np.ones(1)
    for _ in range(layers):
        found = np.convolve(found, np.ones(kernel) / kernel)
    return found


@pytest.mark.parametrize(("layers", "kernel"), [(1, 3), (4, 3), (6, 3), (3, 5), (2, 2)])
def test_equal_weights_give_the_repeated_convolution_of_a_box(layers: int, kernel: int) -> None:
    """Luo et al. 2016, section 2: the variance is n (k^2 - 1) / 12 along each axis."""
    found = rfkit.erf(stack(layers, kernel), (1, 21, 19), inputs=positive(1, 1, 21, 19)).fields[0]
    size = layers * (kernel - 1) + 1
    assert found.receptive_field == (size, size)
    (top, bottom), (left, right) = found.box
    expected = np.outer(box(layers, kernel), box(layers, kernel))
    np.testing.assert_allclose(found.map[top : bottom + 1, left : right + 1], expected, atol=1e-7)
    assert found.inside == pytest.approx(1)
    sigma = sqrt(layers * (kernel**2 - 1) / 12)
    for axis in (0, 1):
        assert found.widths[axis].sigma.value == pytest.approx(sigma, rel=1e-5)
        assert found.widths[axis].sigma.error == pytest.approx(0, abs=1e-5)
        assert found.widths[axis].mean == pytest.approx(found.centre[axis])
        assert found.widths[axis].ratio.value == pytest.approx(4 * sigma / size, rel=1e-5)


@pytest.mark.parametrize("axes", [1, 3])
def test_one_and_three_axes_are_measured_along_each(axes: int) -> None:
    sizes = (13, 11, 9)[:axes]
    found = rfkit.erf(stack(2, 3, axes), (1, *sizes), inputs=positive(1, 1, *sizes)).fields[0]
    assert [w.sigma.value for w in found.widths] == pytest.approx([sqrt(2 * 8 / 12)] * axes, rel=1e-5)
    assert found.profile(0)[4:9] == pytest.approx(np.array([1, 2, 3, 2, 1]) / 9, rel=1e-5)
    assert found.replknet == ()


def test_strides_move_the_centre_with_the_unit() -> None:
    """Two 2x2 convolutions of stride 2 on 16 pixels: unit 2 of 4 sees pixels 8 to 11, whose middle is 10."""
    found = rfkit.erf(stack(2, 2, side=2), (1, 16, 16), inputs=positive(1, 1, 16, 16)).fields[0]
    assert (found.unit, found.centre, found.box) == ((2, 2), (10, 10), ((8, 11), (8, 11)))
    assert [(s.share, s.side.value) for s in found.squares] == [(0.2, 2), (0.3, 4), (0.5, 4), (0.99, 4)]
    assert [s.area for s in found.squares] == [4 / 256, 16 / 256, 16 / 256, 16 / 256]


def test_where_units_differ_the_size_is_that_of_the_centre_unit() -> None:
    """A transposed convolution of stride 2 reads one position for every even unit and two for every odd one."""
    net = nn.ConvTranspose1d(1, 1, 3, stride=2, padding=1, output_padding=1, bias=False)
    nn.init.ones_(net.weight)
    even, odd = (rfkit.erf(net, (1, 1, n), inputs=positive(1, 1, n)).fields[0] for n in (20, 21))
    assert (even.receptive_field, odd.receptive_field) == ((1,), (2,))
    for field in (even, odd):
        assert [high - low + 1 for low, high in field.box or ()] == list(field.receptive_field)
        assert np.count_nonzero(field.map) == field.receptive_field[0]


def test_a_one_by_one_network_depends_on_one_pixel() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 4, 1))
    found = rfkit.erf(net, (3, 9, 7)).fields[0]
    assert found.map[4, 3] == pytest.approx(1)
    assert [s.side.value for s in found.squares] == [1, 1, 1, 1]
    assert found.discs[0].share.value == pytest.approx(1)
    assert [w.sigma.value for w in found.widths] == pytest.approx([0, 0])


class Trap(nn.Module):
    """Branches, dilation, strides, in-place operators, slices written into, pooling, upsampling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.wide, self.narrow = nn.Conv2d(8, 8, 3, padding=2, dilation=2), nn.Conv2d(8, 8, 1)
        self.pool, self.up = nn.MaxPool2d(2), nn.ConvTranspose2d(16, 6, 4, 2, 1)
        self.head = nn.Conv2d(6, 4, (3, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = torch.cat([self.wide(x), F.relu_(self.narrow(x))], 1)
        y[:, 2:6] += x[:, :4]
        y = self.pool(y)
        return self.head(self.up(y).mul_(2))


def test_the_gradient_lies_in_the_traced_field_of_every_layer() -> None:
    torch.manual_seed(0)
    report = rfkit.trace(Trap(), (3, 40, 36))
    net = Trap()
    measured = 0
    for layer in report.layers:
        found = rfkit.erf(net, (3, 40, 36), layer.label, inputs=2).fields[0]
        outside = found.map.copy()
        (top, bottom), (left, right) = found.box
        outside[top : bottom + 1, left : right + 1] = 0
        assert outside.max() <= 1e-7 * found.map.max(), layer.label
        for axis in (0, 1):
            low, high = found.box[axis]
            assert found.profile(axis)[[low, high]].min() > 0, f"{layer.label} reaches the edges of its field"
        measured += 1
    assert measured >= 10


def test_the_gradient_is_the_one_that_the_model_itself_gives() -> None:
    """The replayed record against a forward and a backward of the module, on the definition written out."""
    torch.manual_seed(0)
    net = Trap().eval()
    given = [torch.randn(1, 3, 40, 36) for _ in range(2)]
    expected = torch.zeros(40, 36)
    for x in given:
        x = x.clone().requires_grad_()
        output = net(x)
        output[:, :, output.shape[2] // 2, output.shape[3] // 2].relu().sum().backward()
        expected += x.grad.abs().sum((0, 1))
    found = rfkit.erf(net, (3, 40, 36), "head", inputs=given).fields[0]
    np.testing.assert_allclose(found.map, expected / expected.sum(), rtol=1e-4, atol=1e-9)


def test_shares_add_up_and_squares_nest() -> None:
    torch.manual_seed(0)
    found = rfkit.erf(Trap(), (3, 40, 36), inputs=4, radii=(2, 8, 100)).fields[0]
    assert found.map.sum() == pytest.approx(1)
    assert [found.profile(axis).sum() for axis in (0, 1)] == pytest.approx([1, 1])
    sides = [square.side.value for square in found.squares]
    assert sides == sorted(sides)
    assert [disc.radius for disc in found.discs] == [2, 8, 100]
    assert found.discs[0].share.value < found.discs[1].share.value < found.discs[2].share.value == pytest.approx(1)


def test_the_error_is_that_of_a_mean_where_the_figure_is_one() -> None:
    """The jackknife of a mean is its standard error: the standard deviation of the values over the root of their number."""
    values = np.random.default_rng(0).random((7, 1))
    found = jackknife(values, lambda total: float(total[0]) / 6)
    assert found == pytest.approx(values.std(ddof=1) / sqrt(7))
    assert jackknife(values[:1], lambda total: float(total[0])) is None


def test_errors_fall_as_inputs_are_added() -> None:
    torch.manual_seed(0)
    few, many = (rfkit.erf(Trap(), (3, 40, 36), inputs=n).fields[0].discs[2].share.error for n in (4, 64))
    assert 0 < many < few


def test_figures_of_a_map_drawn_by_hand() -> None:
    """A cross of five pixels around (2.5, 3.5): the middle holds 6 of 10, each arm 1."""
    maps = np.zeros((1, 5, 7))
    maps[0, 2, 3] = 6
    maps[0, [1, 3, 2, 2], [3, 3, 2, 4]] = 1
    assert [s.side.value for s in squares(maps, (2.5, 3.5), (0.5, 0.6, 0.61, 1))] == [1, 1, 3, 3]
    assert [s.area for s in squares(maps, (2.5, 3.5), (0.5, 1))] == pytest.approx([1 / 35, 9 / 35])
    assert [d.share.value for d in discs(maps, (2.5, 3.5), (0, 0.9, 1))] == pytest.approx([0.6, 0.6, 1])
    assert width(maps, 0, 5).sigma.value == pytest.approx(sqrt(0.2))
    assert width(maps, 1, None).ratio is None


def test_squares_are_also_counted_as_replknet_does() -> None:
    """Of 9x9 equal pixels a square of side 3 holds 11%, of side 5 31%, of side 7 60%; its search ends there."""
    found = counted_squares(np.ones((9, 9)))
    assert [(s.share, s.side) for s in found] == [(0.2, 5), (0.3, 5), (0.5, 7), (0.99, None)]
    assert found[0].area == pytest.approx(25 / 81)


def test_the_last_feature_map_is_taken_unless_another_layer_is_named() -> None:
    assert (
        rfkit.erf(zoo.Unused(), (3, 13, 11)).fields[0].layer == rfkit.trace(zoo.Unused(), (3, 13, 11)).totals.features
    )
    with pytest.raises(rfkit.UsageError, match=r"no layer 'bodi'; did you mean body"):
        rfkit.erf(zoo.Unused(), (3, 13, 11), "bodi")


class Pooled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gate, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).relu()
        x = x * self.gate(x.mean((2, 3), keepdim=True)).sigmoid()
        return self.head(x.mean((2, 3)))


def test_a_layer_without_positions_is_refused_in_words() -> None:
    with pytest.raises(rfkit.UsageError, match="head has no effective field: it has no positions left"):
        rfkit.erf(Pooled(), (3, 12, 12), "head")


def test_what_a_gate_lets_in_from_beyond_the_field_is_told_apart() -> None:
    torch.manual_seed(0)
    found = rfkit.erf(Pooled(), (3, 12, 12), "mul").fields[0]
    assert found.context
    assert 0.5 < found.inside < 1
    assert rfkit.erf(Pooled(), (3, 12, 12), "conv").fields[0].inside == pytest.approx(1)


def test_a_unit_that_is_never_positive_has_no_gradient() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU())
    nn.init.constant_(net[0].bias, -100)
    with pytest.raises(rfkit.InputError, match=r"no gradient reaches the input from 1: .* 0 or less"):
        rfkit.erf(net, (1, 8, 8))


def test_inputs_without_a_gradient_do_not_count() -> None:
    given = [torch.ones(1, 1, 9, 9), -torch.ones(1, 1, 9, 9), torch.ones(1, 1, 9, 9)]
    found = rfkit.erf(stack(1, 3), (1, 9, 9), inputs=given).fields[0]
    assert (found.inputs, found.ignored) == (2, 1)
    assert found.widths[0].sigma.value == pytest.approx(sqrt(8 / 12))


def test_a_model_without_numbers_is_refused() -> None:
    with torch.device("meta"):
        net = nn.Conv2d(3, 4, 3)
    with pytest.raises(rfkit.InputError, match="weight is on meta"):
        rfkit.erf(net, (3, 8, 8))


def test_the_same_seed_gives_the_same_figures() -> None:
    torch.manual_seed(0)
    net = Trap()
    first, again, other = (rfkit.erf(net, (3, 40, 36), inputs=2, seed=seed) for seed in (1, 1, 2))
    assert first.to_dict() == again.to_dict()
    assert first.to_dict() != other.to_dict()


@pytest.mark.parametrize("name", ["SharedModule", "Unused"])
def test_the_model_comes_back_as_it_was(name: str) -> None:
    net = getattr(zoo, name)()
    net.train()
    before = snapshot(net)
    rfkit.erf(net, zoo.IMAGE, inputs=2)
    assert snapshot(net) == before


def test_all_layers_are_at_most_twelve_and_end_in_the_last_feature_map() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(*(nn.Conv2d(3 if i == 0 else 4, 4, 3, padding=1) for i in range(20)))
    found = rfkit.erf(net, (3, 48, 48), all_layers=True, inputs=1)
    sizes = [each.receptive_field[0] for each in found.fields]
    assert len(sizes) == 12
    assert (sizes[0], sizes[-1]) == (3, 41)
    assert sizes == sorted(sizes)
    assert found["19"].squares[0].side.error is None


def test_a_token_of_a_transformer_is_the_one_in_the_middle_of_the_image() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(3, 16, 4, 4)
            self.block = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.block(self.patches(x).flatten(2).transpose(1, 2))

    torch.manual_seed(0)
    found = rfkit.erf(Tokens(), (3, 20, 20), "block.norm2", inputs=2).fields[0]
    assert (found.unit, found.centre) == ((12, 12), (10, 10))
    assert found.map[8:12, 8:12].sum() > 0.2
