"""Networks nobody thought of: random graphs against NaN probing, random chains against the textbook's recursion."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import rfkit
from tests.exactness import assert_known, trace, trace_and_probe
from tests.graphs import Along, Graph, graphs
from tests.oracle import assert_exact

LARGE = (1709, 1511)

deterministic = settings(
    derandomize=True,  # the same networks in every run
    database=None,
    deadline=None,  # one network takes as long as its probe needs
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],  # a network is built while it is drawn
)


@settings(deterministic, max_examples=400)
@given(graphs())
def test_footprints_of_random_graphs_equal_nan_probing(net: Graph) -> None:
    report, truth = trace_and_probe(net, net.shape)
    assert_known(report)
    labels = ["out", *(f"steps.{i}" for i, step in enumerate(net.steps) if not isinstance(step, Along))]
    assert_exact(
        {label: report[label] for label in labels}, truth, {axis: 2 + axis for axis in range(len(net.shape) - 1)}
    )


@settings(deterministic, max_examples=40)
@given(graphs())
def test_local_fields_of_random_graphs_lie_inside_the_strict_ones(net: Graph) -> None:
    strict = trace(net, net.shape, strict=True, units=True)
    local = trace(net, net.shape, units=True)
    assert [layer.label for layer in strict] == [layer.label for layer in local]
    for wide, narrow in zip(strict, local, strict=True):
        assert wide.units is not None
        assert narrow.units is not None
        for (lo, hi), (first, last) in zip(wide.units, narrow.units, strict=True):
            inside = all(b < 0 or (0 <= c <= a and b <= d) for a, b, c, d in zip(first, last, lo, hi, strict=True))
            assert inside, f"{wide.label}: {(first, last)} is not inside {(lo, hi)}"


@settings(deterministic, max_examples=60)
@given(graphs(), st.booleans())
def test_a_forward_meets_the_shapes_strides_and_types_it_meets_untraced(net: Graph, channels_last: bool) -> None:
    """So a forward that asks for them (``stride``, ``is_contiguous``, ``view``) takes the same path in a trace."""
    met: list[tuple[object, ...]] = []
    for step in net.steps:
        step.register_forward_hook(lambda module, inputs, output: met.append(layout(output)))
    image = torch.empty(1, *net.shape, device="meta")
    if channels_last and image.ndim == 4:
        image = image.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        deepcopy(net).to("meta")(image.clone())
    untraced = met.copy()
    met.clear()
    rfkit.trace(net, example_inputs=image)
    assert met[: len(untraced)] == untraced


def layout(tensor: Tensor) -> tuple[object, ...]:
    """Shape, strides of the dimensions that have more than one position, and type."""
    strides = [stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if size > 1]
    return (*tensor.shape, *strides, tensor.dtype)


@dataclass(frozen=True)
class Window:
    """Geometry of one layer along one axis."""

    kernel: int
    stride: int
    padding: int
    dilation: int


@dataclass(frozen=True)
class Textbook:
    """Size, jump and centre of the first unit, by the recursion every textbook has."""

    size: Fraction = Fraction(1)
    jump: Fraction = Fraction(1)
    start: Fraction = Fraction(1, 2)

    def after(self, w: Window) -> Textbook:
        """Convolution or pooling: r' = r + (k-1)d j, j' = j s, start' = start + ((k-1)d/2 - p) j."""
        reach = (w.kernel - 1) * w.dilation
        start = self.start + (Fraction(reach, 2) - w.padding) * self.jump
        return Textbook(self.size + reach * self.jump, self.jump * w.stride, start)

    def after_transposed(self, w: Window) -> Textbook:
        """Transposed convolution, widest phase: r' = r + (ceil((d(k-1)+1)/s) - 1) j, j' = j/s. The start is left open."""
        taps = -(-(w.dilation * (w.kernel - 1) + 1) // w.stride)
        return Textbook(self.size + (taps - 1) * self.jump, self.jump / w.stride, self.start)


windows = st.builds(Window, st.integers(1, 5), st.integers(1, 3), st.integers(0, 4), st.integers(1, 3))
chains = st.lists(
    st.tuples(st.sampled_from(["conv", "depthwise", "max", "avg"]), windows, windows), min_size=1, max_size=5
)


def layer_of(kind: str, *axes: Window) -> nn.Module:
    k, s, p, d = (tuple(getattr(w, name) for w in axes) for name in ("kernel", "stride", "padding", "dilation"))
    if kind == "max":
        return nn.MaxPool2d(k, s, p, d)
    if kind == "avg":
        return nn.AvgPool2d(k, s, p)
    return nn.Conv2d(2, 2, k, s, p, d, groups=2 if kind == "depthwise" else 1)


def allowed(kind: str, w: Window) -> Window:
    """PyTorch pads pooling by at most half a kernel, and average pooling has no dilation."""
    if kind in ("max", "avg"):
        return Window(w.kernel, w.stride, min(w.padding, w.kernel // 2), w.dilation if kind == "max" else 1)
    return w


@settings(deterministic, max_examples=100)
@given(chains)
def test_chains_follow_the_textbook(chain: list[tuple[str, Window, Window]]) -> None:
    layers = [(kind, (allowed(kind, h), allowed(kind, w))) for kind, h, w in chain]
    net = nn.Sequential(*(layer_of(kind, *axes) for kind, axes in layers))
    report = rfkit.trace(net, (1, 2, *LARGE))
    expected = [Textbook(), Textbook()]
    for layer, (_, axes) in zip(report, layers, strict=True):
        expected = [book.after(window) for book, window in zip(expected, axes, strict=True)]
        assert layer.receptive_field == layer.receptive_field_min == tuple(book.size for book in expected)
        assert layer.jump == tuple(book.jump for book in expected)
        assert layer.start == tuple(book.start for book in expected)


@settings(deterministic, max_examples=60)
@given(chains, windows, windows)
def test_a_transposed_convolution_behind_a_chain_follows_the_textbook(
    chain: list[tuple[str, Window, Window]], h: Window, w: Window
) -> None:
    layers = [(kind, (allowed(kind, a), allowed(kind, b))) for kind, a, b in chain]
    up = nn.ConvTranspose2d(2, 2, (h.kernel, w.kernel), (h.stride, w.stride), dilation=(h.dilation, w.dilation))
    report = rfkit.trace(nn.Sequential(*(layer_of(kind, *axes) for kind, axes in layers), up), (1, 2, *LARGE))
    expected = [Textbook(), Textbook()]
    for _, axes in layers:
        expected = [book.after(window) for book, window in zip(expected, axes, strict=True)]
    expected = [book.after_transposed(window) for book, window in zip(expected, (h, w), strict=True)]
    last = report.layers[-1]
    assert last.receptive_field == tuple(book.size for book in expected)
    assert last.jump == tuple(book.jump for book in expected)


@settings(deterministic, max_examples=60)
@given(chains)
def test_closed_form_and_exact_extent_agree_away_from_the_border(chain: list[tuple[str, Window, Window]]) -> None:
    """A unit whose closed-form field lies inside the image sees exactly that field."""
    layers = [(kind, (allowed(kind, h), allowed(kind, w))) for kind, h, w in chain]
    net = nn.Sequential(*(layer_of(kind, *axes) for kind, axes in layers))
    layer = rfkit.trace(net, (1, 2, *LARGE), units=True).layers[-1]
    assert layer.units is not None
    for axis, (lo, hi) in enumerate(layer.units):
        size, jump, start = (as_fraction(n[axis]) for n in (layer.receptive_field, layer.jump, layer.start))
        for unit, (first, last) in enumerate(zip(lo, hi, strict=True)):
            begin = start + unit * jump - size / 2
            if begin >= 0 and begin + size <= LARGE[axis]:
                assert (first, last) == (begin, begin + size - 1)


def as_fraction(number: int | Fraction | None) -> Fraction:
    assert number is not None
    return Fraction(number)


# -- joined paths --------------------------------------------------------------------------------------------------------


class Branches(nn.Module):
    """Chains of convolutions beside each other, of one stride altogether; joined where all have units, by sum or by channel."""

    def __init__(self, chains: list[list[Window]], stride: int, joined: str) -> None:
        super().__init__()
        self.chains = nn.ModuleList(nn.Sequential(*(line_conv(w) for w in windows_of(c, stride))) for c in chains)
        self.mix = nn.Conv1d(2 * len(chains) if joined == "cat" else 2, 2, 1)
        self.joined = joined

    def forward(self, x: Tensor) -> Tensor:
        maps = [chain(x) for chain in self.chains]
        shortest = min(m.shape[2] for m in maps)
        maps = [m[..., :shortest] for m in maps]
        return self.mix(torch.cat(maps, 1) if self.joined == "cat" else sum(maps[1:], maps[0]))


def windows_of(chain: list[Window], stride: int) -> list[Window]:
    """Stride 1 everywhere but in a last window of one tap."""
    return [*(replace(w, stride=1) for w in chain), Window(1, stride, 0, 1)]


def line_conv(w: Window) -> nn.Module:
    return nn.Conv1d(2, 2, w.kernel, w.stride, w.padding, w.dilation)


blocks = st.tuples(
    st.lists(st.lists(windows, max_size=2), min_size=1, max_size=3), st.integers(1, 2), st.sampled_from(["add", "cat"])
)


def hull(books: list[Textbook]) -> Textbook:
    """From the leftmost edge of all paths to the rightmost."""
    left = min(book.start - book.size / 2 for book in books)
    right = max(book.start + book.size / 2 for book in books)
    return Textbook(right - left, books[0].jump, (left + right) / 2)


@settings(deterministic, max_examples=100)
@given(st.lists(blocks, min_size=1, max_size=3))
def test_joined_paths_see_from_the_leftmost_to_the_rightmost_edge(
    drawn: list[tuple[list[list[Window]], int, str]],
) -> None:
    """Closed form by hand over every block; the shortest path sums the smallest growth; units inside the image agree."""
    net = nn.Sequential(*(Branches(chains, stride, joined) for chains, stride, joined in drawn))
    report = trace(net, (2, LARGE[0]), units=True)
    book, smallest, misaligned = Textbook(), Fraction(1), False
    for number, (chains, stride, _) in enumerate(drawn):
        ends = [reduce(Textbook.after, windows_of(chain, stride), book) for chain in chains]
        smallest += min(end.size for end in ends) - book.size
        misaligned |= len({end.start for end in ends}) > 1
        book = hull(ends)
        layer = report[f"{number}.mix"]
        assert (layer.receptive_field, layer.jump, layer.start) == ((book.size,), (book.jump,), (book.start,))
        assert layer.receptive_field_min == (smallest,)
        assert layer.units is not None
        for unit, (first, last) in enumerate(zip(*layer.units[0], strict=True)):
            begin = book.start + unit * book.jump - book.size / 2
            if begin >= 0 and begin + book.size <= LARGE[0]:
                assert (first, last) == (begin, begin + book.size - 1)
    assert any("misaligned" in layer.flags for layer in report) == misaligned
