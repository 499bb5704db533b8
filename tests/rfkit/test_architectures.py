"""Building blocks that published networks are made of, each as its authors' users write it: all units as measured."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.exactness import assert_known, trace_and_probe
from tests.oracle import OUTPUT, assert_exact


def conv(i: int = 4, o: int = 4, k: int = 3, s: int = 1, d: int = 1, g: int = 1) -> nn.Conv2d:
    return nn.Conv2d(i, o, k, s, d * (k - 1) // 2, d, g)


class Res2Net(nn.Module):
    """Channels in groups, each convolved together with the group before."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = conv(4, 8, 1), conv(8, 4, 1)
        self.convs = nn.ModuleList(conv(2, 2) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        parts = self.first(x).split(2, 1)
        outputs = [parts[0]]
        for part, layer in zip(parts[1:], self.convs, strict=True):
            outputs.append(layer(part + outputs[-1]))
        return self.last(torch.cat(outputs, 1)) + x


class Ghost(nn.Module):
    """Half of the channels made cheaply from the other half."""

    def __init__(self) -> None:
        super().__init__()
        self.primary, self.cheap = conv(4, 3, 1, 2), conv(3, 3, 5, g=3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.primary(x)
        return torch.cat([x, self.cheap(x)], 1)[:, :5]


class AttentionModule(nn.Module):
    """Channel attention by mean and maximum, then spatial attention by a wide convolution of both."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.mlp, self.spatial = (
            conv(),
            nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 4)),
            conv(2, 1, 7),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        gate = self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3)))
        x = x * gate.sigmoid()[..., None, None]
        return x * self.spatial(torch.cat([x.mean(1, True), x.amax(1, True)], 1)).sigmoid()


class ChannelConvolutionGate(nn.Module):
    """A gate from a one-dimensional convolution across channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.across = conv(), nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = F.adaptive_avg_pool2d(x, 1)
        y = self.across(y.squeeze(-1).transpose(-1, -2)).transpose(-1, -2).unsqueeze(-1)
        return x * y.sigmoid().expand_as(x)


class CoordinateAttention(nn.Module):
    """Gates per row and per column, squeezed together by one convolution over both profiles laid end to end."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.rows, self.columns = conv(4, 2, 1), conv(2, 4, 1), conv(2, 4, 1)
        self.by_row, self.by_column = nn.AdaptiveAvgPool2d((None, 1)), nn.AdaptiveAvgPool2d((1, None))

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[2:]
        profiles = torch.cat([self.by_row(x), self.by_column(x).permute(0, 1, 3, 2)], 2)
        rows, columns = torch.split(F.hardswish(self.squeeze(profiles)), [h, w], 2)
        return x * self.rows(rows).sigmoid() * self.columns(columns.permute(0, 1, 3, 2)).sigmoid()


class NonLocal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.theta, self.phi, self.g, self.back = conv(), *(conv(4, 2, 1) for _ in range(3)), conv(2, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        n, _, h, w = x.shape
        theta, phi, g = (layer(x).view(n, 2, -1) for layer in (self.theta, self.phi, self.g))
        weights = torch.matmul(theta.permute(0, 2, 1), phi).softmax(-1)
        return x + self.back(torch.matmul(weights, g.permute(0, 2, 1)).permute(0, 2, 1).contiguous().view(n, 2, h, w))


class CrissCross(nn.Module):
    """Attention along the row and along the column of each position."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.value = conv(4, 4, 1), conv(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        q, v = self.query(x), self.value(x)
        rows = torch.einsum("nchw,nchv->nhwv", q, q).softmax(-1)
        columns = torch.einsum("nchw,ncgw->nwhg", q, q).softmax(-1)
        return torch.einsum("nhwv,nchv->nchw", rows, v) + torch.einsum("nwhg,ncgw->nchw", columns, v)


class Involution(nn.Module):
    """Kernels made from each position, applied to its unfolded neighbourhood."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel, self.unfold = conv(4, 2 * 9, 1, 2), nn.Unfold(3, padding=1, stride=2)
        self.pool = nn.AvgPool2d(2, 2, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.kernel(x)
        n, _, h, w = weight.shape
        weight = weight.view(n, 2, 9, h, w).unsqueeze(2)
        windows = self.unfold(x).view(n, 2, 2, 9, h, w)
        return (weight * windows).sum(3).view(n, 4, h, w)


class BlurPool(nn.Module):
    """A fixed binomial filter behind reflected padding, at stride 2."""

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 2.0, 1.0])
        self.stem = conv()
        self.register_buffer("filter", (taps[:, None] * taps)[None, None].repeat(4, 1, 1, 1) / 16)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.stem(x), 2, 1)
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.filter, stride=2, groups=x.shape[1])


class PyramidPooling(nn.Module):
    """Pooled to several grids, brought back bilinearly, concatenated."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList(nn.Sequential(nn.AdaptiveAvgPool2d(n), conv(4, 2, 1)) for n in (1, 2, 3, 6))
        self.mix = conv(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[2:]
        maps = [F.interpolate(stage(x), size=size, mode="bilinear", align_corners=True) for stage in self.stages]
        return self.mix(torch.cat([x, *maps], 1))


class FeaturePyramid(nn.Module):
    """Top-down path of nearest upsampling to the size of the lateral map, with sizes that do not divide."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(conv(s=2) for _ in range(3))
        self.lateral, self.smooth = nn.ModuleList(conv(k=1) for _ in range(3)), conv()

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for layer in self.down:
            x = layer(x)
            maps.append(x)
        top, results = self.lateral[2](maps[2]), []
        for number in (1, 0):
            lateral = self.lateral[number](maps[number])
            top = lateral + F.interpolate(top, size=lateral.shape[-2:], mode="nearest")
            results.append(self.smooth(top))
        return results[::-1]


class Hourglass(nn.Module):
    """Recursive: pooled, processed one level deeper, brought back, added; cropped where sizes are odd."""

    def __init__(self, depth: int = 3) -> None:
        super().__init__()
        self.skip, self.inner = conv(), conv()
        self.deeper = Hourglass(depth - 1) if depth else None
        self.up = nn.ConvTranspose2d(4, 4, 3, 2, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        low = self.inner(F.max_pool2d(x, 2, ceil_mode=True))
        if self.deeper is not None:
            low = self.deeper(low)
        return self.skip(x) + self.up(low)[..., : x.shape[2], : x.shape[3]]


class AttentionGatedSkip(nn.Module):
    """A U-Net whose skip is weighted by a gate made from the coarser map; padded to fit."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse, self.gate, self.up = conv(), conv(s=2), conv(4, 1, 1), nn.ConvTranspose2d(4, 4, 2, 2)
        self.head = conv(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.fine(x)
        up = self.up(self.coarse(fine))
        rows, columns = fine.shape[2] - up.shape[2], fine.shape[3] - up.shape[3]
        up = F.pad(up, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])
        return self.head(torch.cat([up, fine * self.gate(up).sigmoid()], 1))


class Mixer(nn.Module):
    """Patches, then linear layers across patches and across channels."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.norm = nn.Conv2d(4, 6, 3, 3), nn.LayerNorm(6)
        self.tokens, self.channels = nn.Linear(12, 12), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = x + self.tokens(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm(x))


class SpatialReductionAttention(nn.Module):
    """Queries at every position, keys and values from a strided convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.kv, self.reduce, self.norm = (
            nn.Linear(4, 4),
            nn.Linear(4, 8),
            nn.Conv2d(4, 4, 2, 2),
            nn.LayerNorm(4),
        )

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        q = self.q(tokens).reshape(n, h * w, 2, 2).permute(0, 2, 1, 3)
        small = self.norm(self.reduce(x).reshape(n, c, -1).permute(0, 2, 1))
        k, v = self.kv(small).reshape(n, -1, 2, 2, 2).permute(2, 0, 3, 1, 4).unbind(0)
        out = F.scaled_dot_product_attention(q, k, v)
        return x + out.transpose(1, 2).reshape(n, h * w, c).transpose(1, 2).view(n, c, h, w)


class Focus(nn.Module):
    """Space to depth by slicing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = x[..., : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
        parts = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
        return self.conv(torch.cat(parts, 1))


class MaskedConvolution(nn.Conv2d):
    """Weights behind the centre are zeroed in every forward; a zero weight still reads, as a probe sees it."""

    def __init__(self) -> None:
        super().__init__(4, 4, 3, padding=1)
        self.register_buffer("mask", torch.ones(3, 3).tril())

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class ShiftedChannels(nn.Module):
    """Groups of channels moved by one pixel each way, by rolling and by writing into zeros; then mixed."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = conv(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        out = torch.zeros_like(x)
        out[:, 0:1, :, :-1] = x[:, 0:1, :, 1:]
        out[:, 1:2, :, 1:] = x[:, 1:2, :, :-1]
        out[:, 2:3] = x[:, 2:3].roll(1, 2)
        out[:, 3:, 1:, :] = x[:, 3:, :-1, :]
        return self.mix(out)


class Fourier(nn.Module):
    """Local convolution beside a global one in the frequency domain."""

    def __init__(self) -> None:
        super().__init__()
        self.local, self.mix = conv(), conv(8, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        frequencies = torch.fft.rfft2(x, norm="ortho")
        parts = self.mix(torch.cat([frequencies.real, frequencies.imag], 1))
        back = torch.fft.irfft2(torch.complex(parts[:, :4], parts[:, 4:]), s=x.shape[-2:], norm="ortho")
        return self.local(x) + back


class HighResolution(nn.Module):
    """Two resolutions that exchange their maps."""

    def __init__(self) -> None:
        super().__init__()
        self.high, self.low, self.down, self.up = conv(), conv(s=2), conv(s=2), conv(k=1)

    def forward(self, x: Tensor) -> Tensor:
        high, low = self.high(x), self.low(x)
        high, low = high + F.interpolate(self.up(low), high.shape[2:], mode="bilinear"), low + self.down(high)
        return torch.cat([high, F.interpolate(low, high.shape[2:], mode="bicubic", align_corners=True)], 1)


class WeightStandardised(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return self._conv_forward(x, weight / (weight.flatten(1).std(1).view(-1, 1, 1, 1) + 1e-5), self.bias)


class TemporalStack(nn.Module):
    """A line convolved causally with growing dilation, the surplus at the end chomped off; last position kept."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(nn.Conv1d(4, 4, 3, padding=2 * 2**i, dilation=2**i)) for i in range(3)
        )
        self.out = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            y = layer(x)
            x = F.relu(x + F.dropout(y[:, :, : x.shape[2]].contiguous(), 0.2, self.training))
        return self.out(x[:, :, -7:])


BLOCKS: dict[str, Callable[[], nn.Module]] = {
    "Res2Net": Res2Net,
    "Ghost": Ghost,
    "channel and spatial attention": AttentionModule,
    "gate by a convolution across channels": ChannelConvolutionGate,
    "coordinate attention": CoordinateAttention,
    "non-local": NonLocal,
    "criss-cross attention": CrissCross,
    "involution": Involution,
    "blurred pooling": BlurPool,
    "pyramid pooling": PyramidPooling,
    "feature pyramid": FeaturePyramid,
    "hourglass": Hourglass,
    "attention gated skip": AttentionGatedSkip,
    "mixer": Mixer,
    "spatial reduction attention": SpatialReductionAttention,
    "focus": Focus,
    "masked convolution": MaskedConvolution,
    "shifted channels": ShiftedChannels,
    "two resolutions": HighResolution,
    "standardised weights": lambda: WeightStandardised(4, 4, (3, 5), 2, 1),
}


FOLDED = {"1.unfold"}  # both axes move along two dimensions of its output


@pytest.mark.parametrize("name", BLOCKS)
def test_every_layer_sees_what_is_measured(name: str) -> None:
    report, truth = trace_and_probe(nn.Sequential(conv(s=1), BLOCKS[name](), nn.Identity()), (4, 13, 11))
    assert_known(report)
    labels = [label for label in truth if label != OUTPUT and label not in FOLDED]
    assert_exact({label: report[label] for label in labels}, truth)


def test_a_causal_line_sees_what_is_measured() -> None:
    report, truth = trace_and_probe(TemporalStack(), (4, 31))
    assert_known(report)
    assert_exact({"out": report["out"]}, truth)


def test_a_fourier_branch_is_measured_or_unknown() -> None:
    report, truth = trace_and_probe(nn.Sequential(Fourier(), nn.Identity()), (4, 13, 11))
    if report["1"].unknown is None:
        assert_exact({"1": report["1"]}, truth)
