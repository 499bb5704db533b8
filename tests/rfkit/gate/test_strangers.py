"""Files as strangers write them, one style each: the right verdict on every requirement of the assignment, and no other."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from rfkit.errors import TargetError
from rfkit.gate.findings import Finding, Status
from rfkit.gate.judge import judge
from rfkit.gate.requirements import ModelSpec
from rfkit.gate.spec import read_spec
from rfkit.gate.spec.templates import template
from rfkit.report import Report
from rfkit.trace_target import trace_target
from tests.rfkit.gate.asking import TODAY, broken

FOLDER = Path(__file__).parents[2] / "assets" / "strangers"
SEPARABLE, DILATED, GAP, LINEAR = (
    f"RF201 {part}" for part in ("depthwise_separable", "dilated", "global_average_pooling", "linear_after_pooling")
)
MAX_POOLING = "RF202 max_pooling"


class Row(NamedTuple):
    """What is right about a file, as its header derives it: its field after pooling, its blocks, the rules it breaks."""

    field: int
    blocks: int
    broken: frozenset[str] = frozenset()
    name: str = "Net"


def row(field: int, blocks: int = 4, *broken: str, name: str = "Net") -> Row:
    return Row(field, blocks, frozenset(broken), name)


FILES = {
    "basic_block.py": row(73, 4, "RF110", SEPARABLE, DILATED, name="ResNet10"),
    "biases.py": row(73, 4, "RF110"),
    "branches.py": row(63, 5),
    "channels_last_linear.py": row(108),
    "constructor_defaults.py": row(97),
    "depthwise_alone.py": row(77, 4, SEPARABLE),
    "device_lines.py": row(77),
    "dilated_pointwise.py": row(69, 4, DILATED),
    "factory.py": row(73, name="build"),
    "flat_layers.py": row(77),
    "folded_batch.py": row(77, 4, "RF101", "RF107", GAP, LINEAR),
    "functional_max_pool.py": row(68, 4, MAX_POOLING),
    "functional_pooling.py": row(89),
    "gates.py": row(93, 4, MAX_POOLING),
    "grouped_posing.py": row(73, 4, SEPARABLE),
    "helper_depthwise.py": row(77),
    "log_softmax_view.py": row(73),
    "max_as_gap.py": row(77, 4, GAP, LINEAR, MAX_POOLING),
    "max_pool_transition.py": row(72, 7, MAX_POOLING),
    "module_dict.py": row(77),
    "module_list.py": row(53, 5),
    "neighbours/model.py": row(75),
    "nested_wrappers.py": row(115),
    "never_called.py": row(69, 4, SEPARABLE, DILATED),
    "one_short.py": row(44, 4, "RF101"),
    "only_32.py": row(77, 4, GAP, LINEAR),
    "own_parameters.py": row(77),
    "padding_same.py": row(101),
    "pool_too_small.py": row(61, 4, GAP, LINEAR),
    "pooling_counts.py": row(57),
    "reshaped_mean.py": row(77),
    "scores_before_gap.py": row(77, 4, LINEAR),
    "sequential_subclass.py": row(73),
    "shared_block.py": row(95),
    "skip_cat.py": row(75),
    "skip_in_place.py": row(83),
    "squeeze_excite.py": row(77, 4, GAP, LINEAR),
    "strided_blocks.py": row(111, name="Model"),
    "ten_classes.py": row(69, 4, DILATED),
    "three_blocks.py": row(65, 3, "RF203"),
    "two_averages.py": row(49),
    "two_means.py": row(77),
}


@pytest.fixture(scope="module")
def assignment(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    path = tmp_path_factory.mktemp("assignment") / "rfkit.toml"
    path.write_text(template("assignment"), encoding="utf-8")
    return read_spec(path).select()[0]


@cache
def report(file: str) -> Report:
    return trace_target(f"{FOLDER / file}:{FILES[file].name}", (), (3, 32, 32))


def verdict(file: str, assignment: ModelSpec) -> dict[str, Finding]:
    found = judge(assignment, report(file), today=TODAY)
    return {f.rule.split()[1] if f.code in ("RF201", "RF202") else f.code: f for f in found}


def test_every_file_is_in_the_table() -> None:
    beside = {"neighbours/layers.py", "neighbours/settings.py"}
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.py")} - beside
    assert files == FILES.keys()
    assert len(files) >= 40


@pytest.mark.parametrize("file", FILES)
def test_exactly_the_rules_of_the_table_are_broken(file: str, assignment: ModelSpec) -> None:
    found = judge(assignment, report(file), today=TODAY)
    assert len(found) == len(assignment.requirements)
    assert broken(found) == FILES[file].broken


@pytest.mark.parametrize("file", FILES)
def test_the_field_and_the_blocks_are_those_counted_by_hand(file: str, assignment: ModelSpec) -> None:
    assert report(file).totals.receptive_field == (FILES[file].field,) * 2
    assert verdict(file, assignment)["RF203"].value == FILES[file].blocks


@pytest.mark.parametrize("file", FILES)
def test_every_broken_rule_says_what_to_do(file: str, assignment: ModelSpec) -> None:
    for found in judge(assignment, report(file), today=TODAY):
        assert found.status is not Status.BROKEN or found.help, found
        assert "\n" not in found.message


@pytest.mark.parametrize(
    ("file", "rule", "sentence"),
    [
        ("grouped_posing.py", "depthwise_separable", "conv2.depthwise has groups=4 of 32 channels: that is grouped, not depthwise"),
        ("dilated_pointwise.py", "dilated", "c2.1 has dilation 2 but a 1x1 kernel: it widens nothing"),
        ("pool_too_small.py", "global_average_pooling", "the average pooling 4x4 of gap does not cover the 5x5 map"),
        ("pool_too_small.py", "linear_after_pooling", "there is no global average pooling that it could follow"),
        ("folded_batch.py", "global_average_pooling", "gap averages, but leaves 2x2 positions of the 4x4 map"),
        ("folded_batch.py", "RF107", "view folds positions into the batch"),
        ("max_as_gap.py", "global_average_pooling", "gap (AdaptiveMaxPool2d) pools all positions by maximum"),
        ("never_called.py", "dilated", "defined but never called, so it does not count: dilated.0"),
        ("only_32.py", "global_average_pooling", "fc1 reads every position of the 4x4 map with weights of its own"),
        ("squeeze_excite.py", "global_average_pooling", "c1.2.pool averages all positions, but is given back to a map"),
        ("depthwise_alone.py", "depthwise_separable", "c2.0 is depthwise, but no pointwise convolution follows"),
        ("scores_before_gap.py", "linear_after_pooling", "scores.0 makes the 10 scores, gap pools them, and no layer follows"),
        ("one_short.py", "RF101", "dilation 2 instead of 1 in c4.0"),
        ("basic_block.py", "RF110", "layer4.0.conv2 (3x3, 256 to 256 channels) made depthwise separable"),
        ("functional_max_pool.py", "max_pooling", "stride 2 in c1.2 instead of max_pool2d makes a map of the same size, 16x16"),
    ],
)  # fmt: skip
def test_the_near_miss_is_named(file: str, rule: str, sentence: str, assignment: ModelSpec) -> None:
    assert any(sentence in line for line in verdict(file, assignment)[rule].help), verdict(file, assignment)[rule]


def test_one_pixel_short_says_so(assignment: ModelSpec) -> None:
    assert verdict("one_short.py", assignment)["RF101"].message == "receptive field 44 is not > 44 (1 short)"


def test_a_field_that_may_be_smaller_than_its_bound_is_undecided(assignment: ModelSpec) -> None:
    found = verdict("folded_batch.py", assignment)["RF101"]
    assert found.status is Status.UNDECIDED
    assert "at most 77" in found.message


def test_nearly_all_files_are_analysed_as_they_are_and_the_rest_say_what_to_add() -> None:
    """The file alone, without the name of the network and without the input's shape."""
    refused = {}
    for file in FILES:
        try:
            trace_target(str(FOLDER / file))
        except TargetError as error:
            refused[file] = str(error)
    assert len(refused) <= 0.05 * len(FILES)
    for file, said in refused.items():
        assert f"{FOLDER / file}:" in said.partition("; name ")[2], said
