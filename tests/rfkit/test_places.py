"""Where a layer is made, and what ran in it: what a finding points to and what structure is told by."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import rfkit
from rfkit.report import Report
from rfkit.trace_target import trace_target

NET = """
    import torch
    from torch import nn
    from torch.nn import functional as F


    def conv_block(channels):
        return nn.Sequential(
            nn.Conv2d(channels, channels, 3),
            nn.ReLU(),
        )


    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, x):
            return x * self.weight


    class Own(nn.Conv2d):
        def __init__(self, channels):
            super().__init__(channels, channels, 3)


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 3)
            self.body = nn.Sequential(
                nn.Conv2d(8, 8, 3),
                nn.MaxPool2d(2),
            )
            self.helped = conv_block(8)
            self.gate = Gate()
            self.own = Own(8)

        def forward(self, x):
            x = self.helped(self.body(self.stem(x)))
            x = F.max_pool2d(x, 2)
            return self.own(self.gate(x))
"""
LINES = textwrap.dedent(NET).splitlines()


def line_of(text: str, after: str = "class Net") -> int:
    start = next(i for i, line in enumerate(LINES) if after in line)
    return next(i for i, line in enumerate(LINES) if i >= start and text in line) + 1


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    (tmp_path / "net.py").write_text(textwrap.dedent(NET))
    monkeypatch.chdir(tmp_path)
    return trace_target("net.py:Net", places=True)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        ("stem", "self.stem ="),
        ("body.0", "nn.Conv2d(8, 8, 3),"),
        ("body.1", "self.body = nn.Sequential("),
        ("helped.0", "self.helped ="),
        ("gate", "self.gate ="),
        ("own", "self.own ="),
        ("max_pool2d", "F.max_pool2d"),
    ],
)
def test_a_layer_is_found_where_the_network_makes_it_and_a_function_where_it_is_called(
    report: Report, layer: str, text: str
) -> None:
    assert report[layer].place == f"net.py:{line_of(text)}"


def test_the_network_is_found_where_its_class_is_defined(report: Report) -> None:
    assert report.place == f"net.py:{line_of('class Net')}"


def test_places_survive_json(report: Report) -> None:
    again = Report.from_dict(report.to_dict())
    assert (again.place, [layer.place for layer in again]) == (report.place, [layer.place for layer in report])


def test_a_report_that_was_not_asked_for_places_has_none() -> None:
    report = rfkit.trace(nn.Sequential(nn.Conv2d(3, 4, 3)), (1, 3, 8, 8))
    assert (report.place, report["0"].place) == (None, None)


def test_a_report_of_the_first_version_without_the_newer_keys_is_read() -> None:
    data = rfkit.trace(nn.Sequential(nn.Conv2d(3, 4, 3)), (1, 3, 8, 8)).to_dict()
    del data["place"]
    for layer in data["layers"]:
        for key in ("operators", "channels", "place"):
            del layer[key]
    assert Report.from_dict(data)["0"].kernel_size == (3, 3)


class Means(nn.Module):
    """Named like nothing that PyTorch has."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


class Functional(nn.Module):
    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


@pytest.mark.parametrize(
    ("module", "operators"),
    [
        (nn.Conv2d(4, 4, 3), ("conv2d",)),
        (nn.ConvTranspose2d(4, 4, 3), ("conv_transpose2d",)),
        (nn.MaxPool2d(2), ("max_pool2d",)),
        (nn.AvgPool2d(2), ("avg_pool2d",)),
        (nn.AdaptiveMaxPool2d(2), ("adaptive_max_pool2d",)),
        (nn.BatchNorm2d(4), ("batch_norm",)),
        (nn.ReLU(inplace=True), ("relu",)),
        (nn.Identity(), ()),
        (Means(), ("mean",)),
        (Functional(lambda x: F.max_pool2d(x, 2)), ("max_pool2d",)),
        (Functional(lambda x: x.amax((2, 3))), ("amax",)),
    ],
)
def test_operators_are_named_by_what_ran_not_by_the_class(module: nn.Module, operators: tuple[str, ...]) -> None:
    assert rfkit.trace(nn.Sequential(module), (1, 4, 8, 8))["0"].operators == operators


def test_channels_are_those_of_the_convolution_that_ran() -> None:
    network = nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.ConvTranspose2d(6, 9, 3, groups=3), nn.ReLU())
    report = rfkit.trace(network, (1, 4, 8, 8))
    assert [layer.channels for layer in report] == [(4, 6), (6, 9), None]
