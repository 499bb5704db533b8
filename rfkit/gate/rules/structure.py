"""RF2xx: what a network must or must not be made of."""

from __future__ import annotations

_SEPARABLE = "Chollet: Xception, CVPR 2017, arXiv 1610.02357"
_DILATED = "Yu, Koltun: Multi-Scale Context Aggregation by Dilated Convolutions, ICLR 2016, arXiv 1511.07122"
_GUIDE = "Dumoulin, Visin: A guide to convolution arithmetic for deep learning, arXiv 1603.07285"

RULES: dict[str, tuple[str, str, str, str, str, str, str]] = {
    "RF201": (
        "required-part-missing",
        "a part that the spec requires is missing, or there are too few or too many of it",
        'require = ["depthwise_separable", "dilated", "global_average_pooling"]',
        "Parts are found among the operators that ran and by their geometry, whatever the modules are called: a depthwise "
        "convolution counts as separable only if a pointwise one follows, a dilation only if the kernel is larger than 1, a "
        "pooling as global only if it averages every position on the way to the output.",
        "A part that is defined but never called, or whose geometry undoes it, is not in the network.",
        "The message names what comes nearest and why it does not count, and the code that adds the part.",
        _SEPARABLE,
    ),
    "RF202": (
        "forbidden-part-used",
        "a part that the spec forbids is used",
        'forbid = ["max_pool"]',
        "The name of a part, an operator or a module's class, in any case; * stands for anything. Functional calls count too. "
        "Modules that never run do not.",
        "A team forbids what its target hardware, its exporter or its course does not allow.",
        "Replace it: max pooling by a convolution of stride 2, for example.",
        "Springenberg et al.: Striving for Simplicity: The All Convolutional Net, arXiv 1412.6806",
    ),
    "RF203": (
        "wrong-number-of-blocks",
        "the network has too few or too many convolution blocks",
        'conv_blocks = ">= 4"',
        "Blocks are the direct children of the network that hold convolutions, the head left out; a network that wraps "
        "everything in one child is looked through. Where there are none, the stages between changes of resolution are counted.",
        "A network of blocks can be changed and compared block by block.",
        "Group the convolutions of one resolution into an nn.Sequential or a module of your own.",
        "Radosavovic et al.: Designing Network Design Spaces, CVPR 2020, arXiv 2003.13678",
    ),
    "RF204": (
        "unused-module",
        "modules are defined but never called",
        "no_unused_modules = true",
        "Modules without children that the forward neither calls nor takes a weight from.",
        "Their parameters are stored, counted and never trained, and a reader takes them for part of the network.",
        "Call them in the forward or delete them from the constructor.",
        "https://pytorch.org/docs/stable/generated/torch.nn.Module.html",
    ),
    "RF205": (
        "kernel-size-out-of-range",
        "a convolution's kernel is out of its limit",
        'kernel_size = "<= 3"',
        "The kernel of every convolution, on every axis; with a layer pattern, of the layers that match it.",
        "Two 3x3 convolutions see what one of 5x5 sees, with fewer weights and one more nonlinearity.",
        "Replace a larger kernel by several smaller ones, or by a dilated one.",
        "Simonyan, Zisserman: Very Deep Convolutional Networks, ICLR 2015, arXiv 1409.1556, section 2.3",
    ),
    "RF206": (
        "stride-out-of-range",
        "a convolution's stride is out of its limit",
        'stride = "<= 2"',
        "The stride of every convolution, on every axis; with a layer pattern, of the layers that match it.",
        "A stride larger than the kernel leaves positions unread.",
        "Spread a large stride over several layers.",
        _GUIDE,
    ),
    "RF207": (
        "dilation-out-of-range",
        "a convolution's dilation is out of its limit",
        'dilation = "<= 4"',
        "The dilation of every convolution whose kernel is larger than 1 on that axis; with a layer pattern, of those that "
        "match it.",
        "Stacked dilations with a common factor leave holes in the field (gridding).",
        "Vary the rates, e.g. 1, 2, 5, and do not dilate beyond the size of the map.",
        _DILATED,
    ),
}
