"""Every form says the same: what does not hold, where, and how many rules that are."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfkit.gate.findings import Outcome, Verdict
from rfkit.gate.formats import FOR_PEOPLE, FORMATS, as_csv, as_json, github, step_summary, words
from rfkit.gate.formats.options import Options, installed_versions
from rfkit.gate.formats.problems import problems, worst_first
from rfkit.render import text
from tests.rfkit.gate import outcomes
from tests.rfkit.gate.outcomes import FIXED, ODD, TOO_SMALL, WASTED

Golden = Callable[[str, str], None]
Make = Callable[[], Outcome]

each_outcome = pytest.mark.parametrize("make", outcomes.ALL, ids=lambda make: make.__name__)
each_form = pytest.mark.parametrize("form", FORMATS)
SGR = re.compile(r"\x1b\[\d+m")
COUNTS = re.compile(r"(?:(\d+) of )?(\d+) rules?")
NAMED = re.compile(r"(\d+) (broken|undecided|warning|info|excepted)s?")


def said(line: str) -> words.Counts:
    """The counts that a closing line states, read back from its words."""
    total = int(COUNTS.search(line)[2])
    named = {kind: int(count) for count, kind in NAMED.findall(line)}
    first = re.search(r"(\d+) of \d+ rules? (broken|undecided|hold)", line)
    if first:
        named[first[2]] = int(first[1])
    broken, undecided = named.get("broken", 0), named.get("undecided", 0)
    rest = [named.get(kind, 0) for kind in ("warning", "info", "excepted")]
    return words.Counts(total - broken - undecided - sum(rest), broken, undecided, *rest)


@pytest.mark.parametrize(
    ("name", "form", "make", "options"),
    [
        ("check_full_passing.txt", "full", outcomes.one_passing, FIXED),
        ("check_full_failing_80.txt", "full", outcomes.one_failing, FIXED),
        ("check_full_failing_120.txt", "full", outcomes.one_failing, replace(FIXED, width=120)),
        ("check_full_failing_color.txt", "full", outcomes.one_failing, replace(FIXED, color=True)),
        ("check_full_failing_quiet.txt", "full", outcomes.one_failing, replace(FIXED, quiet=True)),
        ("check_full_few_80.txt", "full", outcomes.few, FIXED),
        ("check_full_mixed_80.txt", "full", outcomes.mixed, FIXED),
        ("check_full_mixed_120.txt", "full", outcomes.mixed, replace(FIXED, width=120)),
        ("check_concise_mixed.txt", "concise", outcomes.mixed, FIXED),
        ("check_json_mixed.json", "json", outcomes.mixed, FIXED),
        ("check_junit_mixed.xml", "junit", outcomes.mixed, FIXED),
        ("check_sarif_mixed.json", "sarif", outcomes.mixed, FIXED),
        ("check_github_mixed.txt", "github", outcomes.mixed, FIXED),
        ("check_gitlab_mixed.json", "gitlab", outcomes.mixed, FIXED),
        ("check_markdown_mixed.md", "markdown", outcomes.mixed, FIXED),
        ("check_csv_mixed.csv", "csv", outcomes.mixed, FIXED),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_form_looks_as_it_was_approved(
    name: str, form: str, make: Make, options: Options, golden: Golden
) -> None:
    golden(name, FORMATS[form](make(), options))


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_of_many_networks_looks_as_it_was_approved(width: int, golden: Golden) -> None:
    table = FORMATS["full"](outcomes.many(), replace(FIXED, width=width)).rpartition("\n\n")[0].rpartition("\n\n")[2]
    golden(f"check_full_many_{width}.txt", f"{table}\n")


@each_form
@each_outcome
def test_a_form_ends_in_a_newline_and_repeats_itself(form: str, make: Make) -> None:
    rendered = FORMATS[form](make(), FIXED)
    assert rendered.endswith("\n")
    assert rendered == FORMATS[form](make(), FIXED)


@pytest.mark.parametrize("form", ["full", "concise", "github"])
@each_outcome
def test_the_closing_line_counts_what_the_outcome_holds(form: str, make: Make) -> None:
    outcome = make()
    rendered = " ".join(FORMATS[form](replace(outcome, notes=()), FIXED).split("\n")[-4:])
    counts = words.counted_all(outcome)
    if counts.rules:
        assert said(rendered) == counts
    failed = sum(verdict.error is not None for verdict in outcome.verdicts)
    if failed and len(outcome.verdicts) > 1:
        assert f"{words.many(failed, 'network')} could not be" in rendered


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@each_outcome
def test_no_line_is_wider_than_the_terminal(make: Make, width: int) -> None:
    for line in FORMATS["full"](make(), Options(width=width)).splitlines():
        assert text.width(line) <= width


@each_outcome
def test_colours_change_nothing_but_the_colour(make: Make) -> None:
    plain, colored = (FORMATS["full"](make(), Options(color=color)) for color in (False, True))
    assert "\x1b" not in plain
    assert SGR.sub("", colored) == plain


@pytest.mark.parametrize("form", sorted(FOR_PEOPLE))
def test_quiet_leaves_what_makes_the_check_fail(form: str) -> None:
    quiet = Options(quiet=True)
    assert FORMATS[form](outcomes.one_passing(), quiet) == ""
    assert FORMATS[form](Outcome((replace(outcomes.passing(), findings=(WASTED,)),)), quiet) == ""
    shown = FORMATS[form](outcomes.mixed(), quiet)
    for code in ("RF101", "RF110", "RF105", "RF201"):
        assert code in shown
    for gone in ("RF301", "RF302", "RF202", "stand-ins", "145,114", "baseline"):
        assert gone not in shown
    assert "the constructor wants num_classes" in shown


def test_a_passing_network_takes_one_line() -> None:
    shown = FORMATS["full"](outcomes.one_passing(), Options(width=80))
    assert shown == "net  5 rules hold  RF 55 (features 39), 145,114 parameters, 18,828,096 MACs\n"
    assert FORMATS["full"](outcomes.one_passing(), Options(width=60)).count("\n") == 1


def test_a_network_that_could_not_be_run_takes_one_line() -> None:
    shown = FORMATS["full"](outcomes.one_refused(), Options(width=120))
    assert shown == "error  models/wide.py:Wide: the constructor wants num_classes; give --arg num_classes=10\n"


def test_full_says_everything_about_a_broken_rule() -> None:
    shown = " ".join(
        FORMATS["full"](Outcome((replace(outcomes.failing(), findings=(TOO_SMALL,)),), "rfkit.toml"), FIXED).split()
    )
    for part in ("net.py:31 RF101 receptive field 41", "layer conv4.0", *TOO_SMALL.help, f"note {TOO_SMALL.note}"):
        assert part in shown
    assert "spec models.net.receptive_field in rfkit.toml" in shown
    assert "excepted" not in shown


def test_undecided_warnings_and_infos_do_not_look_broken() -> None:
    lines = FORMATS["concise"](outcomes.one_failing(), FIXED).splitlines()
    labels = [re.sub(r"^.*?: RF\d+ \[net\] ", "", line).split(" ")[0] for line in lines[:-1]]
    assert labels == ["receptive", "undecided:", "214,090", "warning:", "info:"]


@each_outcome
def test_concise_has_a_line_per_problem(make: Make) -> None:
    outcome = make()
    lines = FORMATS["concise"](outcome, FIXED).splitlines()
    assert len(lines) == len(problems(outcome)) + 1
    for line, problem in zip(lines, problems(outcome), strict=False):
        assert line.startswith(f"{problem.place}: {problem.code} [")


@each_outcome
def test_json_has_every_finding_and_counts_them(make: Make) -> None:
    outcome = make()
    data = json.loads(FORMATS["json"](outcome, FIXED))
    assert data == as_json.to_dict(outcome, FIXED)
    assert [model["target"] for model in data["models"]][:3] == [one.target for one in outcome.verdicts][:3]
    findings = [finding for model in data["models"] for finding in model["findings"]]
    tally = Counter(finding["status"] for finding in findings if finding["fails"] or finding["status"] == "held")
    counts = words.counted_all(outcome)
    assert (tally["held"], tally["broken"], tally["undecided"]) == (counts.held, counts.broken, counts.undecided)
    assert {key: data["summary"][key] for key in ("held", "broken", "undecided")} == {
        key: tally[key] for key in ("held", "broken", "undecided")
    }
    assert data["exit_code"] == outcome.exit_code
    assert sum(data["summary"][key] for key in ("passed", "failed", "errors")) == len(outcome.verdicts)


def test_json_keeps_every_text_as_it_is_but_for_half_characters() -> None:
    data = json.loads(FORMATS["json"](outcomes.mixed(), FIXED))
    odd, whole = data["models"][-1], ODD.replace("\ud800", "\ufffd")
    assert odd["findings"][0]["value"] == whole
    assert odd["findings"][0]["message"] == f"there is no {whole}"
    assert odd["model"] == f"odd {whole}"


def test_json_has_a_line_per_finding_and_is_ascii() -> None:
    rendered = FORMATS["json"](outcomes.mixed(), FIXED)
    assert rendered.isascii()
    assert sum(line.lstrip().startswith('{"code": ') for line in rendered.splitlines()) == 19


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_json_has_no_number_that_json_lacks(value: float) -> None:
    verdict = replace(outcomes.passing(), findings=(replace(TOO_SMALL, value=value, gap=value),))
    (finding,) = json.loads(FORMATS["json"](Outcome((verdict,)), FIXED), parse_constant=pytest.fail)["models"][0][
        "findings"
    ]
    assert finding["value"] == finding["gap"] == str(value)


def test_csv_has_a_row_per_network() -> None:
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"](outcomes.mixed(), FIXED))))
    assert tuple(rows[0]) == as_csv.COLUMNS
    assert [row["status"] for row in rows] == ["held", "broken", "error", "undecided", "broken"]
    assert [row["broken"] for row in rows] == ["", "RF101 RF110", "", "", "RF201 RF101x2"]
    assert [row["params"] for row in rows] == ["145114", "214090", "", "808", "10384"]
    assert rows[2]["error"] == "the constructor wants num_classes; give --arg num_classes=10"


@pytest.mark.parametrize("model", ["=1+1", "+1", "-1", "@sum(a1)", "\t=1", "=cmd|' /c calc'!a0"])
def test_csv_holds_no_formula(model: str) -> None:
    rendered = FORMATS["csv"](Outcome((outcomes.passing(model, model),)), FIXED)
    row = list(csv.reader(io.StringIO(rendered)))[1]
    assert [cell[0] for cell in row[:2]] == ["'", "'"]


def commands(rendered: str) -> list[tuple[str, dict[str, str], str]]:
    """Workflow commands as GitHub's runner reads them: ``::name key=value,key=value::data``, percent-encoded."""

    def decoded(value: str, codes: dict[str, str]) -> str:
        for code, char in codes.items():
            value = value.replace(code, char)
        return value.replace("%25", "%")

    breaks = {"%0D": "\r", "%0A": "\n"}
    found = []
    for line in rendered.splitlines():
        if not line.lstrip().startswith("::"):
            continue
        head, _, data = line.lstrip()[2:].partition("::")
        name, _, listed = head.partition(" ")
        pairs = [pair.split("=", 1) for pair in listed.split(",")]
        properties = {key: decoded(value, {**breaks, "%3A": ":", "%2C": ","}) for key, value in pairs}
        found.append((name, properties, decoded(data, breaks)))
    return found


@each_outcome
def test_github_gets_the_worst_ten_of_each_level_and_the_rest_is_in_the_log(make: Make) -> None:
    outcome = make()
    rendered = FORMATS["github"](outcome, FIXED)
    found = commands(rendered)
    every = worst_first(problems(outcome))
    levels = {"error": "error", "warning": "warning", "notice": "info"}
    for name, severity in levels.items():
        of_level = [problem for problem in every if problem.severity == severity]
        annotated = [command for command in found if command[0] == name]
        assert len(annotated) == min(len(of_level), 10)
        for (_, properties, data), problem in zip(annotated, of_level, strict=False):
            assert properties["file"] == problem.place.path
            assert properties["line"] == str(problem.place.line)
            assert data.split("\n") == [problem.message, *problem.advice]
    rest = len(every) - len(found)
    logged = [line for line in rendered.splitlines() if line.startswith("  ")]
    assert len(logged) == rest
    assert (f"{rest} problems more" in rendered) == (rest > 1)


def test_nothing_in_the_log_is_taken_for_a_command() -> None:
    said_in_log = ["::error::x", "  ::stop-commands::t", "##[error]x", "a ##[group]b"]
    for line in said_in_log:
        assert not github.plain(line).lstrip().startswith("::")
        assert "##[" not in github.plain(line)
    outcome = Outcome(outcomes.many().verdicts, "::set.toml", ("::warning::note", "##[endgroup]"))
    assert {name for name, *_ in commands(FORMATS["github"](outcome, FIXED))} <= {"error", "warning", "notice"}
    assert "##[endgroup]" not in FORMATS["github"](outcome, FIXED)


def test_the_table_drops_what_all_names_share_where_names_are_too_long() -> None:
    table = FORMATS["full"](outcomes.many(), Options(width=80)).rpartition("\n\n")[0].rpartition("\n\n")[2].splitlines()
    assert [line.split()[0] for line in table[1:4]] == ["student_000", "student_001", "student_002"]
    wide = FORMATS["full"](outcomes.many(), Options(width=120))
    assert "submissions/student_001/model.py:Net  held" in wide


@each_outcome
def test_the_table_has_every_network_from_five_on(make: Make) -> None:
    outcome = make()
    states = Counter(words.state(verdict) for verdict in outcome.verdicts)
    shown = FORMATS["full"](replace(outcome, notes=()), Options(width=200)).rpartition("\n\n")[0].rpartition("\n\n")[2]
    assert shown.startswith("network") == (len(outcome.verdicts) >= 5)
    if shown.startswith("network"):
        rows = shown.splitlines()[1:]
        assert Counter(re.search(r"  (held|broken|undecided|error)\b", row)[1] for row in rows) == states


TEXTS = st.text(st.characters() | st.sampled_from("\x00\x1b\x85\u2028\ud800\ufffe|`\n\r:,%[]<>&\\"), max_size=40)


@settings(max_examples=60, deadline=None)
@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_no_text_breaks_a_line_or_steers_a_terminal(first: str, second: str, third: str, fourth: str) -> None:
    finding = replace(
        TOO_SMALL, message=first, layer=second, note=third, key=fourth, rule=second, place=f"{third}:3", help=(fourth,)
    )
    verdict = Verdict(
        first, second, outcomes.passing().report, (finding, replace(finding, excepted=fourth)), stubs=(third,)
    )
    outcome = Outcome((verdict, replace(verdict, error=third)), fourth, (first,))
    for form in FORMATS:
        rendered = FORMATS[form](outcome, FIXED)
        assert {char for char in rendered if unicodedata.category(char) in ("Cc", "Zl", "Zp", "Cs")} <= {"\n"}
        assert not set(rendered) & set("\u202e\ufffe")
        rendered.encode()
    assert len(FORMATS["concise"](outcome, FIXED).split("\n")) == len(problems(outcome)) + 2


def test_versions_are_those_installed() -> None:
    assert set(installed_versions()) == {"rfkit", "python", "torch"}
    assert json.loads(FORMATS["json"](outcomes.one_passing()))["versions"] == installed_versions()


def test_the_forms_import_neither_torch_nor_any_other_package() -> None:
    code = (
        "import sys\n"
        "from rfkit.gate.findings import Outcome\n"
        "from rfkit.gate.formats import FORMATS, step_summary\n"
        "list(map(len, (render(Outcome(())) for render in FORMATS.values()))), step_summary(Outcome(()))\n"
        "print(*{name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    run = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert set(run.stdout.split()) <= {"__main__", "rfkit"}


def test_the_step_summary_says_what_the_comment_says() -> None:
    assert FORMATS["markdown"](outcomes.mixed(), FIXED) == f"<!-- rfkit -->\n{step_summary(outcomes.mixed(), FIXED)}"
