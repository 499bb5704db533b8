"""Every quick kernel answers exactly as PyTorch's own meta kernel does, or not at all."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from rfkit.tracing.shortcuts import SHORTCUTS

aten = torch.ops.aten
META = torch.device("meta")


def looks(result: Any) -> list[tuple[torch.Size, tuple[int, ...], torch.dtype]]:
    """Shape, strides and type of every result that has elements."""
    tensors = result if isinstance(result, (tuple, list)) else (result,)
    return [(t.shape, strides(t), t.dtype) for t in tensors if isinstance(t, Tensor) and t.numel()]


def strides(t: Tensor) -> tuple[int, ...]:
    """Strides, of dimensions of size 1 none: no element is reached by them."""
    return tuple(s if n > 1 else 0 for s, n in zip(t.stride(), t.shape, strict=True))


class Comparing(TorchDispatchMode):
    """Runs both kernels and compares what they return."""

    def __init__(self) -> None:
        super().__init__()
        self.answered: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        quick = SHORTCUTS[func](*args, **kwargs) if func in SHORTCUTS else NotImplemented
        result = func(*args, **kwargs)
        if quick is not NotImplemented:
            self.answered[str(func)] += 1
            n = 1 if func is aten.native_batch_norm.default else None  # its saved statistics: see the module
            assert looks(quick)[:n] == looks(result)[:n], f"{func}: {looks(quick)}, PyTorch {looks(result)}"
        return result


NETWORKS = [
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "mobilenet_v3_small",
    "resnet18",
    "shufflenet_v2_x0_5",
    "swin_t",
    "vit_b_32",
]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("name", NETWORKS)
def test_on_every_operator_of_a_network(name: str, dtype: torch.dtype, memory_format: torch.memory_format) -> None:
    options = {"init_weights": False} if name == "googlenet" else {}
    with META:
        net = torchvision.models.get_model(name, weights=None, **options).eval().to(dtype)
    x = torch.empty(2, 3, 224, 224, dtype=dtype, device=META).to(memory_format=memory_format)
    with torch.no_grad(), Comparing() as compared:
        net(x)
    assert compared.answered


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=META)


PLAIN = {
    "scalar": (aten.mul.Tensor, (meta(2, 5, 7), 0.5)),
    "broadcast inner": (aten.add.Tensor, (meta(2, 5, 7), meta(7))),
    "broadcast middle": (aten.mul.Tensor, (meta(2, 5, 7, 3), meta(5, 1, 1))),
    "small first": (aten.mul.Tensor, (meta(5, 1, 1), meta(2, 5, 7, 3))),
    "conv 1d": (aten.convolution.default, (meta(2, 4, 31), meta(6, 2, 3), None, [2], [1], [2], False, [0], 2)),
    "conv 3d": (
        aten.convolution.default,
        (meta(1, 3, 9, 11, 13), meta(4, 3, 1, 3, 2), meta(4), [1, 2, 3], [0, 1, 1], [1, 1, 2], False, [0, 0, 0], 1),
    ),
    "transposed conv": (
        aten.convolution.default,
        (meta(2, 4, 7, 5), meta(4, 3, 3, 2), meta(6), [2, 3], [1, 0], [1, 2], True, [1, 0], 2),
    ),
    "group norm": (aten.native_group_norm.default, (meta(2, 6, 7, 5), meta(6), meta(6), 2, 6, 35, 3, 1e-5)),
    "pad": (aten.constant_pad_nd.default, (meta(2, 6, 7, 5), [1, 2, -1, 0], 0.0)),
    "nearest": (aten.upsample_nearest2d.default, (meta(2, 6, 7, 5), [14, 10], 2.0, 2.0)),
    "bilinear": (aten.upsample_bilinear2d.default, (meta(2, 6, 7, 5), [13, 11], False)),
    "sum": (aten.sum.dim_IntList, (meta(2, 6, 7, 5), [2, 3])),
    "largest": (aten.amax.default, (meta(2, 6, 7, 5), [2, 3], True)),
    "leaky": (aten.leaky_relu.default, (meta(2, 6), 0.2)),
    "batched product": (aten.bmm.default, (meta(3, 5, 7), meta(3, 7, 2))),
    "product with a transposed": (aten.mm.default, (meta(5, 7), meta(2, 7).t())),
    "affine": (aten.addmm.default, (meta(2), meta(5, 7), meta(7, 2))),
    "mean over space": (aten.mean.dim, (meta(2, 5, 7, 3), [-1, 2], True)),
    "mean that drops": (aten.mean.dim, (meta(2, 5, 7, 3), [1])),
    "softmax": (aten._softmax.default, (meta(2, 5, 7), -1, False)),
    "layer norm": (aten.native_layer_norm.default, (meta(2, 5, 7, 3), [7, 3], None, None, 1e-5)),
    "layer norm of a permuted": (
        aten.native_layer_norm.default,
        (meta(2, 5, 7, 3).permute(0, 2, 3, 1), [5], meta(5), meta(5), 1e-5),
    ),
    "cat": (aten.cat.default, ([meta(2, 5, 7), meta(2, 1, 7), meta(2, 3, 7)], 1)),
    "average pool": (aten.avg_pool2d.default, (meta(2, 3, 11, 13), [3, 2], [2, 1], [1, 0])),
    "max pool": (aten.max_pool2d_with_indices.default, (meta(2, 3, 11, 13), [3, 3], [2, 2], [1, 1], [2, 1])),
    "adaptive pool": (aten._adaptive_avg_pool2d.default, (meta(2, 3, 11, 13), [3, 4])),
    "contiguous copy": (aten.clone.default, (meta(2, 5, 7).permute(2, 0, 1),)),
}


@pytest.mark.parametrize("case", PLAIN)
def test_on_plain_arguments(case: str) -> None:
    op, args = PLAIN[case]
    kwargs = {"memory_format": torch.contiguous_format} if case == "contiguous copy" else {}
    quick = SHORTCUTS[op](*args, **kwargs)
    assert quick is not NotImplemented
    assert looks(quick) == looks(op(*args, **kwargs))


MISFITS = {
    "channels": (
        aten.convolution.default,
        (meta(1, 4, 8, 8), meta(6, 3, 3, 3), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1),
    ),
    "kernel": (
        aten.convolution.default,
        (meta(1, 3, 2, 8), meta(6, 3, 3, 3), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1),
    ),
    "transposed channels": (
        aten.convolution.default,
        (meta(1, 4, 8, 8), meta(3, 6, 3, 3), None, [1, 1], [0, 0], [1, 1], True, [0, 0], 1),
    ),
    "group": (aten.native_group_norm.default, (meta(2, 6, 7, 5), None, None, 2, 6, 35, 4, 1e-5)),
    "crop": (aten.constant_pad_nd.default, (meta(2, 6, 7, 5), [-3, -2], 0.0)),
    "affine": (aten.addmm.default, (meta(2), meta(5, 6), meta(7, 2))),
    "product": (aten.bmm.default, (meta(3, 5, 7), meta(4, 7, 2))),
    "sum": (aten.add.Tensor, (meta(2, 5), meta(2, 4))),
    "in place": (aten.add_.Tensor, (meta(2, 1), meta(2, 4))),
    "cat": (aten.cat.default, ([meta(2, 5, 7), meta(2, 5, 6)], 1)),
    "norm": (aten.native_layer_norm.default, (meta(2, 5, 7), [6], None, None, 1e-5)),
    "statistics": (
        aten.native_batch_norm.default,
        (meta(2, 5, 7), meta(4), meta(4), meta(5), meta(5), False, 0.1, 1e-5),
    ),
    "types": (aten.mm.default, (meta(5, 7), meta(7, 2, dtype=torch.float16))),
}


@pytest.mark.parametrize("case", MISFITS)
def test_what_does_not_fit_is_left_to_pytorch(case: str) -> None:
    op, args = MISFITS[case]
    assert SHORTCUTS[op](*args) is NotImplemented


def test_training_statistics_are_left_to_pytorch() -> None:
    x = meta(2, 5, 7)
    assert SHORTCUTS[aten.native_batch_norm.default](x, None, None, None, None, True, 0.1, 1e-5) is NotImplemented


def test_a_network_whose_view_needs_contiguous_memory_fails_as_it_does_without_rfkit() -> None:
    class Flattening(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.permute(0, 2, 3, 1).relu().view(-1)

    import rfkit

    with pytest.raises(RuntimeError, match="view size is not compatible"):
        Flattening()(torch.randn(1, 3, 8, 8))
    with pytest.raises(rfkit.InputError, match="view size is not compatible"):
        rfkit.trace(Flattening(), (1, 3, 8, 8))
