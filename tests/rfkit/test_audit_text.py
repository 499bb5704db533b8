"""What an audit looks like in a terminal and as JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil, floor
from pathlib import Path

import pytest

import rfkit
from rfkit.auditing import Audit, Verdict, audit, audit_claim, read_table
from rfkit.auditing.as_dict import to_dict, to_json
from rfkit.auditing.jump_mistakes import JUMPS
from rfkit.auditing.size_mistakes import SIZES
from rfkit.auditing.text import render
from rfkit.auditing.unit_mistakes import UNITS
from rfkit.report import Report
from tests.rfkit.hand_tables import BRANCHES, PRIMES, SLIPS, Line, hand_table, primes
from trainer.models.documents import FourBlockNet, TwoBranchNet

Golden = Callable[[str, str], None]
TABLES = Path(__file__).resolve().parents[1] / "assets" / "audit"


@pytest.fixture(scope="module")
def first() -> Report:
    return rfkit.trace(TwoBranchNet(), (1, 3, 32, 32), target="net.py:TwoBranchNet")


@pytest.fixture(scope="module")
def wrong() -> Audit:
    report = rfkit.trace(FourBlockNet(), (1, 3, 32, 32), target="net.py:FourBlockNet")
    return audit(report, read_table(TABLES / "four_block.csv"))


@pytest.fixture(scope="module")
def right(first: Report) -> Audit:
    return audit(first, read_table(TABLES / "two_branch.md"))


@pytest.fixture(scope="module")
def chained(first: Report) -> Audit:
    """Both branches in one table, the second counted on from the first; the dilation or the jump left out of three rows."""
    lines = hand_table(first, BRANCHES["Block1"][:4], {1: SLIPS["dilation_left_out"][1]})
    r = lines[-1].r_out
    for label, n in (("conv3.0", 16), ("conv3.4", 14)):
        lines.append(Line(label, n, r, 2, 1, 1, 3, 2, r + 4, n - 2, 2))
        r += 4
    return audit(first, [line.mapping() for line in lines])


@pytest.fixture(scope="module")
def other_version() -> Audit:
    report = rfkit.trace(primes(), (1, 3, 181, 181), target="net.py:Primes")
    lines = hand_table(report, PRIMES)
    extra = [Line(f"extra{i}", 7, 1, 1, 5, 0, 11, 1, 99, 5, 5) for i in range(4)]
    return audit(report, [line.mapping() for line in [*lines[:3], *extra, *lines[3:]]])


AUDITS = ("wrong", "right", "chained", "other_version")


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", AUDITS)
def test_the_text_of_an_audit(name: str, columns: int, request: pytest.FixtureRequest, golden: Golden) -> None:
    golden(f"audit_{name}_{columns}.txt", render(request.getfixturevalue(name), columns))


def test_the_text_of_a_claim(first: Report, golden: Golden) -> None:
    golden("audit_claim_80.txt", render(audit_claim(first, 47, more_than=44), 80))


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("name", AUDITS)
def test_no_line_is_wider_than_the_terminal(name: str, columns: int, request: pytest.FixtureRequest) -> None:
    lines = render(request.getfixturevalue(name), columns).splitlines()
    assert max(map(len, lines)) <= columns
    assert [line for line in lines if line != line.rstrip()] == []


def test_wrong_and_inherited_numbers_stand_before_the_right_ones(wrong: Audit) -> None:
    line = next(line for line in render(wrong, 120).splitlines() if "block2.6" in line)
    assert "37 ✗ 31" in line
    assert "21 ↑ 23" in line


def test_colour_changes_nothing_but_colour(wrong: Audit) -> None:
    colored = render(wrong, 100, color=True)
    assert "\x1b[31m" in colored
    assert re.sub(r"\x1b\[\d+m", "", colored) == render(wrong, 100)


def test_an_audit_prints_itself(wrong: Audit) -> None:
    assert "block1.3" in str(wrong)


def test_columns_that_are_right_throughout_go_first_where_room_is_short(wrong: Audit) -> None:
    text = render(wrong, 80)
    assert "right throughout" in text
    assert "r_out" in text.splitlines()[2]


def test_the_sentence_praises_what_is_right(right: Audit, wrong: Audit) -> None:
    assert right.verdict == (
        "Everything is right: all 144 numbers of the 18 rows agree with the network; "
        "the network sees 55, 39 before pooling."
    )
    assert wrong.verdict.startswith("All output sizes and jumps are right, but at block1.3 the dilation is left out")


def test_json_holds_every_row_every_check_and_every_diagnosis(wrong: Audit) -> None:
    data = json.loads(to_json(wrong))
    assert data == to_dict(wrong)
    assert data["schema"] == "rfkit.audit/1"
    assert data["exit_status"] == 1
    assert len(data["rows"]) == 14
    verdicts = {check["verdict"] for row in data["rows"] for check in row["checks"]}
    assert verdicts == {verdict.value for verdict in (Verdict.RIGHT, Verdict.WRONG, Verdict.INHERITED)}
    (slip,) = [
        check for row in data["rows"] if row["layer"] == "block1.3" for check in row["checks"] if check["diagnoses"]
    ]
    assert slip == {
        "quantity": "r_out",
        "stated": [5],
        "right": [7],
        "verdict": "wrong",
        "diagnoses": [
            {"mistakes": ["dilation_left_out"], "working": "3 + (3-1)*1", "remark": "the dilation 2 left out"}
        ],
        "correction": "3 + (3-1)*2*1 = 7",
    }


def test_auditing_a_saved_report_never_imports_torch(first: Report, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps(first.to_dict()))
    program = (
        "import json, sys; from rfkit.report import Report; from rfkit.auditing import audit, read_table, text\n"
        f"report = Report.from_dict(json.load(open({str(tmp_path / 'report.json')!r})))\n"
        f"found = audit(report, read_table({str(TABLES / 'two_branch.md')!r}))\n"
        "assert text.render(found, 80) and found.exit_status == 0\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# -- the page about it -------------------------------------------------------------------------------------------------

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")


def cells_under(heading: str) -> list[list[str]]:
    """Rows of the table under a heading of docs/audit.md, without its two head lines."""
    part = re.split(r"\n#+ ", PAGE.split(f" {heading}\n")[1])[0]
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(
    ("heading", "registry"),
    [("Mistakes about sizes", SIZES), ("Mistakes about jumps", JUMPS), ("Mistakes about numbers of units", UNITS)],
)
def test_every_mistake_is_documented_with_an_example_that_is_true(heading: str, registry: Mapping[str, object]) -> None:
    rows = cells_under(heading)
    assert [row[0].strip("`") for row in rows] == list(registry)
    names = {"floor": floor, "ceil": ceil, "F": Fraction}

    def worth(words: str) -> Fraction:
        return Fraction(eval(re.sub(r"\d+", r"F(\g<0>)", words), names))

    for _, _, example, right in rows:
        value, _, working = example.strip("`").partition(" = ")
        arithmetic, _, result = right.strip("`").rpartition(" = ")
        assert worth(value) == worth(working), example
        assert worth(result) == worth(arithmetic), right
        assert worth(value) != worth(result)


@pytest.mark.parametrize(
    ("heading", "pick"),
    [
        ("Keys of the audit", lambda data: data),
        ("Keys of a row", lambda data: data["rows"][0]),
        ("Keys of a check", lambda data: data["rows"][0]["checks"][0]),
        ("Keys of a claim", lambda data: data["claims"][0]),
        ("Keys of a mistake", lambda data: data["mistakes"][0]),
    ],
)
def test_every_key_of_the_json_is_documented(wrong: Audit, heading: str, pick: Callable[[dict], dict]) -> None:
    assert [row[0].strip("`") for row in cells_under(heading)] == list(pick(to_dict(wrong)))
