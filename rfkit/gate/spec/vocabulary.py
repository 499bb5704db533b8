"""The words a spec may use: parts, codes of rules, and the names of layers and operators that a typing error may be near."""

from __future__ import annotations

import re
from difflib import get_close_matches

from rfkit.gate.catalogue import CATALOGUE
from rfkit.gate.checks.parts import PARTS
from rfkit.gate.checks.structure import ALIASES

_LAYERS = """
AlphaDropout Bilinear CELU ChannelShuffle CosineSimilarity CrossMapLRN2d Dropout ELU Embedding EmbeddingBag
FeatureAlphaDropout Flatten Fold FractionalMaxPool2d FractionalMaxPool3d GELU GLU GRU GRUCell GroupNorm Hardshrink
Hardsigmoid Hardswish Hardtanh Identity LSTM LSTMCell LayerNorm LazyLinear LeakyReLU Linear LocalResponseNorm
LogSigmoid LogSoftmax Mish ModuleDict ModuleList MultiheadAttention PReLU PixelShuffle PixelUnshuffle RMSNorm RNN
RNNCell RReLU ReLU ReLU6 SELU Sequential SiLU Sigmoid Softmax Softmax2d Softmin Softplus Softshrink Softsign
SyncBatchNorm Tanh Tanhshrink Threshold Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder
TransformerEncoderLayer Unflatten Unfold Upsample UpsamplingBilinear2d UpsamplingNearest2d
"""
_LAYERS_PER_DIMENSION = """
AdaptiveAvgPool AdaptiveMaxPool AvgPool BatchNorm GroupNorm LayerNorm CircularPad ConstantPad Conv ConvTranspose
Dropout InstanceNorm LPPool LazyBatchNorm LazyConv LazyConvTranspose LazyInstanceNorm MaxPool MaxUnpool ReflectionPad
ReplicationPad ZeroPad
"""
LAYERS = (
    *_LAYERS.split(),
    *(f"{kind}{dimensions}d" for kind in _LAYERS_PER_DIMENSION.split() for dimensions in (1, 2, 3)),
)
"""Layers of ``torch.nn``, but for losses."""

_OPERATORS = """
adaptive_avg_pool adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool adaptive_max_pool1d
adaptive_max_pool2d adaptive_max_pool3d add addmm amax argmax attention avg_pool avg_pool1d avg_pool2d avg_pool3d
batch_norm bmm cat chunk clamp conv conv1d conv2d conv3d conv_transpose conv_transpose1d conv_transpose2d
conv_transpose3d cumsum div dropout einsum elu embedding exp flatten flip fold gelu group_norm hardsigmoid hardswish
instance_norm interpolate layer_norm leaky_relu linear log log_softmax matmul max max_pool max_pool1d max_pool2d
max_pool3d mean mul multi_head_attention norm pad permute pixel_shuffle pixel_unshuffle pow prelu relu relu6 reshape
rms_norm roll scaled_dot_product_attention sigmoid silu slice softmax softplus split sqrt stack sub sum tanh transpose
unfold upsample upsample_bicubic2d upsample_bilinear2d upsample_nearest2d var view
"""
OPERATORS = tuple(_OPERATORS.split())
"""Names of operators that a typing error may be near; others are taken as they are."""

_NEAR = 0.87


def part_names() -> list[str]:
    """What ``require`` can ask for."""
    return sorted(PARTS)


def known_codes() -> list[str]:
    """The codes of all rules."""
    return sorted(CATALOGUE)


def alias(name: str) -> str:
    """The part that a common other name stands for; any other name as it is."""
    plain = name.lower().replace("-", "_")
    return ALIASES.get(plain, plain if plain in PARTS else name)


def nearly(name: str) -> str | None:
    """The known part, operator or layer that a name is nearly, but not quite; None for a known name and any other."""
    known = [*ALIASES, *part_names(), *OPERATORS, *LAYERS]
    plain = {_plain(word) for word in known}
    if "*" in name or "?" in name or _plain(name) in plain:
        return None
    near = get_close_matches(_plain(name), plain, 1, _NEAR)
    return next(iter(get_close_matches(name, [word for word in known if _plain(word) in near], 1, 0)), None)


def _plain(name: str) -> str:
    """A name without its case, its underscores and its number of dimensions."""
    return re.sub(r"[123]d$", "", re.sub("[_-]", "", name.lower()))
