"""A right table is right in every form and under every heading that people use; what cannot be read is said in a line."""

from __future__ import annotations

import builtins
import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import rfkit
from rfkit.auditing import Verdict, audit, read_table
from rfkit.auditing.corrected import to_csv
from rfkit.errors import UsageError
from rfkit.report import Report
from tests.rfkit.hand_tables import (
    BRANCHES,
    HEADINGS,
    PRIMES,
    SLIPS,
    Line,
    assert_right,
    delimited,
    hand_table,
    markdown,
    primes,
    rows_of,
    written,
)
from trainer.models.documents import TwoBranchNet


@pytest.fixture(scope="module")
def chain() -> Report:
    return rfkit.trace(primes(), (1, 3, 181, 181))


@pytest.fixture(scope="module")
def first() -> Report:
    return rfkit.trace(TwoBranchNet(), (1, 3, 32, 32))


FORMS: dict[str, tuple[str, Callable[[list[list[str]]], bytes]]] = {
    "csv": ("t.csv", lambda rows: delimited(rows).encode()),
    "csv of Windows": ("t.csv", lambda rows: delimited(rows, end="\r\n").encode()),
    "csv with a byte order mark": ("t.csv", lambda rows: b"\xef\xbb\xbf" + delimited(rows).encode()),
    "csv in UTF-16": ("t.csv", lambda rows: delimited(rows).encode("utf-16")),
    "csv with spaces": ("t.csv", lambda rows: delimited(rows, " , ").encode()),
    "csv with quotes": ("t.csv", lambda rows: delimited([[f'"{cell}"' for cell in row] for row in rows]).encode()),
    "csv with empty lines": ("t.csv", lambda rows: delimited(rows, end="\n\n").encode()),
    "semicolons": ("t.csv", lambda rows: delimited(rows, ";").encode()),
    "tsv": ("t.tsv", lambda rows: delimited(rows, "\t").encode()),
    "tabs without saying so": ("t.txt", lambda rows: delimited(rows, "\t").encode()),
    "markdown": ("t.md", lambda rows: markdown(rows).encode()),
    "markdown without saying so": ("README", lambda rows: markdown(rows).encode()),
    "markdown without outer bars": (
        "t.md",
        lambda rows: "\n".join(line.strip("| ") for line in markdown(rows).splitlines()).encode(),
    ),
    "markdown inside text": ("t.md", lambda rows: f"# Mine\n\nA | b.\n\n{markdown(rows)}\n\nThe end.\n".encode()),
    "bold markdown": (
        "t.md",
        lambda rows: markdown([[f"**{cell}**" for cell in row] for row in rows]).encode(),
    ),
    "a title above": ("t.csv", lambda rows: (f"Receptive field calculation{',' * 10}\n" + delimited(rows)).encode()),
    "headings repeated": (
        "t.csv",
        lambda rows: (delimited(rows[:4]) + delimited([rows[0], *rows[4:]])).encode(),
    ),
    "captions between": (
        "t.csv",
        lambda rows: (delimited(rows[:4]) + f"Second part{',' * 10}\n" + delimited(rows[4:])).encode(),
    ),
    "another language's letters": ("t.csv", lambda rows: ("Größe,é\n" + delimited(rows)).encode("cp1252")),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_right_table_is_right_in_every_form(chain: Report, tmp_path: Path, form: str) -> None:
    name, make = FORMS[form]
    path = written(tmp_path / name, make([list(HEADINGS), *rows_of(hand_table(chain, PRIMES))]))
    assert_right(audit(chain, read_table(path)), len(PRIMES))


def test_xlsx_is_read_with_a_title_a_blank_row_and_merged_cells(first: Report, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Receptive field"])
    sheet.merge_cells("A1:E1")
    sheet.append([])
    sheet.append(["block", *HEADINGS])
    for block, labels in BRANCHES.items():
        start = sheet.max_row + 1
        for line in hand_table(first, labels):
            sheet.append([block, line.layer, *(float(getattr(line, name)) for name in HEADINGS[1:])])
        sheet.merge_cells(start_row=start, end_row=sheet.max_row, start_column=1, end_column=1)
    book.save(tmp_path / "t.xlsx")
    found = audit(first, read_table(tmp_path / "t.xlsx"))
    assert_right(found, 18)
    assert [row.layer for row in found.rows] == [label for labels in BRANCHES.values() for label in labels]
    assert found.rows[0].line == 4


HEADING_STYLES = {
    "short": "layer n_in r_in j_in s p k d r_out n_out j_out",
    "capitals": "LAYER N_IN R_IN J_IN S P K D R_OUT N_OUT J_OUT",
    "brackets": "Layer|Input Size|RF (in)|Jin|Stride|Padding|Kernel|Dilation|RF out|Output Size|Jump",
    "long": "Layer Name|Input size|Receptive Field In|Jump in|stride|padding|kernel size|d/dilation|Receptive Field|"
    "Output size|Jump Out",
    "fused": "layer nin rin jin s p k dilation rout nout jout",
    "underscored": "op|in_size|RF_in|jump_in|strides|pad|kernel_size|dilation_rate|RF_out|out_size|jump_out",
    "units": "module|n_in|r_in [px]|j_in (px)|s|p|k|d|r_out (pixels)|n_out|j_out [px]",
    "previous": "layer|input|RF before|previous jump|stride|padding|filter|dilation|new RF|output|new jump",
    "markdown": "**Layer**|`n_in`|*r_in*|j_in|S|P|K|D|**RF**|n_out|j_out",
    "latex": "layer|$n_{in}$|$r_{in}$|$j_{in}$|$s$|$p$|$k$|$d$|$r_{out}$|$n_{out}$|$j_{out}$",
}


@pytest.mark.parametrize("style", HEADING_STYLES)
def test_headings_are_understood_in_every_style(chain: Report, tmp_path: Path, style: str) -> None:
    words = HEADING_STYLES[style]
    headings = words.split("|") if "|" in words else words.split()
    path = written(tmp_path / "t.csv", delimited([headings, *rows_of(hand_table(chain, PRIMES))]))
    found = audit(chain, read_table(path))
    assert_right(found, len(PRIMES))
    assert found.unread == ()
    assert len(found.rows[0].checks) == 10


def test_columns_may_stand_in_any_order(chain: Report, tmp_path: Path) -> None:
    rows = [list(HEADINGS), *rows_of(hand_table(chain, PRIMES))]
    path = written(tmp_path / "t.csv", delimited([row[::-1] for row in rows]))
    assert_right(audit(chain, read_table(path)), len(PRIMES))


@pytest.mark.parametrize(
    ("heading", "cell"),
    [
        ("K,p,s", "{0.k},{0.p},{0.s}"),
        ("k/s/p", "{0.k}/{0.s}/{0.p}"),
        ("(k, s, p, d)", "({0.k}, {0.s}, {0.p}, {0.d})"),
        ("kernel stride padding", "{0.k} {0.s} {0.p}"),
        ("ksp", "{0.k} {0.s} {0.p}"),
        ("K, S, P", "k={0.k}, s={0.s}, p={0.p}"),
    ],
)
def test_the_whole_window_may_stand_in_one_column(chain: Report, heading: str, cell: str) -> None:
    rows = [
        {"layer": line.layer, heading: cell.format(line), "RF": line.r_out, "n": line.n_out}
        for line in hand_table(chain, PRIMES)
    ]
    found = audit(chain, rows)
    assert_right(found, len(PRIMES))
    assert {"k", "s", "p"} <= {check.quantity for check in found.rows[1].checks}


CELLS = {
    "squares": {"n_in": "{0}x{0}", "n_out": "{0} x {0}", "k": "{0}×{0}", "s": "({0},{0})", "r_out": "{0}*{0}"},
    "units": {"r_in": "{0} px", "r_out": "{0} pixels", "j_in": "{0}px", "n_out": "~{0}"},
    "channels last": {"n_in": "{0}x{0}x64", "n_out": "{0}x{0}x64"},
    "channels first": {"n_in": "64x{0}x{0}", "n_out": "(64, {0}, {0})"},
    "batch and channels": {"n_out": "[-1, 16, {0}, {0}]"},
    "fractions": {"j_out": "{0}/1", "j_in": "{0}.0"},
    "arrows": {"n_out": "99 -> {0}", "r_out": "1 → {0}"},
}


@pytest.mark.parametrize("style", CELLS)
def test_numbers_are_understood_however_they_are_written(chain: Report, style: str) -> None:
    rows = []
    for line in hand_table(chain, PRIMES):
        row = line.mapping()
        rows.append(row | {name: form.format(row[name]) for name, form in CELLS[style].items()})
    found = audit(chain, rows)
    assert_right(found, len(PRIMES))
    assert {len(row.checks) for row in found.rows} == {10}


def test_a_decimal_comma_is_a_number_where_semicolons_separate(tmp_path: Path) -> None:
    """(182 + 2*3 - 4 - 1)/2 + 1 = 92.5 units behind the first layer."""
    report = rfkit.trace(primes(), (1, 3, 182, 182))
    rows = rows_of(hand_table(report, PRIMES))
    rows[0][HEADINGS.index("n_out")] = "92,5"
    found = audit(report, read_table(written(tmp_path / "t.csv", delimited([list(HEADINGS), *rows], ";"))))
    check = found.rows[0]["n_out"]
    assert (str(check.stated[0]), check.verdict) == ("185/2", Verdict.WRONG)
    assert [diagnosis.mistakes for diagnosis in check.diagnoses] == [("not_rounded",)]
    assert to_csv(found) == delimited([list(HEADINGS), *rows_of(hand_table(report, PRIMES))], ";")


def test_blank_cells_and_dashes_are_not_checked(chain: Report) -> None:
    rows = [line.mapping() | {"j_out": "-", "p": "", "r_in": "n/a", "d": None} for line in hand_table(chain, PRIMES)]
    found = audit(chain, rows)
    assert_right(found, len(PRIMES))
    assert {check.quantity for check in found.rows[0].checks} == {"k", "s", "n_in", "j_in", "r_out", "n_out"}


def test_a_cell_of_words_is_named_and_not_checked(chain: Report) -> None:
    rows = [line.mapping() for line in hand_table(chain, PRIMES)]
    rows[2]["r_out"] = "about nine"
    found = audit(chain, rows)
    assert found.notes == ("line 3, r_out: 'about nine' is not a number; not checked",)
    assert found.exit_status == 0


def test_columns_that_mean_nothing_here_are_named(chain: Report) -> None:
    rows = [line.mapping() | {"channels": 4, "comment": "x"} for line in hand_table(chain, PRIMES)]
    assert audit(chain, rows).unread == ("channels", "comment")


def test_a_jump_column_that_does_not_say_which_is_read_as_what_fits(chain: Report) -> None:
    lines = hand_table(chain, PRIMES)
    before = [{"k": line.k, "s": line.s, "RF": line.r_out, "jump": line.j_in} for line in lines]
    behind = [{"k": line.k, "s": line.s, "RF": line.r_out, "jump": line.j_out} for line in lines]
    assert audit(chain, before).exit_status == audit(chain, behind).exit_status == 0
    assert audit(chain, before).notes == ("'jump' is read as the number in front of each layer, which fits better",)
    assert audit(chain, behind).notes == ()


# -- the corrected table ----------------------------------------------------------------------------------------------


def test_the_corrected_table_keeps_headings_columns_and_everything_around_the_numbers(
    chain: Report, tmp_path: Path
) -> None:
    lines = hand_table(chain, PRIMES, {1: SLIPS["jump_left_out"][1], 3: SLIPS["dilation_left_out_of_n"][1]})
    right = hand_table(chain, PRIMES)

    def text(rows: Sequence[Line]) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["Note", "RF (out)", "Kernel", "Size", "Layer"])
        for row in rows:
            writer.writerow(
                ["mine", f"**{row.r_out} px**", f"{row.k}x{row.k}", f"{row.n_out}x{row.n_out}x4", row.layer]
            )
        return out.getvalue()

    found = audit(chain, read_table(written(tmp_path / "t.csv", text(lines))))
    assert found.exit_status == 1
    assert to_csv(found) == text(right)


def test_the_corrected_table_is_right_and_a_right_table_stays_as_it_is(chain: Report, tmp_path: Path) -> None:
    for name, (_, slip) in SLIPS.items():
        lines = hand_table(chain, PRIMES, {2: slip})
        if min(line.n_out for line in lines) < 1:
            continue
        fixed = to_csv(
            audit(chain, read_table(written(tmp_path / "t.csv", delimited([list(HEADINGS), *rows_of(lines)]))))
        )
        assert fixed == delimited([list(HEADINGS), *rows_of(hand_table(chain, PRIMES))]), name
        assert to_csv(audit(chain, read_table(written(tmp_path / "fixed.csv", fixed)))) == fixed


# -- what cannot be read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"\n\n", "is empty"),
        ("t.csv", b"a,b\n1,2\n", "no row of headings with a number to check (the first line is 'a, b')"),
        ("t.md", b"# Nothing here\n", "no row of headings"),
        ("t.csv", b"\x00\x01\x02", "is not a text file"),
        ("t.xls", b"\xd0\xcf", "an old Excel file"),
        ("t.ods", b"PK", "an OpenDocument sheet"),
        ("t.xlsx", b"not a zip", "cannot read"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    if name == "t.xlsx":
        pytest.importorskip("openpyxl")
    with pytest.raises(UsageError) as caught:
        read_table(written(tmp_path / name, content))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="is not a file"):
        read_table(tmp_path)


def test_xlsx_without_openpyxl_names_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: object, **kwargs: object) -> object:
        if name == "openpyxl":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"needs openpyxl: pip install 'rfkit\[xlsx\]'"):
        read_table(written(tmp_path / "t.xlsx", b"PK"))


def test_rows_without_any_known_heading_are_refused(chain: Report) -> None:
    with pytest.raises(UsageError, match="no number to check under the headings 'a, b'"):
        audit(chain, [{"a": 1, "b": 2}])
    with pytest.raises(UsageError, match="no rows"):
        audit(chain, [])
