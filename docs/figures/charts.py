"""Figures of networks: how the size grows, where paths meet, and what units see of an image."""

from __future__ import annotations

import rfkit
from docs.figures.networks import Skip, chain, conv, field, numbers, unclipped
from docs.figures.strips import Strip
from docs.figures.svg import WIDTH, dot, drawing, line, rect, text
from trainer.models.documents import TwoBranchNet


def growth() -> str:
    """Size against depth of three stacks of five convolutions."""
    stacks = {
        "a": ("stride 1, dilation 1", [conv(3, padding=1) for _ in range(5)]),
        "b": ("stride 2 in layers 1, 3", [conv(3, 1 + (i in (0, 2)), 1) for i in range(5)]),
        "c": ("dilation 1, 2, 4, 8, 16", [conv(3, 1, 2**i, 2**i) for i in range(5)]),
    }
    left, bottom, step, scale = 64, 320, 86, 3.9
    title = "Five 3-wide convolutions: how the size grows"
    shapes = [text(24, 32, title, "head")]
    for size in range(0, 65, 16):
        y = bottom - scale * size
        shapes += [
            line([(left, y), (left + 5 * step, y)], "grid"),
            text(left - 10, y + 4, str(size), "soft mono", "end"),
        ]
    shapes += [
        text(left + i * step, bottom + 22, "input" if i == 0 else f"layer {i}", "soft", "middle") for i in range(6)
    ]
    for kind, (name, convolutions) in stacks.items():
        sizes = [1, *(numbers(layer)[0] for layer in chain(convolutions, pixels=64))]
        points = [(left + i * step, bottom - scale * size) for i, size in enumerate(sizes)]
        x, y = points[-1]
        shapes += [
            line(points, f"line {kind}-line"),
            *(dot(*point, kind, 3.5) for point in points),
            text(x + 12, y, f"{sizes[-1]} pixels", f"head {kind}-text"),
            text(x + 12, y + 17, name, "soft"),
        ]
    return drawing(bottom + 42, title, shapes)


def two_paths() -> str:
    """A sum of a short and a long path."""
    strip, unit = Strip(326, 24.5, pixels=15), 7
    report = rfkit.trace(Skip(), (1, 1, strip.pixels), units=True)
    title = "A unit behind a sum sees what any of its paths sees"
    words = {"conv1": "conv1: 3-wide", "conv2": "conv2: 3-wide", "conv3": "conv3: 5-wide", "add": "conv1 + conv3"}
    shapes = [
        text(24, 32, title, "head"),
        text(300, 58, "size", "soft", "end"),
        text(strip.x(0), 58, f"what unit {unit} sees", "soft"),
        line([(126, 80), (126, 220)], "thin axis"),
        line([(60, 80), (38, 80), (38, 220), (60, 220)], "thin axis"),
    ]
    for place, (name, what) in enumerate(words.items()):
        layer, y, kind = report[name], 66 + 46 * place, "b" if name == "add" else "a"
        sizes = dict.fromkeys((layer.receptive_field_min[0], layer.receptive_field[0]))
        shapes += [
            rect(60, y, 132, 28, "pixel", 4),
            text(126, y + 18.5, what, "ink", "middle"),
            strip.bar(field(layer, unit), y + 5, f"{kind} see", 18),
            strip.bar(field(layer, unit), y + 5, f"thin {kind}-line", 18),
            text(300, y + 19, "..".join(map(str, sizes)), "ink mono", "end"),
        ]
    shapes += [
        strip.bar(field(report["conv1"], unit), 66 + 46 * 3 + 5, "outline b-line", 18),
        *strip.cells(258),
        text(300, 274, "pixels", "soft", "end"),
    ]
    return drawing(304, title, shapes)


def border() -> str:
    """What each unit of a layer really sees, beside what the closed form says."""
    layer = rfkit.trace(TwoBranchNet(), (1, 3, 32, 32), units=True)["conv2.0"]
    size, jump, _ = numbers(layer)
    strip, count = Strip(116, 14.5, pixels=32, first=-3), layer.output_shape[2]
    top, bottom = 70, 78 + 20 * count
    shapes = [
        text(24, 32, f"conv2.0 of TwoBranchNet: size {size}, jump {jump}", "head"),
        text(24, 52, "Dashed: the closed form. Filled: what its units see of 32 pixels.", "soft"),
        text(WIDTH - 24, 52, "pixels", "soft", "end"),
        rect(strip.x(0), top, 32 * strip.cell, bottom - top, "pixel"),
        text(strip.x(0), bottom + 20, "0", "soft mono", "middle"),
        text(strip.x(32), bottom + 20, "32", "soft mono", "middle"),
        text(strip.x(16), bottom + 20, "the image", "soft", "middle"),
    ]
    for unit in range(count):
        y, edges = top + 8 + 20 * unit, field(layer, unit)
        shapes += [
            strip.bar(edges, y, "a", 12),
            strip.bar(unclipped(layer, unit), y, "outline b-line", 12),
            text(104, y + 10.5, f"unit {unit}", "soft", "end"),
            text(WIDTH - 24, y + 10.5, f"{edges[1] - edges[0]}", "ink mono", "end"),
        ]
    return drawing(bottom + 36, f"Fields of the {count} units of conv2.0 on an image of 32 pixels", shapes)


def nested_fields() -> str:
    """What the middle unit of each layer sees of the image."""
    report = rfkit.trace(TwoBranchNet(), (1, 3, 32, 32), units=True)
    names = ("conv1.0", "conv2.0", "conv2.4", "conv2.8", "dsb.0", "conv4.0", "conv5.0")
    cell, left, top, column = 10, 32, 56, 408
    title = "TwoBranchNet on 32x32: what the middle unit of each layer sees"
    shapes = [
        text(24, 32, title, "head"),
        rect(left, top, 32 * cell, 32 * cell, "pixel"),
        text(column, top + 12, "layer", "soft"),
        text(column + 150, top + 12, "size", "soft", "end"),
        text(column + 264, top + 12, "inside 32x32", "soft", "end"),
    ]
    for place, name in reversed([*enumerate(names)]):
        layer = report[name]
        (y0, y1), (x0, x1) = (field(layer, layer.output_shape[2 + axis] // 2, axis) for axis in (0, 1))
        box = (left + x0 * cell, top + y0 * cell, (x1 - x0) * cell, (y1 - y0) * cell)
        y, size = top + 44 + 34 * place, str(numbers(layer)[0])
        shapes += [
            rect(*box, "a see"),
            rect(*box, "thin a-line"),
            text(box[0] + 4, box[1] + box[3] - 5, size, "ink mono"),
            text(column, y, name, "ink mono"),
            text(column + 150, y, size, "ink mono", "end"),
            text(column + 264, y, f"{y1 - y0}x{x1 - x0}", "ink mono", "end"),
        ]
    return drawing(top + 32 * cell + 24, title, shapes)
