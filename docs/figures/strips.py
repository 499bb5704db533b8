"""Figures along one axis: pixels as a strip of cells, and above them what units see of it."""

from __future__ import annotations

from dataclasses import dataclass

from docs.figures.networks import chain, conv, field, numbers, reached, taps, unclipped
from docs.figures.svg import WIDTH, dot, drawing, line, rect, span, text


@dataclass(frozen=True, slots=True)
class Strip:
    """Where the pixels of an axis lie on the drawing.

    Attributes:
        left: left edge of the pixel ``first``.
        cell: width of a pixel.
        pixels: how many the input has.
        first: number of the leftmost pixel; negative where padding is shown.
    """

    left: float
    cell: float
    pixels: int
    first: int = 0

    def x(self, position: float) -> float:
        """A position in pixels, 0 being the left edge of pixel 0."""
        return self.left + (position - self.first) * self.cell

    def cells(self, y: float, numbered: bool = True) -> list[str]:
        """The pixels, padding dashed, with their numbers inside."""
        side = self.cell - 2
        shapes = [
            rect(self.x(p) + 1, y, side, side, "pixel" if p >= 0 else "padding", 2)
            for p in range(self.first, self.pixels)
        ]
        if numbered:
            shapes += [
                text(self.x(p + 0.5), y + side / 2 + 4.5, str(p), "soft mono", "middle") for p in range(self.pixels)
            ]
        return shapes

    def bar(self, edges: tuple[float, float], y: float, kind: str, height: float = 14) -> str:
        """A bar from one position to another."""
        return rect(self.x(edges[0]), y, (edges[1] - edges[0]) * self.cell, height, kind, 3)

    def measure(self, edges: tuple[float, float], y: float, kind: str) -> list[str]:
        """A measuring line from one position to another."""
        return span(self.x(edges[0]), self.x(edges[1]), y, kind)


def start_and_jump() -> str:
    """Size, jump and start of the units of a layer."""
    layer = chain([conv(3, stride=2, padding=1), conv(3)], pixels=16)["1"]
    size, jump, start = numbers(layer)
    strip = Strip(94, 34, pixels=16, first=-1)
    whole, (first, last) = unclipped(layer, 0), field(layer, 0)
    shapes = [
        text(24, 32, f"Size {size}, jump {jump}, start {start}", "head"),
        text(24, 52, "behind a 3-wide convolution with stride 2 and padding 1, and another 3-wide one", "soft"),
        *strip.measure(whole, 84, "thin a-line"),
        text(strip.x(whole[1]) + 8, 88, f"size {size}", "a-text"),
    ]
    for unit in range(4):
        y, centre = 100 + 30 * unit, strip.x(start + unit * jump)
        shapes += [
            line([(centre, y + 7), (centre, 232)], "thin axis faint"),
            strip.bar(unclipped(layer, unit), y, "outline a-line"),
            strip.bar(field(layer, unit), y, "a see"),
            dot(centre, y + 7, "a", 4),
            text(82, y + 12, f"unit {unit}", "soft", "end"),
        ]
    shapes += [
        *strip.cells(232),
        text(82, 253, "pixels", "soft", "end"),
        *strip.measure((0, start), 284, "thin b-line"),
        text(strip.x(0), 306, f"start {start}", "b-text"),
        *strip.measure((start, start + jump), 284, "thin c-line"),
        text(strip.x(start) + 8, 306, f"jump {jump}", "c-text"),
        text(WIDTH - 24, 306, f"The dashed pixel is padding: unit 0 sees {last - first} pixels.", "soft", "end"),
    ]
    return drawing(324, f"Size {size}, jump {jump} and start {start} of the units behind two convolutions", shapes)


def dilation_and_jump() -> str:
    """The taps of a dilated kernel are dilation times jump pixels apart."""
    k, d, unit, strip = 3, 2, 4, Strip(116, 34, pixels=17)
    first, second = chain([conv(3, stride=2, padding=1), conv(k, padding=d, dilation=d)], strip.pixels)
    (before, jump, start), (size, _, _) = numbers(first), numbers(second)
    read = taps(second, unit, first.output_shape[2])
    seen = {pixel: tap for tap in read for pixel in taps(first, tap, strip.pixels)}
    top, middle, bottom = 76, 156, 236

    def centre(tap: int) -> float:
        return strip.x(start + tap * jump)

    edges = field(second, unit)
    adds = f"({k}-1)*{d}*{jump} = {(read[-1] - read[0]) * jump} pixels"
    title = f"Dilation {d} on a map with jump {jump}: the size grows from {before} to {size}"
    whole = f"{edges[1] - edges[0]} pixels from the first to the last; {len(seen)} of them are read"
    shapes = [
        text(24, 32, title, "head"),
        *(line([(centre(unit), top), (centre(tap), middle)], "line b-line") for tap in read),
        *(line([(centre(tap), middle), (strip.x(p + 0.5), bottom)], "line a-line") for p, tap in seen.items()),
        *(dot(centre(tap), middle, "soft", 4) for tap in range(first.output_shape[2]) if tap not in read),
        *(dot(centre(tap), middle, "b", 6) for tap in read),
        dot(centre(unit), top, "b", 6),
        *strip.cells(bottom),
        *(rect(strip.x(p) + 1, bottom, 32, 32, "a see", 2) for p in seen),
        text(24, top + 5, f"{k}-wide, d = {d}", "b-text"),
        text(24, middle + 5, "3-wide, s = 2", "a-text"),
        text(24, bottom + 21, "pixels", "soft"),
        *span(centre(read[0]), centre(read[-1]), middle - 22, "thin axis"),
        text(centre(read[-1]) + 10, middle - 18, adds),
        *strip.measure(edges, bottom + 52, "thin axis"),
        text(strip.x(sum(edges) / 2), bottom + 72, whole, "ink", "middle"),
    ]
    return drawing(326, title, shapes)


def gridding() -> str:
    """Which pixels a unit reads behind stacks of dilated convolutions."""
    strip = Strip(150, 16, pixels=27)
    stacks = ((1, 1, 1), (2, 2, 2), (1, 2, 5), (1, 2, 9))
    title = "Three 3-wide convolutions, one behind the other: the pixels that one unit reads"
    shapes = [
        text(24, 32, title, "head"),
        text(24, 58, "dilations", "soft"),
        text(WIDTH - 24, 58, "read, of seen", "soft", "end"),
    ]
    for place, rates in enumerate(stacks):
        layers = chain([conv(3, padding=rate, dilation=rate) for rate in rates], strip.pixels).layers
        read = reached(layers[-1])
        edges = field(layers[-1], strip.pixels // 2)
        seen = edges[1] - edges[0]
        y, kind = 72 + 42 * place, "a" if len(read) == seen else "b"
        shapes += [
            text(24, y + 12, ", ".join(map(str, rates)), "ink mono"),
            *strip.cells(y, numbered=False),
            *(rect(strip.x(p) + 1, y, 14, 14, kind, 2) for p in read),
            *strip.measure(edges, y + 24, f"thin {kind}-line"),
            text(WIDTH - 24, y + 12, f"{len(read)} of {seen}", "ink mono", "end"),
        ]
    return drawing(72 + 42 * len(stacks) + 12, title, shapes)
