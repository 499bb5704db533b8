"""torchvision's networks at their usual sizes: known receptive fields, nothing unknown, every parameter counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models.regnet import BlockParams
from torchvision.ops import SqueezeExcitation

import rfkit
from rfkit.report import Report
from tests.oracle import OUTPUT, assert_exact, probe

CLASSIFICATION, SEGMENTATION, VIDEO, DETECTION = (
    models.list_models(module=module) for module in (models, models.segmentation, models.video, models.detection)
)

INTERIOR = {
    "alexnet": 195,
    "vgg16": 212,
    "squeezenet1_1": 207,
    "resnet18": 435,
    "resnet50": 427,
    "densenet121": 2071,
    "googlenet": 379,
    "inception_v3": 1311,
    "mobilenet_v2": 491,
    "shufflenet_v2_x1_0": 527,
    "mnasnet1_0": 843,
    "convnext_tiny": 1688,
    "swin_t": 1288,
    "mobilenet_v3_small": 639,
    "efficientnet_b0": 851,
    "regnet_y_400mf": 575,
}
BEFORE_THE_FINAL_INTERPOLATION = {"fcn_resnet50": 443, "deeplabv3_resnet50": 1019, "lraspp_mobilenet_v3_large": 675}


def input_shape(name: str) -> tuple[int, ...]:
    if name in VIDEO:
        return (1, 3, 16, 224, 224)
    side = 299 if name == "inception_v3" else 224
    return (1, 3, side, side)


@contextmanager
def without_weights() -> Iterator[None]:
    """Modules are made on meta; RegNet reads numbers while it is built, so its plan alone is made on the CPU."""
    planned: Callable[..., BlockParams] = BlockParams.from_init_params.__func__

    def on_the_cpu(cls: type[BlockParams], *arguments: Any, **options: Any) -> BlockParams:
        with torch.device("cpu"):
            return planned(cls, *arguments, **options)

    with torch.device("meta"), patch.object(BlockParams, "from_init_params", classmethod(on_the_cpu)):
        yield


def build(name: str) -> nn.Module:
    options: dict[str, Any] = {"weights": None}
    if name in SEGMENTATION + DETECTION:
        options["weights_backbone"] = None
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    with without_weights():
        return models.get_model(name, **options)


@cache
def traced(name: str) -> Report:
    return rfkit.trace(build(name), input_shape(name))


@pytest.mark.parametrize(("name", "size"), INTERIOR.items())
def test_interior_receptive_field_of_the_features(name: str, size: int) -> None:
    assert traced(name).totals.receptive_field_features == (size, size)


@pytest.mark.parametrize(("name", "size"), BEFORE_THE_FINAL_INTERPOLATION.items())
def test_receptive_field_of_the_classifier_before_the_final_interpolation(name: str, size: int) -> None:
    layers = [layer for layer in traced(name) if layer.name.startswith("classifier")]
    assert layers[-1].receptive_field == (size, size)


@pytest.mark.parametrize("name", CLASSIFICATION + SEGMENTATION + VIDEO)
def test_every_layer_of_every_network_is_known(name: str) -> None:
    report = traced(name)
    assert {layer.unknown for layer in report} == {None}
    assert report.device == "meta"
    assert report.totals.params == sum(p.numel() for p in build(name).parameters())
    assert report.totals.output_shapes[0][0] == 1


@pytest.mark.parametrize("name", DETECTION)
def test_detection_networks_are_known_through_their_backbones(name: str) -> None:
    backbone = build(name).backbone.eval()
    report = rfkit.trace(backbone, (1, 3, 320, 320))
    assert {layer.unknown for layer in report} == {None}
    assert report.totals.params == sum(p.numel() for p in backbone.parameters())
    assert len(report.totals.output_shapes) == len(backbone(torch.empty(1, 3, 320, 320, device="meta")))


def test_paths_of_a_residual_network_differ_and_stay_aligned() -> None:
    report = traced("resnet18")
    last = report["layer4.1.relu#2"]
    assert last.receptive_field == (435, 435)
    assert last.receptive_field_min is not None
    assert last.receptive_field_min < last.receptive_field
    assert not [layer.label for layer in report if "misaligned" in layer.flags]


def test_gates_are_named_as_context_and_leave_the_local_field_alone() -> None:
    report = traced("mobilenet_v3_small")
    strict = rfkit.trace(build("mobilenet_v3_small"), input_shape("mobilenet_v3_small"), strict=True)
    assert report["features.1.block.0.0"].context == strict["features.1.block.0.0"].context == ()
    assert report["features.2.block.0.0"].receptive_field == (7, 7)
    assert [label for label in report["features.2.block.0.0"].context if label.startswith("features.1.block.1")]
    assert strict["features.2.block.0.0"].extent == (224, 224)
    assert strict["features.2.block.0.0"].global_ == (True, True)
    assert report["features.2.block.0.0"].global_ == (False, False)


def test_local_fields_are_those_measured_with_the_gates_taken_out() -> None:
    ungated = models.mobilenet_v3_small(weights=None)
    gates = {name for name, module in ungated.named_modules() if isinstance(module, SqueezeExcitation)}
    for name in gates:
        ungated.set_submodule(name, nn.Identity())
    truth = probe(ungated, (1, 3, 96, 64))
    local = rfkit.trace(models.mobilenet_v3_small(weights=None), (1, 3, 96, 64), units=True)
    labels = [label for label in truth if label != OUTPUT and label not in gates]
    assert len(gates) == 9
    assert_exact({label: local[label] for label in labels}, truth)


def test_attention_leaves_no_local_field() -> None:
    report = traced("vit_b_16")
    assert report["conv_proj"].global_ == report["encoder.dropout"].global_ == (False, False)
    assert report["encoder.dropout"].receptive_field == (16, 16)
    assert report["encoder.layers.encoder_layer_0.dropout"].global_ == (True, True)
    assert report.totals.receptive_field_features == (224, 224)


def test_auxiliary_heads_do_not_run_in_eval_mode_and_are_named() -> None:
    assert any(name.startswith("aux1") for name in traced("googlenet").totals.unused_modules)
    assert any(name.startswith("AuxLogits") for name in traced("inception_v3").totals.unused_modules)
    assert traced("resnet18").totals.unused_modules == ()
