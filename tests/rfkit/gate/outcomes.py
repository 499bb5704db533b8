"""Outcomes made by hand, for tests of whatever reads one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from rfkit.gate.findings import Finding, Outcome, Severity, Status, Verdict
from rfkit.gate.formats.options import Options
from tests.rfkit import reports

FIXED = Options(
    versions={"rfkit": "1.2.3", "python": "3.11.7", "torch": "2.6.0"}, now=datetime(2026, 1, 31, tzinfo=UTC)
)
"""Options under which a form depends on nothing but the outcome."""

HELD, BROKEN, UNDECIDED = Status.HELD, Status.BROKEN, Status.UNDECIDED
ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


def held(code: str, rule: str, message: str = "", **more: object) -> Finding:
    return Finding(code, HELD, ERROR, rule, message or f"{rule} holds", **more)


RULES = (
    held("RF101", "receptive_field > 44", "receptive field 55 is > 44", value=55, limit="> 44", key="models.net.receptive_field"),
    held("RF110", "params < 200k", "145,114 parameters are < 200k", value=145_114, limit="< 200k", key="models.net.params"),
    held("RF201", "require dilated"),
    held("RF201", "require depthwise_separable"),
    held("RF202", "forbid max_pool"),
)  # fmt: skip

TOO_SMALL = Finding(
    "RF101", BROKEN, ERROR, "receptive_field > 44", "receptive field 41 is not > 44 (4 short)", value=41, limit="> 44",
    gap=4, layer="conv4.0", place="net.py:31", key="models.net.receptive_field",
    help=(
        "the jump is 4 here: each further 3x3 convolution adds 8, so one is enough",
        "a dilation of 2 in conv4.0 adds 8 too, and costs no parameter",
    ),
    note="The course's limit; see section 2 of the assignment",
)  # fmt: skip
TOO_MANY = Finding(
    "RF110", BROKEN, ERROR, "params < 200k", "214,090 parameters are not < 200,000 (14,091 too many)", value=214_090,
    limit="< 200k", gap=14_091, layer="conv3.8", place="net.py:27", key="models.net.params",
    help=("conv3.8 holds 73,856 of them: made depthwise separable it would hold 8,768",),
)  # fmt: skip
NOT_EXACT = Finding(
    "RF105", UNDECIDED, ERROR, "jump <= 8",
    "jump is not known behind neck.mystery: mylib.mystery has no rule", limit="<= 8", layer="neck.mystery",
    place="net.py:58", key="models.net.jump", help=("teach rfkit the operator with rfkit.rule",),
)  # fmt: skip
WASTED = Finding(
    "RF301", BROKEN, WARNING, "no_unproductive_layers",
    "conv5.4 is unproductive: its input already sees 47 of 32 pixels", layer="conv5.4", place="net.py:40",
    key="models.net.no_unproductive_layers",
)  # fmt: skip
UNEVEN = Finding(
    "RF302", BROKEN, INFO, "aligned", "paths that meet in add disagree by half a pixel", value=0.5, gap=0.5, layer="add",
    place="net.py:71", key="models.net.aligned",
)  # fmt: skip
EXCUSED = Finding(
    "RF202", BROKEN, ERROR, "forbid max_pool", "max_pool2d is used in stem.pool", layer="stem.pool", place="net.py:12",
    key="models.net.forbid", excepted="pretrained stem, kept until the summer",
)  # fmt: skip


def passing(model: str = "net", target: str = "net.py:Net", **more: object) -> Verdict:
    return Verdict(model, target, replace(reports.two_branch(), place="net.py:9"), RULES, seconds=0.0214, **more)


def failing(model: str = "net") -> Verdict:
    findings = (TOO_SMALL, NOT_EXACT, TOO_MANY, *RULES[2:4], EXCUSED, WASTED, UNEVEN)
    report = replace(reports.two_branch(), place="net.py:9")
    totals = replace(
        report.totals, receptive_field=(41, 41), receptive_field_min=(33, 33), receptive_field_features=(25, 25),
        params=214_090, trainable_params=214_090,
    )  # fmt: skip
    return Verdict(
        model, "net.py:Net", replace(report, totals=totals), findings, stubs=("torchsummary", "tqdm"), seconds=1.5
    )


def refused(model: str = "wide", target: str = "models/wide.py:Wide") -> Verdict:
    return Verdict(model, target, None, error=f"{target}: the constructor wants num_classes; give --arg num_classes=10")


ODD = (
    "a|b `c` <d> & \"e\" 'f' \\ *g* _h_ [i](j) ]]> {0} %25 %, ::error:: ##[error] @team $x$ ~k~ #1 "
    "\x1b[31mred\x07 é 网络 🙂\nnext\tline\r\u2028end \u202eback \ud800 \ufffe"
)
"""Everything that some form gives a meaning to, in one text."""


def odd() -> Verdict:
    """A network of which every text is odd; one place is missing."""
    finding = Finding(
        "RF201", BROKEN, ERROR, f"require {ODD}", f"there is no {ODD}", value=ODD, limit=ODD, layer=f"layer {ODD}",
        help=(ODD, f"or {ODD}"), note=f"note {ODD}", key=f"models.{ODD}",
    )  # fmt: skip
    per_axis = replace(TOO_SMALL, value="41x55", gap=None, place="dir,with:odd%/näme 网.py:7", note=None, help=())
    excepted = replace(EXCUSED, excepted=ODD, layer=ODD)
    report = replace(reports.video(), place=None)
    return Verdict(f"odd {ODD}", f"sub dir/{ODD}.py:Net", report, (finding, per_axis, per_axis, excepted), stubs=(ODD,))


def unsure() -> Verdict:
    """A network of a package, with nothing broken and one rule undecided."""
    report = reports.wavenet()
    totals = replace(report.totals, receptive_field=(None,), receptive_field_features=(None,))
    undecided = replace(NOT_EXACT, place=None, layer=None)
    return Verdict("wave", "nets.wave:WaveNet", replace(report, totals=totals), (RULES[1], undecided), seconds=0.5)


def mixed() -> Outcome:
    """Everything at once."""
    return Outcome(
        (passing(), failing("small"), refused(), unsure(), odd()),
        "rfkit.toml", ("rfkit-baseline.json: params of net fell from 150,000 to 145,114; tightened",),
    )  # fmt: skip


def one_passing() -> Outcome:
    return Outcome((passing(),), "rfkit.toml")


def one_failing() -> Outcome:
    return Outcome((failing(),), "rfkit.toml")


def few() -> Outcome:
    """Three networks: one passes, one fails, one cannot be run."""
    return Outcome((passing(), failing("small"), refused()), "rfkit.toml")


def one_refused() -> Outcome:
    return Outcome((refused(),))


def nothing() -> Outcome:
    return Outcome(())


def many(count: int = 60) -> Outcome:
    """A course's submissions: every third fails, every seventh cannot be run."""
    verdicts = []
    for i in range(count):
        model = f"submissions/student_{i:03}/model.py:Net"
        verdict = refused(model, model) if i % 7 == 6 else failing(model) if i % 3 == 2 else passing(model, model)
        verdicts.append(replace(verdict, target=model))
    return Outcome(tuple(verdicts), "rfkit.toml")


def documented() -> Outcome:
    """The example of the documentation: a network that passes, one that fails, one that cannot be run."""
    small = replace(failing("small"), target="net.py:Small", findings=(TOO_SMALL, NOT_EXACT, RULES[2]), stubs=("tqdm",))
    return Outcome((passing(), small, refused()), "rfkit.toml")


ALL = (one_passing, one_failing, one_refused, few, mixed, many, nothing, documented)
