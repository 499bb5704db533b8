"""Measured networks: every unit of every layer on every axis is predicted as it was measured by NaN probing."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import pytest
import torchvision
from torch import nn

import rfkit
from rfkit.report import Layer, Report
from tests.oracle import OUTPUT, Unit, axis_difference, probe, units_of
from tests.shared import shared_path
from trainer.models import documents

WEIGHTS_USED_DIRECTLY = ["swin_t"]
PROBED_AGAIN = ["two_branch_net", "four_block_net", "functional", "unet", "wavenet"]
OWN_READING = {"two_branch_net": documents.TwoBranchNet, "four_block_net": documents.FourBlockNet}


@dataclass(frozen=True)
class Entry:
    """What was measured of one layer: its class, output shape, the axes' tensor dimensions, and the units of each axis.

    Attributes:
        dims: tensor dimension of every axis; None where the layer is laid out in a way that cannot be compared per unit.
    """

    label: str
    type: str
    shape: tuple[int, ...]
    dims: dict[int, int] | None
    units: dict[int, list[Unit]]


@dataclass(frozen=True)
class Case:
    model: str
    input: tuple[int, ...]
    layers: tuple[Entry, ...]
    never_called: frozenset[str]

    def build(self) -> nn.Module:
        """The network, with random weights."""
        source, name = self.model.split(":")
        if source == "torchvision":
            options: dict[str, Any] = {"weights": None}
            if name.startswith("segmentation."):
                options["weights_backbone"] = None
            if name in ("googlenet", "inception_v3"):
                options["init_weights"] = False
            made: nn.Module = torchvision.models.get_model(name.split(".")[-1], **options)
        else:
            made = getattr(neighbour(source), name)()
        return made.eval()


def neighbour(file: str) -> ModuleType:
    """A file of the cases' ``nets`` folder, as a module."""
    spec = importlib.util.spec_from_file_location(file.removesuffix(".py"), shared_path("cases", "nets", file))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load(name: str) -> Case:
    data = json.loads(shared_path("cases", f"{name}.json").read_text())
    layers = tuple(entry(label, value) for label, value in data["modules"].items())
    return Case(data["model"], tuple(data["input"]), layers, frozenset(data["never_called"]))


def entry(label: str, value: dict[str, Any]) -> Entry:
    first = {"N,C,spatial": 2, "N,spatial,C": 1}.get(value["layout"])
    axes = {int(axis): measured for axis, measured in value["axes"].items()}
    dims = None if first is None else {axis: first + axis for axis in axes}
    units = {axis: list(zip(m["lo"], m["hi"], strict=True)) for axis, m in axes.items()}
    return Entry(label, value["type"], tuple(value["shape"]), dims, units)


def case_names() -> list[str]:
    return sorted(path.stem for path in shared_path("cases").glob("*.json"))


def differences(layer: Layer, truth: Entry) -> Iterator[str]:
    """What differs between prediction and measurement, a line per axis."""
    assert layer.units is not None, f"{truth.label}: no units in the report"
    for axis, measured in truth.units.items():
        if truth.dims is None and len(set(measured)) == 1:
            measured = measured[:1]  # folded windows, tokens: what all of them see can still be compared
        for line in axis_difference(axis, units_of(layer, axis), measured):
            yield f"{truth.label} ({truth.type}): {line}"


def assert_as_measured(pairs: list[tuple[Layer, Entry]]) -> None:
    for layer, truth in pairs:
        assert layer.output_shape[1:] == truth.shape[1:], truth.label
    found = [line for layer, truth in pairs for line in differences(layer, truth)]
    assert not found, "\n".join([f"{len(found)} differences", *found[:5]])


@cache
def traced(name: str) -> Report:
    case = load(name)
    return rfkit.trace(case.build(), (1, *case.input), strict=True, units=True)


@pytest.mark.parametrize("name", case_names())
def test_every_unit_is_predicted_as_measured(name: str) -> None:
    case = load(name)
    report = traced(name)
    assert not [layer.label for layer in report if layer.unknown]
    modules = [truth for truth in case.layers if not truth.label.startswith(OUTPUT)]
    missing = [truth.label for truth in modules if truth.label not in labels(report)]
    assert not missing, f"layers without a row: {missing[:5]}"
    assert_as_measured([(report[truth.label], truth) for truth in modules])


@pytest.mark.parametrize("name", case_names())
def test_the_networks_own_output_is_predicted_as_measured(name: str) -> None:
    """The last row is what the network returns; its layout is read off as channels first where it is a map."""
    last = traced(name).layers[-1]
    truth = next(t for t in load(name).layers if t.label.startswith(OUTPUT))
    if truth.dims is None and len(truth.shape) == 2 + len(truth.units):
        truth = Entry(truth.label, truth.type, truth.shape, {axis: 2 + axis for axis in truth.units}, truth.units)
    assert_as_measured([(last, truth)])


@pytest.mark.parametrize("name", case_names())
def test_modules_that_never_ran_are_reported_as_unused(name: str) -> None:
    """Empty containers need not be named, nor modules whose weights the forward uses without calling them."""
    case = load(name)
    model = case.build()
    unused = traced(name).totals.unused_modules
    weighty = {leaf for leaf in case.never_called if any(True for _ in model.get_submodule(leaf).parameters())}
    expected = set() if name in WEIGHTS_USED_DIRECTLY else weighty
    assert {leaf for leaf in weighty if any(leaf == u or leaf.startswith(f"{u}.") for u in unused)} == expected
    assert not {truth.label.split("#")[0] for truth in case.layers} & set(unused)


@pytest.mark.parametrize("name", OWN_READING)
def test_the_packages_own_reading_of_the_documents_networks_is_the_measured_one(name: str) -> None:
    """Their layers are named differently, so layers of one class are compared in the order in which they ran."""
    case, build = load(name), OWN_READING[name]
    report = rfkit.trace(build(), (1, *case.input), strict=True, units=True)
    for kind in ("Conv2d", "BatchNorm2d", "ReLU"):
        layers = [layer for layer in report if layer.type == kind]
        truths = [truth for truth in case.layers if truth.type == kind]
        assert len(layers) == len(truths) > 0, kind
        assert_as_measured(list(zip(layers, truths, strict=True)))


@pytest.mark.parametrize("name", PROBED_AGAIN)
def test_the_oracle_of_these_tests_measures_what_was_measured_elsewhere(name: str) -> None:
    case = load(name)
    truth = probe(case.build(), (1, *case.input))
    assert {t.label for t in case.layers} == set(truth)
    for expected in case.layers:
        measured = truth[OUTPUT if expected.label.startswith(OUTPUT) else expected.label]
        for axis, units in expected.units.items():
            dim = expected.dims[axis] if expected.dims else None
            if dim is None and len(set(units)) > 1:
                dim = 2 + axis
            assert not axis_difference(axis, units, measured.units(axis, dim)), expected.label


def labels(report: Report) -> set[str]:
    return {layer.label for layer in report}
