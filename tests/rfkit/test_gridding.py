"""The exact set of input positions that a centre unit reaches: against NaN probing, and against the literature's stacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import Tensor, nn
from torchvision.models import get_model

import rfkit
from rfkit import reached
from rfkit.report import Layer, Report
from tests.exactness import CONVOLUTIONS, Between, Call, assert_known, trace
from tests.graphs import Along, Graph, graphs
from tests.oracle import exact_kernels, forward_outputs
from tests.rfkit.test_random_networks import deterministic
from trainer.models.documents import FourBlockNet, TwoBranchNet

Sets = tuple[set[int], ...]


def positions(layer: Layer) -> Sets:
    assert layer.reached is not None
    return tuple({p for first, last in runs for p in range(first, last + 1)} for runs in layer.reached)


def probed(model: nn.Module, shape: Sequence[int]) -> dict[str, Sets]:
    """Per layer and axis, the positions whose NaN reaches any unit at the centre; every map is batch, channels, space."""
    torch.manual_seed(0)
    image, found = torch.randn(1, *shape), dict[str, Sets]()
    with torch.no_grad(), exact_kernels():
        for axis in range(len(shape) - 1):
            for position in range(shape[1 + axis]):
                poisoned = image.clone()
                poisoned.select(2 + axis, position).fill_(float("nan"))
                for label, value in forward_outputs(model.eval(), [poisoned]).items():
                    seen = found.setdefault(label, tuple(set() for _ in shape[1:]))
                    units = value if value.ndim <= 2 + axis else value.select(2 + axis, value.shape[2 + axis] // 2)
                    if units.isnan().any():
                        seen[axis].add(position)
    return found


def assert_reached(model: nn.Module, shape: Sequence[int], leave_out: Sequence[str] = ()) -> Report:
    """What every layer's centre unit reaches, predicted and measured, is equal position for position."""
    report = trace(model.eval(), shape, strict=True, holes=True)
    assert_known(report)
    truth = probed(model, shape)
    labels = [layer.label for layer in report if layer.label in truth and layer.label not in leave_out]
    assert labels
    assert {label: positions(report[label]) for label in labels} == {label: truth[label] for label in labels}
    return report


def stack(*rates: int, rank: int = 1) -> nn.Sequential:
    """3-wide convolutions with these dilations, which keep the size."""
    return nn.Sequential(*(CONVOLUTIONS[rank](2, 2, 3, padding=r, dilation=r) for r in rates))


def side_by_side(*branches: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda x: torch.cat([branch(x) for branch in branches], 1)


class Wave(nn.Module):
    """Causal convolutions of kernel 2 at doubling rates, gated, with residual and skip connections."""

    def __init__(self, depth: int, width: int = 2) -> None:
        super().__init__()
        self.rates = [2**i for i in range(depth)]
        self.dilated = nn.ModuleList(nn.Conv1d(width, 2 * width, 2, dilation=rate) for rate in self.rates)
        self.residual = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in self.rates)
        self.out = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        skip = torch.zeros_like(x)
        for rate, dilated, residual in zip(self.rates, self.dilated, self.residual, strict=True):
            value, gate = dilated(F.pad(x, (rate, 0))).chunk(2, 1)
            change = residual(value.tanh() * gate.sigmoid())
            x, skip = x + change, skip + change
        return self.out(skip)


@pytest.mark.parametrize(
    ("rates", "reads", "hull", "hole"),
    [
        ((1, 2, 5), 17, 17, 0),
        ((1, 2, 9), 21, 25, 2),
        ((2, 2, 2), 7, 13, 1),
        ((2, 4, 8), 15, 29, 1),
        ((1, 2, 4, 8), 31, 31, 0),
    ],
)
def test_stacks_of_dilated_convolutions_leave_the_holes_known_from_the_literature(
    rates: tuple[int, ...], reads: int, hull: int, hole: int
) -> None:
    last = assert_reached(stack(*rates), (2, 61)).layers[-1]
    assert (len(positions(last)[0]), last.extent, last.max_hole) == (reads, (hull,), (hole,))
    assert last.density == (round(reads / hull, 6),)


OPERATORS: dict[str, tuple[Callable[[], Callable[[Tensor], Tensor]], tuple[int, ...]]] = {
    "stride wider than the kernel": (lambda: nn.Conv2d(2, 2, (3, 2), stride=(5, 4), padding=(1, 0)), (2, 23, 19)),
    "stride wider than the kernel, pooled": (lambda: nn.Sequential(nn.Conv1d(2, 2, 2, 5), nn.AvgPool1d(3, 2)), (2, 41)),
    "1x1 beside dilated 5x5": (
        lambda: side_by_side(nn.Conv2d(2, 1, 1), nn.Conv2d(2, 1, 5, padding=8, dilation=4)), (2, 29, 23),
    ),
    "pyramid with one rate for each branch": (
        lambda: side_by_side(*(nn.Conv2d(2, 1, 3, padding=r, dilation=r) for r in (1, 6, 11))), (2, 31, 29),
    ),
    "sum of shifted copies": (lambda: lambda x: x + x.roll(7, -1), (2, 23)),
    "transposed convolution": (lambda: nn.ConvTranspose2d(2, 2, 3, 2, 1, dilation=(2, 3)), (2, 13, 11)),
    "nearest upsampling, then dilated": (
        lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(2, 2, 3, padding=5, dilation=5)), (2, 13, 11),
    ),
    "grouped, channels that differ": (
        lambda: nn.Sequential(
            Call(side_by_side(nn.Conv1d(2, 2, 1), nn.Conv1d(2, 2, 3, padding=9, dilation=9))),
            nn.ChannelShuffle(2),
            nn.Conv1d(4, 4, 3, padding=2, dilation=2, groups=2),
        ),
        (2, 41),
    ),
    "every third position": (lambda: lambda x: F.avg_pool2d(x[..., 1::3, ::2], 3, 2), (2, 31, 23)),
    "pixels to channels and back": (lambda: lambda x: F.pixel_shuffle(F.pixel_unshuffle(x, 2), 2), (2, 14, 10)),
    "dilated max pooling": (lambda: nn.MaxPool2d(2, 1, dilation=(4, 3)), (2, 17, 13)),
    "a circular border": (
        lambda: nn.Conv1d(2, 2, 3, padding=9, dilation=9, padding_mode="circular"), (2, 11),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("stem", [False, True], ids=["bare", "behind a convolution"])
def test_operators_that_skip_positions(name: str, stem: bool) -> None:
    build, shape = OPERATORS[name]
    assert_reached(Between(build(), shape[0], len(shape) - 1, stem), shape)


@settings(deterministic, max_examples=100)
@given(graphs())
def test_sets_of_random_graphs_equal_nan_probing(net: Graph) -> None:
    report = assert_reached(net, net.shape, [f"steps.{i}" for i, s in enumerate(net.steps) if isinstance(s, Along)])
    assert [layer.flags for layer in trace(net, net.shape, strict=True)] == [layer.flags for layer in report]


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (TwoBranchNet, (3, 32, 32)),
        (FourBlockNet, (3, 32, 32)),
        (lambda: Wave(6), (2, 151)),
        (lambda: get_model("deeplabv3_mobilenet_v3_large", weights=None, weights_backbone=None), (3, 33, 35)),
    ],
    ids=["two branches", "four blocks", "wavenet", "deeplabv3"],
)
def test_sets_of_whole_networks_equal_nan_probing(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    assert_reached(build(), shape)


def test_sets_end_where_units_do() -> None:
    report = rfkit.trace(get_model("resnet18", weights=None), (1, 3, 64, 96), units=True, holes=True)
    for layer in report:
        assert layer.units is not None
        assert layer.reached is not None
        for (lo, hi), runs in zip(layer.units, layer.reached, strict=True):
            assert (runs[0][0], runs[-1][1]) == (lo[len(lo) // 2], hi[len(hi) // 2])


@pytest.mark.parametrize("rates", [(2, 2, 2), (1, 2, 9), (3, 5)])
def test_sets_of_every_unit_equal_nan_probing(rates: tuple[int, ...]) -> None:
    net, length = nn.Sequential(stack(*rates), nn.Conv1d(2, 2, 2, 3)), 40
    report = trace(net.eval(), (2, length), units=True, holes=True)
    truth: dict[str, list[set[int]]] = {}
    with torch.no_grad(), exact_kernels():
        for position in range(length):
            signal = torch.zeros(1, 2, length)
            signal[..., position] = float("nan")
            for label, value in forward_outputs(net, [signal]).items():
                reaching = truth.setdefault(label, [set() for _ in range(value.shape[-1])])
                for unit in value.isnan().any(1).nonzero()[:, -1].tolist():
                    reaching[unit].add(position)
    skipping = [layer for layer in report if layer.runs is not None]
    assert skipping
    for layer in skipping:
        (units,) = layer.runs or ()
        assert [{p for first, last in runs for p in range(first, last + 1)} for runs in units] == truth[layer.label]


class Windows(nn.Module):
    """Eight by eight windows laid into the batch, between a dilated convolution and a plain one."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.before, self.inside = nn.Conv2d(1, 2, 3, padding=dilation, dilation=dilation), nn.Conv2d(2, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.before(x).unfold(2, 8, 8).unfold(3, 8, 8)
        return self.inside(x.permute(0, 2, 3, 1, 4, 5).reshape(-1, 2, 8, 8))


@pytest.mark.parametrize("dilation", [1, 2])
def test_a_unit_that_lies_in_several_windows_has_no_set_of_its_own(dilation: int) -> None:
    report = trace(Windows(dilation), (1, 32, 32), units=True, holes=True)
    assert report["inside"].runs is None
    assert report["inside"].max_hole == (dilation - 1, dilation - 1)
    assert (report["before"].runs is not None) is (dilation > 1)


def test_units_of_one_of_two_inputs_skip_positions_of_that_one() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Conv1d(1, 1, 3, dilation=4), nn.Conv1d(1, 1, 3)

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return self.one(x).sum() + self.other(y)

    example = (torch.zeros(1, 1, 20), torch.zeros(1, 1, 30))
    report = rfkit.trace(Two(), example_inputs=example, units=True, holes=True)
    runs = report["one"].runs
    assert runs is not None
    assert runs[0] == tuple(((i, i), (i + 4, i + 4), (i + 8, i + 8)) for i in range(12))
    assert set(runs[1]) == {()}


def test_sets_of_every_unit_are_there_only_with_both_and_only_where_one_skips_some() -> None:
    assert all(layer.runs is None for layer in trace(stack(2, 1), (2, 32), holes=True))
    report = trace(stack(2, 1), (2, 32), units=True, holes=True)
    assert [layer.runs is not None for layer in report] == [True, False]
    assert all(layer.runs is None for layer in trace(stack(1, 1), (2, 32), units=True, holes=True))
    assert Report.from_dict(report.to_dict()) == report


def test_the_memory_for_sets_is_bounded_and_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    net = nn.Sequential(stack(1, 9, 3), nn.AvgPool1d(5, 7), nn.Flatten(), nn.Linear(2 * 57, 3))
    whole = trace(net, (2, 400), holes=True)
    calls: list[int] = []
    propagate = reached.propagate

    def counted(*arguments: object, **options: object) -> object:
        calls.append(1)
        return propagate(*arguments, **options)

    monkeypatch.setattr(reached, "propagate", counted)
    monkeypatch.setattr(reached, "_MEMORY", 1)
    assert trace(net, (2, 400), holes=True) == whole
    assert len(calls) == 400 // 64 + 1


def guilty(net: nn.Module, size: int = 64, **options: bool) -> list[str]:
    return [layer.label for layer in trace(net, (2, size), **options) if "gridding" in layer.flags]


class TestTheFlag:
    def test_is_on_the_layer_where_lasting_holes_begin(self) -> None:
        assert guilty(stack(2, 2, 2)) == ["0"]
        assert guilty(stack(1, 2, 9)) == ["2"]
        assert guilty(stack(2, 1, 1, 12, 1)) == ["3"]

    def test_is_not_there_where_holes_are_filled_in(self) -> None:
        filled = trace(stack(2, 1), (2, 64), holes=True)
        assert filled["0"].max_hole == (1,)
        assert not guilty(stack(2, 1))

    def test_is_on_every_path(self) -> None:
        wide, narrow = stack(1, 12), stack(9)

        class Paths(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.wide, self.narrow = wide, narrow

            def forward(self, x: Tensor) -> Tensor:
                return self.wide(x) + self.narrow(x)

        assert guilty(Paths()) == ["wide.1", "narrow.0"]

    def test_ends_with_the_last_feature_map(self) -> None:
        """Pooling joins what its units see, but neighbouring features answer from different positions all the same."""
        assert guilty(nn.Sequential(stack(2, 2), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(2, 3))) == ["0.0"]

    def test_does_not_wait_to_be_asked(self) -> None:
        for net in (stack(2, 2, 2), stack(1, 2, 9), stack(1, 2, 5), nn.Conv1d(2, 2, 2, 5), nn.MaxPool1d(2, 1, 0, 3)):
            assert guilty(net) == guilty(net, holes=True)


def test_ordinary_networks_are_spared_the_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rfkit.analyze.reached", lambda *_, **__: pytest.fail("the sets were worked out"))
    for name in ("resnet18", "mobilenet_v2", "deeplabv3_mobilenet_v3_large"):
        with torch.device("meta"):
            options = {"weights_backbone": None} if "deeplab" in name else {}
            rfkit.trace(get_model(name, weights=None, **options), (1, 3, 96, 96))


def test_layers_behind_an_unknown_operator_say_nothing() -> None:
    report = trace(nn.Sequential(nn.Conv1d(2, 2, 3), Call(lambda x: torch.fft.fft(x).real)), (2, 16), holes=True)
    assert report["0"].reached == (((7, 9),),)
    lost = [layer for layer in report if layer.unknown]
    assert lost
    assert all(layer.reached is layer.max_hole is layer.density is None for layer in lost)


def test_holes_survive_json_and_are_left_out_where_they_were_not_asked_for() -> None:
    report = trace(stack(2, 2), (2, 32), holes=True)
    assert Report.from_dict(report.to_dict()) == report
    (_, last) = report.to_dict()["layers"]
    assert (last["reached"], last["max_hole"], last["density"]) == (
        [[[p, p] for p in range(12, 21, 2)]], [1], [0.555556],
    )  # fmt: skip
    assert not {"reached", "max_hole", "density"} & trace(stack(2, 2), (2, 32)).to_dict()["layers"][0].keys()


def test_a_centre_that_sees_nothing_has_no_density() -> None:
    layer = trace(nn.Sequential(nn.Identity(), Call(lambda x: F.pad(x, (40, 0)))), (2, 8), holes=True).layers[-1]
    assert (layer.reached, layer.max_hole, layer.density) == (((),), (0,), (None,))
