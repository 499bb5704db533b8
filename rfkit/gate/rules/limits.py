"""RF1xx: numbers that must stay within a limit."""

from __future__ import annotations

_DISTILL = (
    "Araujo, Norris, Sim: Computing Receptive Fields of Convolutional Neural Networks, Distill 2019, "
    "doi 10.23915/distill.00021"
)
_GROWTH = (
    "A convolution or pooling with kernel k and dilation d adds (k-1)*d*j, where j is the jump: the product of all strides "
    "before it."
)

RULES: dict[str, tuple[str, str, str, str, str, str, str]] = {
    "RF101": (
        "receptive-field-too-small",
        "the network's output sees less of the input than asked for",
        'receptive_field = "> 44"',
        "The receptive field of the network's output, in input pixels, over its longest path and not clipped at the image's "
        "border. Pooling before the output counts. With a layer pattern: that of each layer.",
        "An output cannot depend on what lies outside its receptive field: objects that are larger are judged by their parts.",
        f"{_GROWTH} Add a convolution where the jump is large, dilate one there, or stride earlier.",
        _DISTILL,
    ),
    "RF102": (
        "receptive-field-too-large",
        "the network's output sees more of the input than asked for",
        'receptive_field = "45..64"',
        "The same number as RF101, above its upper limit.",
        "Layers that see far more than the image add weights and time, and hardly any context; a tile must be at least "
        "as large as the field if results are not to depend on where it is cut.",
        "Leave out convolutions behind the last stride, take dilations back, or stride later.",
        _DISTILL,
    ),
    "RF103": (
        "features-see-too-little",
        "the last feature map sees less of the input than asked for",
        'receptive_field_features = ">= 32"',
        "The receptive field of the last feature map: what is pooled or flattened away at the end. The final pooling does "
        "not count.",
        "Global pooling makes any network's field large. Whether single features can tell objects apart is decided before it.",
        f"{_GROWTH} Add a convolution where the jump is large, dilate one there, or stride earlier.",
        _DISTILL,
    ),
    "RF104": (
        "features-see-too-much",
        "the last feature map sees more of the input than asked for",
        'receptive_field_features = "<= 64"',
        "The same number as RF103, above its upper limit.",
        "Features that see far more than the image are computed by layers that add no context.",
        "Leave out convolutions behind the last stride, take dilations back, or stride later.",
        "Richter, Schoening, Wiedenroth, Krumnack: Should You Go Deeper?, ICMLA 2021, arXiv 2106.12307",
    ),
    "RF105": (
        "jump-out-of-range",
        "the distance between neighbouring units is out of its limit",
        'jump = "<= 8"',
        "The distance in input pixels between neighbouring units of the last feature map (its effective stride). With a layer "
        "pattern: that of each layer.",
        "A large jump makes every later layer wide and cheap, and small objects fall between the units.",
        "Take a stride away, or put it later, to lower the jump; dilate instead to keep the field. Add a stride to raise it.",
        _DISTILL,
    ),
    "RF106": (
        "coverage-out-of-range",
        "the share of the image that the output sees is out of its limit",
        'coverage = ">= 0.9"',
        "The share of the input's area inside the largest field of a single unit of the output, clipped at the border.",
        "A field of the size of the image only covers it if it is centred; units at the border see less.",
        "Widen the field (see RF101), or pool over all positions before the output.",
        _DISTILL,
    ),
    "RF107": (
        "wrong-output-shape",
        "the output does not have the shape asked for",
        "output_shape = [1, 10]",
        "The shape of the network's first output, the batch included.",
        "A pooling that does not cover its map leaves positions over, and a view(-1, classes) behind it turns them into "
        "extra images without an error.",
        "Pool with nn.AdaptiveAvgPool2d(1), flatten with flatten(1), and give the last layer as many outputs as classes.",
        "https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html",
    ),
    "RF108": (
        "hole-too-large",
        "the last feature map skips more neighbouring positions than allowed",
        'max_hole = "<= 1"',
        "The longest run of positions, along each axis of the input, that the centre unit of the last feature map does not reach "
        "between the first and the last that it does: the exact set, on this image. With a layer pattern: that of each layer.",
        "Dilations with a common factor, and strides wider than kernels, split the image into grids that never meet: neighbouring "
        "units answer from different pixels, and what lies in a hole is not seen at all.",
        "The message names the layer at which the hole grows past the limit. Take rates that fill each other's holes, such as "
        "1, 2, 5, or put an undilated convolution behind. rfkit report --holes shows the holes of every layer.",
        "Wang et al.: Understanding Convolution for Semantic Segmentation, WACV 2018, arXiv 1702.08502, section 3.2",
    ),
    "RF110": (
        "parameters-out-of-range",
        "the number of parameters is out of its limit",
        'params = "< 200k"',
        "The number of parameters, shared ones once, frozen ones too, buffers not. With a layer pattern: those of each layer.",
        "Parameters must be stored, sent and trained.",
        "A depthwise separable convolution has k*k*c + c*d weights where a standard one has k*k*c*d. Narrow the widest "
        "layers: a convolution's weights grow with the product of its channels.",
        "Howard et al.: MobileNets, arXiv 1704.04861, section 3.1",
    ),
    "RF111": (
        "macs-out-of-range",
        "the number of multiply-accumulates is out of its limit",
        'macs = "< 60M"',
        "Multiply-accumulates of one forward of one image: convolutions, matrix products and attention; a multiply-accumulate "
        "counts once.",
        "They decide how long a forward takes where memory does not.",
        "A convolution's cost is its weights times its positions: stride earlier, narrow the layers on large maps, or make them "
        "depthwise separable.",
        "Howard et al.: MobileNets, arXiv 1704.04861, section 3.1",
    ),
    "RF112": (
        "activation-memory-out-of-range",
        "the memory that activations take is out of its limit",
        'activation_memory = "< 2 MiB"',
        "Bytes of all tensors that one forward of one image allocates and that depend on the input: what training keeps.",
        "In training, activations and not weights decide how large a batch fits.",
        "Stride earlier, narrow the layers on large maps, use inplace=True for activations.",
        "https://pytorch.org/docs/stable/checkpoint.html",
    ),
}
