"""Reports made by hand, for tests of whatever reads a report.

``Drawing`` is a pencil: it writes down one layer after the other, with the textbook's arithmetic on paper-sized
networks, independent of the tracer. Every axis is treated alike unless a value is given per axis.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil, floor, prod

from rfkit.report import Layer, PerAxis, Report, Totals

Size = int | tuple[int, ...]


class Drawing:
    """Layers in execution order on one input, ``(batch, channels, *positions)``."""

    def __init__(self, *input_shape: int) -> None:
        self.input_shape = input_shape
        self.axes = len(input_shape) - 2
        self.layers: list[Layer] = []
        self.image = Layer(
            "input", 0, "", (), input_shape, None, None, None, None, 1, False,
            self.each(1), self.each(1), self.each(1), self.each(Fraction(1, 2)), self.each(1), 0.0,
            (False,) * self.axes, (), (), None, 0, 0, 0,
        )  # fmt: skip

    def each(self, value: object) -> tuple:
        return value if isinstance(value, tuple) else (value,) * self.axes

    def add(self, name: str, kind: str, sources: list[Layer], **figures: object) -> Layer:
        """A layer that keeps what the first of its sources sees, but for the figures given."""
        call = sum(layer.name == name for layer in self.layers)
        kept = {
            "kernel_size": None, "stride": None, "padding": None, "dilation": None, "groups": 1, "transposed": False,
            "params": 0, "macs": 0, "flags": (), "unknown": sources[0].unknown,
            "context": tuple(dict.fromkeys(label for source in sources for label in source.context)),
        }  # fmt: skip
        inputs = tuple(source.label for source in sources if source is not self.image)
        layer = replace(sources[0], name=name, call=call, type=kind, inputs=inputs, **{**kept, **figures})
        if "extent" not in figures:
            clipped = zip(layer.receptive_field, self.input_shape[2:], strict=True)
            layer = replace(layer, extent=tuple(None if r is None else min(r, n) for r, n in clipped))
        if "coverage" not in figures:
            parts = zip(layer.extent, self.input_shape[2:], strict=True)
            known = None not in layer.extent and layer.extent
            layer = replace(layer, coverage=prod(e / n for e, n in parts) if known else None)
        layer = replace(layer, activation_bytes=4 * prod(layer.output_shape))
        self.layers.append(layer)
        return layer

    def same(self, name: str, kind: str, source: Layer, params: int = 0) -> Layer:
        """A layer that passes on what it gets: a norm, an activation, a dropout."""
        return self.add(name, kind, [source], params=params)

    def slide(
        self, name: str, kind: str, source: Layer, k: Size, s: Size = 1, p: Size = 0, d: Size = 1, *,
        channels: int | None = None, groups: int = 1, params: int = 0, macs: int = 0, **figures: object,
    ) -> Layer:  # fmt: skip
        """A window: r' = r + (k-1)dj, j' = js, start' = start + ((k-1)d/2 - p)j, n' = floor((n+2p-d(k-1)-1)/s) + 1."""
        k, s, p, d = map(self.each, (k, s, p, d))
        sizes = [floor((n + 2 * b - e * (a - 1) - 1) / c) + 1 for n, a, c, b, e in self.rows(source, k, s, p, d)]
        return self.add(
            name, kind, [source], output_shape=(source.output_shape[0], channels or source.output_shape[1], *sizes),
            kernel_size=k, stride=s, padding=p, dilation=d, groups=groups, params=params, macs=macs,
            receptive_field=self.grown(source.receptive_field, source.jump, k, d),
            receptive_field_min=self.grown(source.receptive_field_min, source.jump, k, d),
            jump=tuple(
                None if j is None or n == 1 else j * c for j, c, n in zip(source.jump, s, sizes, strict=True)
            ),
            start=tuple(
                t + (Fraction((a - 1) * e, 2) - b) * (j or 0)
                for t, j, a, b, e in zip(source.start, source.jump, k, p, d, strict=True)
            ),
            **figures,
        )  # fmt: skip

    def conv(self, name: str, source: Layer, channels: int, k: Size = 3, s: Size = 1, p: Size = 0, d: Size = 1, *,
             groups: int = 1, kind: str | None = None, **figures: object) -> Layer:  # fmt: skip
        """A convolution without bias, its parameters and MACs counted."""
        params = channels * source.output_shape[1] // groups * prod(self.each(k))
        kind = kind or f"Conv{self.axes}d"
        layer = self.slide(name, kind, source, k, s, p, d, channels=channels, groups=groups, params=params, **figures)
        return self.put(layer, macs=params * prod(layer.output_shape[2:]))

    def rows(self, source: Layer, *values: tuple) -> list[tuple]:
        return list(zip(source.output_shape[2:], *values, strict=True))

    def grown(self, sizes: PerAxis, jumps: PerAxis, k: tuple, d: tuple) -> PerAxis:
        return tuple(r + (a - 1) * e * (j or 0) for r, j, a, e in zip(sizes, jumps, k, d, strict=True))

    def put(self, layer: Layer, **figures: object) -> Layer:
        """Correct the figures of the layer written last."""
        self.layers[-1] = replace(layer, **figures)
        return self.layers[-1]

    def up(self, name: str, source: Layer, channels: int, k: int, s: int, p: int = 0) -> Layer:
        """A transposed convolution: r' = r + (ceil(k/s) - 1)j, j' = j/s, n' = (n-1)s - 2p + k."""
        params = channels * source.output_shape[1] * k**self.axes
        sizes = [(n - 1) * s - 2 * p + k for n in source.output_shape[2:]]
        taps = ceil(k / s) - 1
        return self.add(
            name, f"ConvTranspose{self.axes}d", [source], output_shape=(source.output_shape[0], channels, *sizes),
            kernel_size=self.each(k), stride=self.each(s), padding=self.each(p), dilation=self.each(1),
            transposed=True, params=params, macs=params * prod(source.output_shape[2:]),
            receptive_field=tuple(r + taps * j for r, j in zip(source.receptive_field, source.jump, strict=True)),
            receptive_field_min=tuple(
                r + taps * j for r, j in zip(source.receptive_field_min, source.jump, strict=True)
            ),
            jump=tuple(whole(Fraction(j) / s) for j in source.jump),
        )  # fmt: skip

    def join(self, name: str, kind: str, *sources: Layer, channels: int | None = None, **figures: object) -> Layer:
        """Paths that meet, all centred on the same positions: the largest and the smallest field over them."""
        shape = sources[0].output_shape
        return self.add(
            name, kind, list(sources), output_shape=(shape[0], channels or shape[1], *shape[2:]),
            receptive_field=tuple(map(max, zip(*(x.receptive_field for x in sources), strict=True))),
            receptive_field_min=tuple(map(min, zip(*(x.receptive_field_min for x in sources), strict=True))),
            **figures,
        )  # fmt: skip

    def pool_all(self, name: str, kind: str, source: Layer, **figures: object) -> Layer:
        """Pooling over every position: r' = r + (n-1)j."""
        shape = source.output_shape
        n = shape[2:]
        return self.add(
            name, kind, [source], output_shape=(*shape[:2], *(1 for _ in n)),
            receptive_field=self.grown(source.receptive_field, source.jump, n, self.each(1)),
            receptive_field_min=self.grown(source.receptive_field_min, source.jump, n, self.each(1)),
            jump=self.each(None), global_=self.each(True), **figures,
        )  # fmt: skip

    def linear(self, name: str, source: Layer, out: int) -> Layer:
        inside = prod(source.output_shape[1:])
        return self.add(
            name, "Linear", [source], output_shape=(source.output_shape[0], out), params=(inside + 1) * out,
            macs=inside * out, jump=self.each(None), global_=self.each(True),
        )  # fmt: skip

    def report(self, target: str, features: Layer | None, **changes: object) -> Report:
        """The report, with its totals; the network's own field is that of the last layer."""
        last, shown = self.layers[-1], features or self.layers[-1]
        params = sum(layer.params for layer in self.layers)
        totals = Totals(
            params=params, trainable_params=params, buffers=0, macs=sum(layer.macs for layer in self.layers),
            activation_bytes=0, receptive_field=last.receptive_field, receptive_field_min=last.receptive_field_min,
            receptive_field_features=shown.receptive_field, jump_features=shown.jump, features=shown.label,
            outputs=(last.label,),
            output_shapes=(last.output_shape,), coverage=last.coverage, unused_modules=(),
        )  # fmt: skip
        whole_report = {name: value for name, value in changes.items() if name in Report.__dataclass_fields__}
        rest = {name: value for name, value in changes.items() if name not in whole_report}
        return replace(
            Report(
                target=target, input_shape=self.input_shape, device="meta", strict=False, layers=tuple(self.layers),
                totals=replace(totals, **rest), seconds=0.021,
            ),
            **whole_report,
        )  # fmt: skip


def whole(value: Fraction) -> int | Fraction:
    return int(value) if value.denominator == 1 else value


def two_branch() -> Report:
    """The documents' first network: two dilated branches, a depthwise separable block, a skip connection, pooling."""
    net = Drawing(1, 3, 32, 32)

    def block(name: str, source: Layer, *convs: tuple[int, int, int]) -> Layer:
        for i, (channels, stride, dilation) in enumerate(convs):
            source = net.conv(f"{name}.{4 * i}", source, channels, 3, stride, 1, dilation)
            source = net.same(f"{name}.{4 * i + 1}", "ReLU", source)
            source = net.same(f"{name}.{4 * i + 2}", "BatchNorm2d", source, params=2 * channels)
            source = net.same(f"{name}.{4 * i + 3}", "Dropout", source)
        return source

    stem = block("conv1", net.image, (16, 2, 1))
    branches = [block(name, stem, (32, 1, 2), (64, 1, 2), (64, 1, 1)) for name in ("conv2", "conv3")]
    x = net.join("cat", "cat", *branches, channels=128)
    x = net.conv("dsb.0", x, 128, groups=128)
    x = net.conv("dsb.1", x, 32, 1)
    x = net.same("dsb.2", "ReLU", x)
    x = net.same("dsb.3", "BatchNorm2d", x, params=64)
    x = net.same("dsb.4", "Dropout", x)
    x = block("conv4", x, (32, 2, 1))
    features = net.join("add", "add", x, block("conv5", x, (32, 1, 1)))
    x = net.slide("gap.0", "AvgPool2d", features, 5, 5, global_=(True, True))
    net.linear("linear", x, 10)
    clipped = {"conv4": (30, 30)}
    net.layers = [
        replace(layer, extent=size, coverage=prod(size) / 1024)
        if (size := clipped.get(layer.name.split(".")[0]))
        else layer
        for layer in net.layers
    ]
    return net.report("net.py:Net", features, buffers=874)


def unet() -> Report:
    """A small U-Net: pooling, transposed convolutions, concatenations, jumps that fall again, a layer called twice."""
    net = Drawing(1, 3, 48, 40)

    def pair(name: str, source: Layer, channels: int) -> Layer:
        for i in (0, 2):
            source = net.same(f"{name}.{i + 1}", "ReLU", net.conv(f"{name}.{i}", source, channels, 3, 1, 1))
        return source

    a = pair("down1", net.image, 8)
    b = pair("down2", net.slide("pool", "MaxPool2d", a, 2, 2), 16)
    c = pair("down3", net.slide("pool", "MaxPool2d", b, 2, 2), 32)
    y = net.join("cat", "cat", net.up("up2", c, 16, 2, 2), b, channels=32)
    y = pair("join2", y, 16)
    y = net.join("cat", "cat", net.up("up1", y, 8, 4, 2, 1), a, channels=16)
    net.conv("head", pair("join1", y, 8), 4, 1)
    return net.report("unet.py:UNet", None)


def wavenet() -> Report:
    """A 1-d stack of dilated convolutions on 150 positions."""
    net = Drawing(1, 1, 150)
    x = net.conv("stem", net.image, 8, 1)
    for i in range(6):
        x = net.conv(f"gates.{i}", x, 8, 2, 1, 0, 2**i)
    net.conv("head", x, 4, 1)
    return net.report("wavenet.py:WaveNet", None)


def video() -> Report:
    """Three axes of which none is like another."""
    net = Drawing(2, 3, 16, 56, 44)
    x = net.conv("stem", net.image, 16, (3, 7, 7), (1, 2, 2), (1, 3, 3))
    x = net.conv("wide", x, 16, (1, 1, 7), (1, 1, 2), (0, 0, 3))
    net.conv("deep", x, 32, (3, 1, 1), 1, (1, 0, 0), (2, 1, 1))
    return net.report("video.py:Net", None)


def gated() -> Report:
    """A squeeze-and-excitation block: local fields, with the gate's context left out."""
    net = Drawing(1, 3, 64, 64)
    x = net.conv("stem", net.image, 16, 3, 2, 1)
    gate = net.pool_all("se.avgpool", "AdaptiveAvgPool2d", x)
    gate = net.conv("se.fc1", gate, 4, 1)
    gate = net.conv("se.fc2", gate, 16, 1)
    net.add("se.mul", "mul", [x, gate], context=("se.avgpool",))
    x = net.same("act", "ReLU", net.layers[-1])
    x = net.conv("head", x, 8, 3, 2, 1)
    return net.report("gated.py:Net", None, coverage=x.coverage)


def odd() -> Report:
    """Everything that is not usual at once: long names, warnings, an unknown operator, modules never called, notes."""
    net = Drawing(1, 3, 64, 48)
    x = net.conv("backbone.features.stem.convolution", net.image, 32, (5, 7), (2, 1), (2, 3))
    a = net.conv("backbone.features.denseblock3.denselayer12.conv1", x, 64, 3, 2, 8, 8, groups=4)
    b = net.slide("backbone.features.denseblock3.denselayer12.pooling", "FractionalMaxPool2d", x, 2, 2)
    net.put(b, flags=("measured",))
    x = net.join("backbone.features.denseblock3.add", "add", a, net.layers[-1], flags=("misaligned",))
    x = net.conv("backbone.features.denseblock4.transition", x, 128, 3, 1, 8, 8, flags=("unproductive",))
    net.add("neck.mixer", "Mixer", [x], flags=("bound",), global_=(True, False))
    x = net.add(
        "neck.mystery", "Mystery", [net.layers[-1]], unknown="mylib.mystery.default", receptive_field=(None, None),
        receptive_field_min=(None, None), jump=(None, None), start=(None, None), flags=("unknown",),
    )  # fmt: skip
    net.add(
        "head.classifier", "Linear", [x], output_shape=(768, 1000), params=129_000, macs=98_304_000,
        flags=("unknown", "space_in_batch"), global_=(False, False),
    )  # fmt: skip
    return net.report(
        "research/experiments/2024_multiscale/models/very_long_file_name.py:MultiScaleBackboneNetwork", None,
        unused_modules=("aux.conv.0", "aux.conv.1", "aux.fc", "backbone.features.spare"), coverage=None,
        notes=("the forward read values of tensors, so it ran on the CPU",), device="cpu",
        params=sum(layer.params for layer in net.layers) + 2048,
    )  # fmt: skip


def shifted() -> Report:
    """Two paths of one size, the second moved two pixels to the right, added."""
    net = Drawing(1, 3, 24, 24)
    left = net.conv("left", net.image, 3, 3, 1, 1)
    right = net.conv("right", net.image, 3, 3, 1, 1)
    right = net.add("slice", "slice", [right], start=(Fraction(5, 2), Fraction(5, 2)))
    net.add("add", "add", [left, right], receptive_field=(5, 5), receptive_field_min=(3, 3), flags=("misaligned",))
    return net.report("shifted.py:Net", None)
