"""Every machine form is what its readers expect: read back by parsers and schemas that share no code with rfkit."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic_core import from_json
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif

from rfkit.gate.catalogue import CATALOGUE
from rfkit.gate.findings import Outcome, Severity, Status, Verdict
from rfkit.gate.formats import FORMATS, markdown, step_summary, words
from rfkit.gate.formats.problems import problems, worst_first
from tests.rfkit.gate import outcomes
from tests.rfkit.gate.outcomes import FIXED, TOO_SMALL

SCHEMAS = Path(__file__).parents[2] / "assets" / "schemas"
Make = Callable[[], Outcome]
each_outcome = pytest.mark.parametrize("make", outcomes.ALL, ids=lambda make: make.__name__)
TEXTS = st.text(st.characters() | st.sampled_from("\x00\x1b\x85\u2028\ud800\ufffe|`\n\r:,%[]<>&\\_*@#"), max_size=30)


def odd_outcome(first: str, second: str, third: str) -> Outcome:
    """One network that is broken and one that could not be run, made of the given texts."""
    finding = replace(
        TOO_SMALL, message=first, layer=second, note=third, key=first, rule=second, place=f"{third}:3", help=(third,)
    )
    verdict = replace(
        outcomes.passing(first, second), findings=(finding, replace(finding, excepted=third)), stubs=(third,)
    )
    return Outcome((verdict, replace(verdict, report=None, error=third)), second, (first,))


THREE_TEXTS = st.tuples(TEXTS, TEXTS, TEXTS)


@pytest.fixture(scope="module")
def junit_schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(SCHEMAS / "junit.xsd"))


def schema(name: str) -> jsonschema.protocols.Validator:
    return jsonschema.Draft202012Validator(json.loads((SCHEMAS / name).read_text(encoding="utf-8")))


class TestJUnit:
    @each_outcome
    def test_is_valid(self, make: Make, junit_schema: xmlschema.XMLSchema) -> None:
        junit_schema.validate(FORMATS["junit"](make(), FIXED))

    @settings(max_examples=60, deadline=None)
    @given(texts=THREE_TEXTS)
    def test_is_valid_whatever_the_texts(self, junit_schema: xmlschema.XMLSchema, texts: tuple[str, str, str]) -> None:
        outcome = odd_outcome(*texts)
        junit_schema.validate(FORMATS["junit"](outcome, FIXED))

    @each_outcome
    def test_has_a_suite_per_network_and_a_case_per_rule(self, make: Make) -> None:
        outcome = make()
        suites = list(JUnitXml.fromstring(FORMATS["junit"](outcome, FIXED).encode()))
        assert len(suites) == len(outcome.verdicts)
        for suite, verdict in zip(suites, outcome.verdicts, strict=True):
            counts, failed = words.counted(verdict.findings), verdict.error is not None
            assert (suite.tests, suite.failures, suite.errors) == (counts.rules + failed, counts.failing, failed)
            assert suite.skipped == counts.warnings + counts.infos + counts.excepted
            cases = list(suite)
            assert len(cases) == len({case.name for case in cases}) == suite.tests
            assert [self.kind(case) for case in cases] == [
                *(self.expected(finding) for finding in verdict.findings),
                *([(Error, "error")] if failed else []),
            ]

    @staticmethod
    def kind(case: Any) -> tuple[type, str] | None:
        (found,) = case.result or [None]
        return found and (type(found), found.type or found.message.partition(": ")[0])

    @staticmethod
    def expected(finding: Any) -> tuple[type, str] | None:
        if finding.status is Status.HELD:
            return None
        if finding.excepted is not None:
            return Skipped, "excepted"
        if finding.severity is not Severity.ERROR:
            return Skipped, str(finding.severity)
        return Failure, str(finding.status)

    def test_keeps_the_messages(self) -> None:
        suite = list(JUnitXml.fromstring(FORMATS["junit"](outcomes.mixed(), FIXED).encode()))[-1]
        (failure,) = next(iter(suite)).result
        finding = outcomes.odd().findings[0]
        assert failure.message == words.located(finding, words.one_line(finding.message))
        for line in (*finding.help, finding.note):
            assert words.one_line(line) in failure.text

    def test_has_the_numbers_as_properties(self) -> None:
        (suite,) = JUnitXml.fromstring(FORMATS["junit"](outcomes.one_passing(), FIXED).encode())
        assert {item.name: item.value for item in suite.properties()} == {
            "target": "net.py:Net",
            "spec": "rfkit.toml",
            "input_shape": "1x3x32x32",
            "receptive_field": "55",
            "receptive_field_features": "39",
            "params": "145114",
            "macs": "18828096",
        }


class TestSarif:
    @each_outcome
    def test_is_sarif_and_what_code_scanning_wants(self, make: Make) -> None:
        data = json.loads(FORMATS["sarif"](make(), FIXED))
        Sarif.model_validate(data)
        schema("github_code_scanning.json").validate(data)

    @settings(max_examples=60, deadline=None)
    @given(texts=THREE_TEXTS)
    def test_is_valid_whatever_the_texts(self, texts: tuple[str, str, str]) -> None:
        outcome = odd_outcome(*texts)
        data = json.loads(FORMATS["sarif"](outcome, FIXED))
        Sarif.model_validate(data)
        schema("github_code_scanning.json").validate(data)

    @each_outcome
    def test_has_a_result_per_problem_and_a_notification_per_network_that_could_not_be_run(self, make: Make) -> None:
        outcome = make()
        (run,) = Sarif.model_validate_json(FORMATS["sarif"](outcome, FIXED)).runs
        found = [problem for problem in problems(outcome) if problem.finding is not None]
        assert [(result.ruleId, result.partialFingerprints) for result in run.results] == [
            (problem.code, {"rfkit/v1": problem.fingerprint}) for problem in found
        ]
        rules = [rule.id for rule in run.tool.driver.rules]
        assert [rules[result.ruleIndex] for result in run.results] == [result.ruleId for result in run.results]
        (invocation,) = run.invocations
        assert invocation.executionSuccessful == (outcome.exit_code != 2)
        assert invocation.exitCode == outcome.exit_code
        refused = [one for one in invocation.toolExecutionNotifications if one.level.value == "error"]
        assert len(refused) == sum(verdict.error is not None for verdict in outcome.verdicts)
        known = {notification.id for notification in run.tool.driver.notifications}
        assert {one.descriptor.id for one in invocation.toolExecutionNotifications} <= known

    def test_no_two_problems_share_a_fingerprint(self) -> None:
        (run,) = Sarif.model_validate_json(FORMATS["sarif"](outcomes.mixed(), FIXED)).runs
        marks = [result.partialFingerprints["rfkit/v1"] for result in run.results]
        assert len(marks) == len(set(marks)) == 9

    def test_paths_are_addresses_below_the_root(self) -> None:
        (run,) = Sarif.model_validate_json(FORMATS["sarif"](outcomes.mixed(), FIXED)).runs
        places = [result.locations[0].physicalLocation for result in run.results]
        assert {place.artifactLocation.uriBaseId for place in places} == {"%SRCROOT%"}
        assert "%SRCROOT%" in run.originalUriBaseIds
        assert places[-1].artifactLocation.uri == "dir%2Cwith%3Aodd%25/n%C3%A4me%20%E7%BD%91.py"
        assert places[-1].region.startLine == 7

    def test_a_path_elsewhere_is_an_address_of_its_own(self) -> None:
        verdict = replace(outcomes.failing(), findings=(replace(TOO_SMALL, place="/else where/net.py:3"),))
        (run,) = Sarif.model_validate_json(FORMATS["sarif"](Outcome((verdict,)), FIXED)).runs
        artifact = run.results[0].locations[0].physicalLocation.artifactLocation
        assert (artifact.uri, artifact.uriBaseId) == ("file:///else%20where/net.py", None)

    def test_every_rule_of_the_catalogue_is_described(self) -> None:
        findings = tuple(replace(TOO_SMALL, code=code) for code in CATALOGUE)
        data = json.loads(FORMATS["sarif"](Outcome((replace(outcomes.failing(), findings=findings),)), FIXED))
        schema("github_code_scanning.json").validate(data)
        Sarif.model_validate(data)
        rules = {rule["id"]: rule for rule in data["runs"][0]["tool"]["driver"]["rules"]}
        assert rules.keys() == CATALOGUE.keys()
        for code, rule in CATALOGUE.items():
            assert rules[code]["fullDescription"]["text"] == rule.meaning
            assert rule.fix in rules[code]["help"]["text"]
            has_link = any(mark in rule.reference for mark in ("https://", "doi 10.", "arXiv "))
            assert ("helpUri" in rules[code]) == has_link
        assert rules["RF101"]["helpUri"] == "https://doi.org/10.23915/distill.00021"

    def test_messages_hold_no_link_and_no_place_for_an_argument(self) -> None:
        (run,) = Sarif.model_validate_json(FORMATS["sarif"](outcomes.mixed(), FIXED)).runs
        odd = run.results[-3].message.text
        assert "[i] (j)" in odd
        assert "{{0}}" in odd


class TestJson:
    @each_outcome
    def test_is_json_also_for_readers_that_refuse_half_a_character(self, make: Make) -> None:
        rendered = FORMATS["json"](make(), FIXED)
        assert from_json(rendered, allow_inf_nan=False) == json.loads(rendered)

    @settings(max_examples=60, deadline=None)
    @given(texts=THREE_TEXTS)
    def test_is_json_whatever_the_texts(self, texts: tuple[str, str, str]) -> None:
        outcome = odd_outcome(*texts)
        from_json(FORMATS["json"](outcome, FIXED), allow_inf_nan=False)

    @pytest.mark.parametrize("verdict", outcomes.mixed().verdicts, ids=lambda verdict: verdict.model[:5])
    def test_keys_are_the_documented_ones(self, verdict: Verdict) -> None:
        data = json.loads(FORMATS["json"](Outcome((verdict,)), FIXED))
        (model,) = data["models"]
        assert documented("Keys of the outcome") == list(data)
        assert documented("Keys of the summary") == list(data["summary"])
        assert documented("Keys of a network") == list(model)
        for finding in model["findings"]:
            assert documented("Keys of a finding") == list(finding)


def documented(heading: str) -> list[str]:
    """Names in the first column of the table under a heading of the documentation."""
    page = (SCHEMAS.parents[2] / "docs" / "check-formats.md").read_text(encoding="utf-8")
    found = page.split(f"### {heading}\n")[1].split("\n#")[0]
    return re.findall(r"^\| `(\w+)` \|", found, re.MULTILINE)


class TestGitLab:
    @each_outcome
    def test_is_valid(self, make: Make) -> None:
        outcome = make()
        entries = json.loads(FORMATS["gitlab"](outcome, FIXED))
        schema("gitlab_code_quality.json").validate(entries)
        assert len(entries) == len(problems(outcome)) == len({entry["fingerprint"] for entry in entries})

    @settings(max_examples=60, deadline=None)
    @given(texts=THREE_TEXTS)
    def test_is_valid_whatever_the_texts(self, texts: tuple[str, str, str]) -> None:
        outcome = odd_outcome(*texts)
        schema("gitlab_code_quality.json").validate(json.loads(FORMATS["gitlab"](outcome, FIXED)))

    def test_severities(self) -> None:
        entries = json.loads(FORMATS["gitlab"](outcomes.few(), FIXED))
        found = {entry["check_name"]: entry["severity"] for entry in entries}
        assert found == {
            "RF101": "major", "RF110": "major", "RF105": "major", "RF301": "minor", "RF302": "info", "error": "critical",
        }  # fmt: skip


def tables(source: str) -> list[list[list[str]]]:
    """Tables of a Markdown text as GitHub reads it: rows of cells, each cell as the text that a reader sees."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(source)
    found: list[list[list[str]]] = []
    for i, token in enumerate(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in ("th_open", "td_open"):
            found[-1][-1].append(seen(tokens[i + 1].children or []))
    return found


def seen(tokens: list[Token]) -> str:
    """What is left of inline tokens when they are shown: text, with line breaks; markup is gone."""
    parts = []
    for token in tokens:
        if token.type == "html_inline":
            parts.append("\n" if token.content == "<br>" else "")
            assert token.content in ("<br>", "<code>", "</code>"), token.content
        else:
            assert token.type in ("text", "text_special", "code_inline", "strong_open", "strong_close"), token.type
            parts.append(token.content)
    return "".join(parts).replace("@\u200b", "@")


class TestMarkdown:
    @each_outcome
    def test_has_a_row_per_network_and_a_row_per_problem(self, make: Make) -> None:
        outcome = make()
        found = tables(FORMATS["markdown"](outcome, FIXED))
        every = worst_first(problems(outcome))
        assert len(found) == bool(outcome.verdicts) + bool(every)
        if outcome.verdicts:
            rows = found[0][1:]
            assert [row[:2] for row in rows] == [
                [words.one_line(verdict.model), words.state(verdict)] for verdict in outcome.verdicts
            ]
            assert [tuple(row[2:6]) for row in rows] == [words.figures(verdict) for verdict in outcome.verdicts]
        if every:
            assert [tuple(row) for row in found[1][1:]] == [
                (
                    str(problem.place),
                    problem.code,
                    words.one_line(problem.verdict.model),
                    "\n".join([problem.message, *problem.advice]),
                )
                for problem in every
            ]

    @settings(max_examples=80, deadline=None)
    @given(texts=THREE_TEXTS)
    def test_no_text_breaks_a_cell(self, texts: tuple[str, str, str]) -> None:
        outcome = odd_outcome(*texts)
        found = tables(FORMATS["markdown"](outcome, FIXED))
        widths = [{len(row) for row in table} for table in found]
        assert widths == [{len(markdown.NETWORKS)}, {len(markdown.PROBLEMS)}]
        shown = found[1][1:]
        expected = ["\n".join([problem.message, *problem.advice]) for problem in worst_first(problems(outcome))]
        assert [" ".join(row[3].split()) for row in shown] == [" ".join(said.split()) for said in expected]

    @settings(max_examples=80, deadline=None)
    @given(TEXTS)
    def test_a_note_is_a_line_of_text(self, note: str) -> None:
        rendered = markdown.render(replace(outcomes.one_passing(), notes=(note,)), FIXED)
        kinds = [token.type for token in MarkdownIt("gfm-like", {"linkify": False}).parse(rendered)]
        assert kinds.count("bullet_list_open") == kinds.count("list_item_open") == 1
        assert not {"ordered_list_open", "blockquote_open", "fence", "code_block", "hr"} & set(kinds)
        assert kinds.count("heading_open") == 1

    @each_outcome
    def test_the_marker_is_the_first_line(self, make: Make) -> None:
        rendered = FORMATS["markdown"](make(), FIXED)
        assert rendered.startswith("<!-- rfkit -->\n")
        assert rendered.count("<!--") == 1

    def test_mentions_nobody_and_refers_to_no_issue(self) -> None:
        shown = "".join(self.texts(FORMATS["markdown"](outcomes.mixed(), FIXED)))
        assert "team" in shown
        assert not re.search(r"(?<!`)@\w", shown)

    @staticmethod
    def texts(source: str) -> Iterator[str]:
        for token in MarkdownIt("gfm-like", {"linkify": False}).parse(source):
            inside = False
            for child in token.children or []:
                inside = child.content == "<code>" or (inside and child.content != "</code>")
                if child.type == "text" and not inside:
                    yield html.unescape(child.content)

    @pytest.mark.parametrize(("render", "limit"), [(FORMATS["markdown"], 2**16), (step_summary, 2**20)])
    def test_keeps_below_the_limit_and_says_what_it_left_out(self, render: Callable[..., str], limit: int) -> None:
        count = 1600
        verdicts = tuple(replace(outcomes.failing(f"net_{i:04} {'网络' * 60}"), report=None) for i in range(count))
        outcome = Outcome(verdicts, "rfkit.toml", tuple(f"note {i} " + "é" * 199 for i in range(count)))
        rendered = render(outcome, FIXED)
        assert limit * 0.9 < len(rendered.encode()) < limit
        networks, shown = (len(table) - 1 for table in tables(rendered))
        assert f"{count - networks:,} more networks are in the log." in rendered
        assert f"{5 * count - shown:,} more problems are in the log." in rendered
        notes = len(re.findall(r"^- (?!\d)", rendered, re.MULTILINE))
        assert f"- {3 * count - notes:,} more notes are in the log." in rendered
