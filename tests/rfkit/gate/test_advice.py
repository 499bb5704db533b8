"""Advice is kept: what a sentence promises comes out when the network is changed as it says and measured again."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib import util
from pathlib import Path

import pytest
from torch import Tensor, nn
from torch.nn import functional

from rfkit.gate.findings import Finding, Status
from rfkit.report import Report, Totals
from tests.rfkit.gate.asking import chain, conv, finding, report_of
from trainer.models.documents import FourBlockNet, TwoBranchNet

FOLDER = Path(__file__).parents[2] / "assets" / "strangers"


def stranger(name: str, build: str = "Net") -> Callable[[], nn.Module]:
    """The constructor in a stranger's file."""
    spec = util.spec_from_file_location(f"stranger_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: Callable[[], nn.Module] = getattr(module, build)
    return made


def plain() -> nn.Module:
    """No pooling: fields 3, 7, 11 (jump 2), 19, 27 (jump 4)."""
    return chain(conv(3, 8), nn.ReLU(), conv(8, 16, stride=2), nn.ReLU(), conv(16, 16), nn.ReLU(),
                 conv(16, 16, stride=2), nn.ReLU(), conv(16, 8), nn.ReLU(), conv(8, 4))  # fmt: skip


def oblong() -> nn.Module:
    """Kernels of 3x7 and 5x3: height 3, 7, 9; width 7, 9, 13."""
    return chain(
        nn.Conv2d(3, 8, (3, 7), padding=(1, 3)),
        nn.ReLU(),
        nn.Conv2d(8, 8, (5, 3), padding=(2, 1), stride=2),
        conv(8, 8),
    )


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "two branches": TwoBranchNet,
    "four blocks": FourBlockNet,
    "plain": plain,
    "oblong": oblong,
    "basic block": stranger("basic_block", "ResNet10"),
    "skip by cat": stranger("skip_cat"),
    "skip in place": stranger("skip_in_place"),
    "gates": stranger("gates"),
    "squeeze and excitation": stranger("squeeze_excite"),
    "branches": stranger("branches"),
    "per position": stranger("channels_last_linear"),
    "two averages": stranger("two_averages"),
    "kernel of 2": stranger("one_short"),
    "shared block": stranger("shared_block"),
    "flat": stranger("flat_layers"),
}


def module_of(network: nn.Module, label: str) -> nn.Conv2d:
    module = network.get_submodule(label.partition("#")[0])
    assert isinstance(module, nn.Conv2d), label
    return module


def put(network: nn.Module, label: str, module: nn.Module) -> None:
    parent, _, name = label.partition("#")[0].rpartition(".")
    setattr(network.get_submodule(parent), name, module)


def along(values: tuple[int, ...], axis: int | None, value: int) -> tuple[int, ...]:
    """Values with that of one axis, or of all, replaced."""
    return tuple(value if axis in (None, a) else old for a, old in enumerate(values))


def field(totals: Totals, check: str, axis: int | None) -> object:
    return getattr(totals, check)[axis or 0]


# -- each kind of sentence: how it is read, how it is carried out -----------------------------------------------------


def further(network: nn.Module, found: re.Match[str], axis: int | None) -> None:
    module = module_of(network, found["label"])
    more = [nn.Conv2d(module.out_channels, module.out_channels, 3, padding=1) for _ in range(int(found["times"]))]
    put(network, found["label"], nn.Sequential(module, *more))


def dilate(network: nn.Module, found: re.Match[str], axis: int | None) -> None:
    module = module_of(network, found["label"])
    module.dilation = along(module.dilation, axis, int(found["dilation"]))
    module.padding = along(module.padding, axis, int(found["padding"]))


def stride(network: nn.Module, found: re.Match[str], axis: int | None) -> None:
    module = module_of(network, found["label"])
    module.stride = (2, 2)


def leave_out(network: nn.Module, found: re.Match[str], axis: int | None) -> None:
    module = module_of(network, found["label"])
    groups = module.groups
    put(network, found["label"], nn.Conv2d(module.in_channels, module.out_channels, 1, groups=groups))


FIELD_SENTENCES = [
    (r"at (?P<label>\S+): each further 3x3 .*; (?P<times>\d+) of them reach(es)? (?P<size>\d+)$", further),
    (
        r"^dilation (?P<dilation>\d+) .* in (?P<label>\S+), with padding (?P<padding>\d+), adds \d+: (?P<size>\d+),",
        dilate,
    ),
    (
        r"^dilation (?P<dilation>1) .* in (?P<label>\S+), with padding (?P<padding>\d+), takes .*: (?P<size>\d+)$",
        dilate,
    ),
    (r"^(?P<label>\S+) adds \d+: with a kernel of 1 .*, or without it, (?P<size>\d+) is left$", leave_out),
    (r"^stride 2 in (?P<label>\S+) doubles .* becomes (?P<size>\d+)", stride),
]


def promises(found: Finding) -> Iterator[tuple[re.Match[str], Callable[[nn.Module, re.Match[str], int | None], None]]]:
    for sentence in found.help:
        for pattern, carry_out in FIELD_SENTENCES:
            match = re.search(pattern, sentence)
            if match:
                yield match, carry_out


def worst_axis(found: Finding) -> int | None:
    return 0 if ": height " in found.message else 1 if ": width " in found.message else None


def assert_fields_are_kept(build: Callable[[], nn.Module], check: str, found: Finding) -> int:
    """Carry out every promise on a copy; how many there were."""
    kept = 0
    for match, carry_out in promises(found):
        network = copy.deepcopy(build())
        carry_out(network, match, worst_axis(found))
        before_pooling = carry_out is stride and "before the final pooling" in match.string
        asked = "receptive_field_features" if before_pooling else check
        with pytest.MonkeyPatch.context() as patch:
            if "AdaptiveAvgPool2d" in match.string:
                patch.setattr(functional, "avg_pool2d", lambda x, *_: functional.adaptive_avg_pool2d(x, 1))
            totals = report_of(network).totals
        assert field(totals, asked, worst_axis(found)) == int(match["size"]), match.string
        kept += 1
    return kept


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("check", ["receptive_field", "receptive_field_features"])
@pytest.mark.parametrize("more", [1, 17])
def test_what_widens_a_field_widens_it_by_as_much(name: str, check: str, more: int) -> None:
    build = NETWORKS[name]
    sizes = getattr(report_of(build()).totals, check)
    found = finding(build(), **{check: f"> {max(sizes) + more - 1}"})
    assert found.status is Status.BROKEN
    assert assert_fields_are_kept(build, check, found) >= 1, found.help


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("check", ["receptive_field", "receptive_field_features"])
def test_what_narrows_a_field_narrows_it_by_as_much(name: str, check: str) -> None:
    build = NETWORKS[name]
    sizes = getattr(report_of(build()).totals, check)
    found = finding(build(), **{check: f"< {min(sizes)}"})
    assert found.status is Status.BROKEN
    assert " adds most, " in found.help[0]
    assert_fields_are_kept(build, check, found)


def test_the_sentences_on_a_field_too_large_by_hand() -> None:
    """Plain: 3, 5 (s2), 9, 13 (s2), 21, 29: without the last 3x3 at jump 4 the field is 21."""
    found = finding(plain(), receptive_field="< 29")
    assert found.message == "receptive field 29 is not < 29 (1 too large)"
    assert found.help == (
        "10 adds most, 8 of the 29",
        "10 adds 8: with a kernel of 1 instead of 3x3, or without it, 21 is left",
    )
    assert assert_fields_are_kept(plain, "receptive_field", found) == 1


def test_a_branch_that_is_not_the_longest_is_never_advised() -> None:
    """Left 3x3, right 5x5: more on the left helps only beyond the right."""

    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right, self.last = conv(3, 8, 3), conv(3, 8, 5), conv(8, 8, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.left(x) + self.right(x))

    found = finding(Branches(), receptive_field="> 5")
    assert found.message == "receptive field 5 is not > 5 (1 short)"
    assert not any("left" in sentence for sentence in found.help)
    assert assert_fields_are_kept(Branches, "receptive_field", found) == 2


def test_misaligned_paths_are_promised_nothing() -> None:
    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Conv2d(3, 8, 3, padding=2), nn.Conv2d(3, 8, 1, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.left(x)[:, :, :-2, :-2] + self.right(x)[:, :, 2:, 2:]

    found = finding(Shifted(), receptive_field="> 40")
    assert not list(promises(found))


def test_strict_fields_are_promised_nothing() -> None:
    strict = report_of(stranger("squeeze_excite")(), strict=True)
    assert not list(promises(finding(strict, receptive_field="> 400")))


# -- jump, coverage, kernels ------------------------------------------------------------------------------------------


def test_the_jump_without_the_last_stride() -> None:
    found = finding(plain(), jump="<= 2")
    assert found.message == "jump 4 is not <= 2 (2 too large)"
    assert found.layer == "6"
    assert found.help == ("it is the product of the strides: 2 (2) x 2 (6)", "stride 1 in 6 makes it 2")
    network = plain()
    module_of(network, "6").stride = (1, 1)
    assert report_of(network).totals.jump_features == (2, 2)


def test_a_jump_that_is_too_small_doubles_with_a_stride() -> None:
    assert finding(plain(), jump=">= 8").help == ("a stride of 2 on the way doubles it: 8",)


def test_coverage_says_how_far_the_field_must_reach() -> None:
    found = finding(plain(), coverage=">= 0.9")
    assert found.message == "coverage 0.821 is not >= 0.9 (0.0787 short)"
    assert found.help[:2] == (
        "a unit sees 29x29 of the 32x32 image",
        "to see all of it, the field must reach 3 pixels further",
    )
    assert found.help[2].endswith("each further 3x3 convolution there, with padding 1, adds 8")


def test_a_stack_of_small_kernels_sees_what_a_large_one_sees() -> None:
    found = finding(conv(3, 8, 7), kernel_size="<= 3")
    assert found.help == ("3 convolutions with a kernel of 3 see as much as one with 7",)
    stacked = chain(conv(3, 8), conv(8, 8), conv(8, 8))
    assert report_of(stacked).totals.receptive_field == report_of(conv(3, 8, 7)).totals.receptive_field


# -- parameters, multiply-accumulates, memory -------------------------------------------------------------------------

SEPARABLE = re.compile(r"^(?P<label>\S+) \(\S+, .* made depthwise separable: .*, which saves (?P<saves>\S+)")
TOGETHER = re.compile(r"^the \d+ largest \((?P<labels>[^()]*)\) together leave (?P<left>[\d,.]+)")


def separate(network: nn.Module, label: str) -> None:
    """The convolution made depthwise separable; its bias, if it has one, moves to the pointwise half."""
    old = module_of(network, label)
    depthwise = nn.Conv2d(
        old.in_channels,
        old.in_channels,
        old.kernel_size,
        old.stride,
        old.padding,
        old.dilation,
        old.in_channels,
        bias=False,
    )
    pointwise = nn.Conv2d(old.in_channels, old.out_channels, 1, bias=old.bias is not None)
    put(network, label, nn.Sequential(depthwise, pointwise))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("check", "share"), [("params", 9), ("params", 4), ("macs", 9), ("macs", 4)])
def test_what_is_made_separable_saves_as_much(name: str, check: str, share: int) -> None:
    build = NETWORKS[name]
    total = getattr(report_of(build()).totals, check)
    limit = total * share // 10
    found = finding(build(), **{check: f"< {limit}"})
    assert found.status is Status.BROKEN
    match = next((m for s in found.help if (m := SEPARABLE.search(s))), None)
    assert match is not None
    network = copy.deepcopy(build())
    separate(network, match["label"])
    after = getattr(report_of(network).totals, check)
    assert rounds_to(total - after, match["saves"].rstrip(","))
    assert match.string.endswith(": enough") == (after < limit)
    together = next((m for s in found.help if (m := TOGETHER.search(s))), None)
    if together is not None:
        for label in together["labels"].split(", ")[1:]:
            separate(network, label)
        if match["label"] == together["labels"].split(", ")[0]:
            left = getattr(report_of(network).totals, check)
            assert together.string.endswith(": enough") == (left < limit)


def rounds_to(value: int, text: str) -> bool:
    """Whether a number, in full or with k or M, is a value as it is written."""
    unit = {"k": 10**3, "M": 10**6}.get(text[-1], 1)
    digits = text.rstrip("kM").replace(",", "")
    last = Fraction(1, 10 ** len(digits.partition(".")[2]))
    return abs(Fraction(value, unit) - Fraction(digits)) <= (last / 2 if unit > 1 else 0)


def test_the_weights_of_a_separable_convolution_by_hand() -> None:
    """3*3*16*32 = 4,608 become 3*3*16 + 16*32 = 144 + 512; the first layer holds 3*3*3*16 + 16 = 448 with its bias."""
    network = chain(conv(3, 16), conv(16, 32, bias=False))
    found = finding(network, params="< 1500")
    assert found.message == "5,056 parameters are not < 1500 (3,557 too many)"
    assert found.help == (
        "most parameters in 1 4,608 (91%), 0 448 (9%)",
        "1 (3x3, 16 to 32 channels) made depthwise separable: 4,608 weights become 144 + 512, "
        "which saves 3,952 and leaves 1,104: enough",
    )


def test_several_replacements_where_one_is_not_enough() -> None:
    network = chain(conv(16, 32, bias=False), conv(32, 32, bias=False))
    found = finding(network, (1, 16, 8, 8), params="< 3000")
    assert found.help[2] == "the 2 largest (1, 0) together leave 1,968: enough"
    for label in ("0", "1"):
        separate(network, label)
    assert report_of(network, (1, 16, 8, 8)).totals.params == 1_968


def test_where_nothing_standard_is_left_only_the_largest_are_named() -> None:
    found = finding(chain(conv(8, 8, groups=8), conv(8, 64, 1)), (1, 8, 8, 8), params="< 100")
    assert found.help == ("most parameters in 1 576 (88%), 0 80 (12%)",)


def test_activations_in_place_save_what_they_are_said_to() -> None:
    def network(inplace: bool) -> nn.Module:
        return chain(conv(3, 8), nn.BatchNorm2d(8), nn.ReLU(inplace), conv(8, 8), nn.ReLU(inplace))

    before, after = (report_of(network(inplace)) for inplace in (False, True))
    found = finding(before, activation_memory="< 0.13 MiB")
    saved = before.totals.activation_bytes - after.totals.activation_bytes
    assert saved == 2 * 4 * 8 * 32 * 32
    assert after.totals.activation_bytes == 96 * 2**10
    assert found.help[1] == (
        "inplace=True in 2 activations (2, 4), where nothing else reads what they read, saves 64 KiB and leaves 96 KiB: enough"
    )


def test_an_activation_whose_input_is_read_again_is_not_advised_in_place() -> None:
    class Forked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.act, self.wide = conv(3, 8), nn.ReLU(), conv(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            return self.act(x) + self.wide(x)

    found = finding(Forked(), activation_memory="< 1 KiB")
    assert not any("inplace" in sentence for sentence in found.help)


def test_reports_read_from_json_are_advised_alike() -> None:
    report = report_of(TwoBranchNet())
    again = Report.from_dict(report.to_dict())
    assert finding(again, receptive_field="> 60").help == finding(report, receptive_field="> 60").help
