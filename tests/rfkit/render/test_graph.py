"""A report as boxes and lines: nothing is lost, nothing is invented, whatever is folded or passed through."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor, nn

import rfkit
from docs.networks.unet import UNet
from rfkit.render.graph import build
from rfkit.render.graph.model import Cluster, Graph, Node, clustered
from rfkit.render.graph.page import arrange, fits
from rfkit.render.rows import changes, select
from rfkit.report import Report
from tests.rfkit import reports
from trainer.models.documents import FourBlockNet, TwoBranchNet

torchvision = pytest.importorskip("torchvision")


class Repeated(nn.Module):
    """One convolution, called and added again and again."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.times):
            x = x + self.conv(x)
        return x


class Shared(nn.Module):
    """A block that runs on two inputs, of which one output is handed out as well."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, stride=2))

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        left, right = self.block(x), self.block(y)
        return left, torch.cat((left, right), 1)


class NamedInput(nn.Module):
    """Layers that are called like the ends of the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.input, self.output = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.input(x))


class Branches(nn.Module):
    """Parallel branches of different fields, the largest first; each is handed out where asked for."""

    def __init__(self, apart: bool = False) -> None:
        super().__init__()
        self.apart = apart
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Conv2d(4, 4, 3, padding=d, dilation=d), nn.Conv2d(4, 4, 1)) for d in (9, 4, 1)
        )

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        x = self.stem(x)
        maps = [branch(x) for branch in self.branches]
        return maps if self.apart else torch.cat(maps, 1)


class Blind(nn.Module):
    """An output that does not depend on the input, beside one that does if there is a layer for it."""

    def __init__(self, *seeing: nn.Module) -> None:
        super().__init__()
        self.seeing = nn.ModuleList(seeing)

    def forward(self, x: Tensor) -> list[Tensor]:
        return [torch.zeros(1, 3, 4, 4, device=x.device), *(layer(x) for layer in self.seeing)]


def models(name: str, **options: object) -> nn.Module:
    return getattr(torchvision.models, name)(weights=None, **options)


NETWORKS = {
    "two branches": (TwoBranchNet, (1, 3, 32, 32)),
    "four blocks": (FourBlockNet, (1, 3, 32, 32)),
    "U-Net": (UNet, (1, 3, 64, 64)),
    "resnet18": (lambda: models("resnet18"), (1, 3, 224, 224)),
    "googlenet": (lambda: models("googlenet", init_weights=False), (1, 3, 224, 224)),
    "densenet121": (lambda: models("densenet121"), (1, 3, 224, 224)),
    "mobilenet_v3_small": (lambda: models("mobilenet_v3_small"), (1, 3, 224, 224)),
    "swin_t": (lambda: models("swin_t"), (1, 3, 224, 224)),
    "repeated": (lambda: Repeated(300), (1, 3, 32, 32)),
    "named like ends": (NamedInput, (1, 3, 16, 16)),
}


@cache
def traced(name: str) -> Report:
    make, shape = NETWORKS[name]
    return rfkit.trace(make(), shape)


@cache
def shared() -> Report:
    image = torch.zeros(1, 3, 20, 20)
    return rfkit.trace(Shared(), example_inputs=(image, image))


each_network = pytest.mark.parametrize("name", NETWORKS)


def sources(graph: Graph) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for edge in graph.edges:
        found.setdefault(edge.target, set()).add(edge.source)
    return found


def visible(report: Report, label: str, boxes: set[str]) -> set[str]:
    """The boxes, or the input, that a label stands for when lines run through layers without a box."""
    layers = [layer for layer in report if layer.label == label]
    if label in boxes or not layers:
        return {label}
    return {box for before in layers[0].inputs for box in visible(report, before, boxes)}


@each_network
@pytest.mark.parametrize("depth", [None, 1, 2, 3, 99])
@pytest.mark.parametrize("all_rows", [False, True])
def test_every_layer_is_in_one_box_or_counted_as_without(name: str, depth: int | None, all_rows: bool) -> None:
    report = traced(name)
    graph = build(report, depth=depth, all_rows=all_rows)
    labels = [layer.label for node in graph.nodes for layer in node.row.layers]
    assert len(labels) == len(set(labels)) == len(report) - graph.hidden
    assert not (all_rows and graph.hidden)
    by_label = {layer.label: layer for layer in report}
    assert not any(changes(by_label[label], by_label) for label in by_label.keys() - set(labels))


@each_network
@pytest.mark.parametrize("depth", [None, 1, 2, 99])
def test_folding_keeps_the_sums(name: str, depth: int | None) -> None:
    report = traced(name)
    graph = build(report, depth=depth)
    assert sum(node.row.params for node in graph.nodes) + graph.hidden_params == sum(x.params for x in report)
    assert sum(node.row.macs for node in graph.nodes) == report.totals.macs


@each_network
@pytest.mark.parametrize("depth", [None, 1, 2, 99])
def test_keys_are_unique_and_lines_lead_forward_between_boxes_that_exist(name: str, depth: int | None) -> None:
    graph = build(traced(name), depth=depth)
    keys = [
        *(end.key for end in graph.inputs),
        *(node.key for node in graph.nodes),
        *(end.key for end in graph.outputs),
    ]
    place = {key: i for i, key in enumerate(keys)}
    assert len(place) == len(keys)
    assert all(place[edge.source] < place[edge.target] for edge in graph.edges)
    assert len({(edge.source, edge.target) for edge in graph.edges}) == len(graph.edges)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "named like ends"])
@pytest.mark.parametrize("all_rows", [False, True])
def test_a_box_is_fed_by_what_the_report_says(name: str, all_rows: bool) -> None:
    report = traced(name)
    graph = build(report, depth=99, all_rows=all_rows)
    boxes = {node.key for node in graph.nodes}
    fed = sources(graph)
    for node in graph.nodes:
        (layer,) = node.row.layers
        expected = {box for label in layer.inputs for box in visible(report, label, boxes)}
        assert fed.get(node.key, set()) == expected, node.key
        assert not all_rows or expected == set(layer.inputs)


@each_network
def test_boxes_are_the_rows_of_the_table_and_the_layers_that_join_paths(name: str) -> None:
    report = traced(name)
    table = {row.label for row in select(report).rows}
    boxes = {node.key: node for node in build(report, depth=99).nodes}
    labels = {node.row.label for node in boxes.values()}
    assert table <= labels
    assert all(len(report[label].inputs) > 1 for label in labels - table)


def test_folded_boxes_are_the_rows_of_the_folded_table() -> None:
    for name in ("resnet18", "densenet121", "googlenet"):
        report = traced(name)
        table = select(report, depth=2).rows
        drawn = [node.row for node in build(report, depth=2).nodes if node.folded]
        assert [(row.label, row.field, row.params) for row in drawn] == [
            (row.label, row.field, row.params) for row in table if len(row.layers) > 1
        ]


@pytest.mark.parametrize("apart", [False, True])
def test_folded_branches_see_from_the_smallest_of_their_fields_to_the_largest(apart: bool) -> None:
    report = rfkit.trace(Branches(apart), (1, 3, 64, 64), holes=True)
    ends = [report[f"branches.{i}.1"] for i in range(3)]
    sizes = [layer.receptive_field[0] for layer in ends]
    assert sizes == sorted(sizes, reverse=True)
    boxes = [node.row for node in build(report, depth=1).nodes if node.folded]
    rows = [row for row in select(report, depth=1).rows if len(row.layers) > 1]
    for found in (boxes, rows):
        (row,) = found
        assert row.field == f"{min(sizes)}..{max(sizes)}"
        assert row.coverage == max(layer.coverage for layer in ends)
        assert row.hole == str(max(layer.max_hole[0] for layer in ends))
        assert row.ends == tuple(ends)


@each_network
@pytest.mark.parametrize("depth", [1, 2])
def test_what_leaves_a_box_is_what_is_read_outside_it(name: str, depth: int) -> None:
    report = traced(name)
    for node in build(report, depth=depth).nodes:
        inside = {layer.label for layer in node.row.layers}
        read = {label for layer in report if layer.label not in inside for label in layer.inputs}
        leaving = inside & (read | set(report.totals.outputs))
        assert {layer.label for layer in node.row.ends} == (leaving or {node.row.layers[-1].label})


@pytest.mark.parametrize("seeing", [(), (nn.Conv2d(3, 4, 3),)])
def test_no_line_leads_from_the_input_to_what_does_not_depend_on_it(seeing: tuple[nn.Module, ...]) -> None:
    report = rfkit.trace(Blind(*seeing), (1, 3, 8, 8))
    graph = build(report)
    fed = sources(graph)
    assert len(graph.inputs) == len(seeing)
    for node in graph.nodes:
        assert ("input" in fed.get(node.key, ())) == any(node.row.layers[0].receptive_field)


def test_a_layer_called_twice_is_two_boxes_and_every_input_and_output_has_its_end() -> None:
    graph = build(shared())
    assert [node.key for node in graph.nodes if node.key.startswith("block.0")] == ["block.0", "block.0#2"]
    fed = sources(graph)
    assert fed["block.0"] == {"input"}
    assert fed["block.0#2"] == {"input#2"}
    assert [end.key for end in graph.outputs] == ["output", "output (2)"]
    assert fed["output"] == {"block.2"}
    assert (
        fed["output (2)"] == {"cat"} == {node.key for node in graph.nodes if node.row.type == "" or node.key == "cat"}
    )
    assert fed["cat"] == {"block.2", "block.2#2"}


def test_layers_called_input_and_output_are_not_taken_for_the_ends() -> None:
    graph = build(traced("named like ends"))
    (begin,), (end,) = graph.inputs, graph.outputs
    first, second = (node.key for node in graph.nodes)
    assert len({begin.key, first, second, end.key}) == 4
    assert [(edge.source, edge.target) for edge in graph.edges] == [
        (begin.key, first),
        (first, second),
        (second, end.key),
    ]


def test_context_is_the_line_from_a_gate_and_nothing_else() -> None:
    """In MobileNetV3 a gate's last convolution scales the map that it was pooled from, where the map is not all seen yet."""
    report = traced("mobilenet_v3_small")
    context = [(edge.source, edge.target) for edge in build(report, depth=99).edges if edge.context]
    gates = [layer.label for layer in report if layer.label.endswith(".mul") and not all(layer.global_)]
    assert gates
    assert context == [(gate.replace(".mul", ".fc2"), gate) for gate in gates]
    assert not any(
        edge.context for edge in build(rfkit.trace(models("mobilenet_v3_small"), (1, 3, 224, 224), strict=True)).edges
    )


def test_a_whole_gate_that_is_folded_has_no_line_of_context() -> None:
    assert not any(edge.context for edge in build(traced("mobilenet_v3_small"), depth=2).edges)


@each_network
def test_frames_hold_every_box_once_in_order_and_never_a_single_one(name: str) -> None:
    def boxes(member: Node | Cluster) -> list[Node]:
        if isinstance(member, Node):
            return [member]
        assert len(member.members) > 1
        found = [node for inside in member.members for node in boxes(inside)]
        assert all(member.name in node.modules for node in found)
        return found

    graph = build(traced(name), depth=99)
    assert [node for member in clustered(graph.nodes) for node in boxes(member)] == list(graph.nodes)


@each_network
@pytest.mark.parametrize("depth", [None, 2, 99])
def test_columns_hold_every_box_in_order_and_one_box_feeds_the_next_ones(name: str, depth: int | None) -> None:
    graph = build(traced(name), depth=depth)
    columns = arrange(graph).columns
    assert [node for column in columns for node in column] == list(graph.nodes)
    column = {node.key: i for i, nodes in enumerate(columns) for node in nodes}
    for i in range(1, len(columns)):
        crossing = {e.source for e in graph.edges if column.get(e.source, 0) < i <= column.get(e.target, 0)}
        assert len(crossing) == 1


@each_network
def test_what_is_not_asked_for_otherwise_fits_a_page(name: str) -> None:
    assert fits(build(traced(name)))


def test_small_networks_are_not_folded_and_large_ones_are() -> None:
    assert {name: build(traced(name)).depth for name in ("two branches", "four blocks", "U-Net", "resnet18")} == {
        "two branches": None, "four blocks": None, "U-Net": None, "resnet18": None,
    }  # fmt: skip
    dense = build(traced("densenet121"))
    assert dense.depth == 2
    assert "features.denseblock3" in {node.key for node in dense.nodes}
    assert not fits(build(traced("densenet121"), depth=99))


def test_a_unit_used_again_and_again_shares_a_box_in_the_middle() -> None:
    report = traced("repeated")
    graph = build(report)
    (folded,) = (node for node in graph.nodes if node.folded)
    assert len(folded.row.layers) == len(report) - len(graph.nodes) + 1
    assert folded.row.label == "conv#7 to add#294"


def test_a_report_without_layers_is_a_graph_without_boxes() -> None:
    empty = replace(reports.wavenet(), layers=())
    graph = build(replace(empty, totals=replace(empty.totals, outputs=(None,), output_shapes=((1, 2),))))
    assert (graph.nodes, graph.edges, graph.outputs) == ((), (), ())
    assert arrange(graph).columns == ((),)
