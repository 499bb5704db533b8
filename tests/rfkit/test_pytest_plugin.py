"""The gate inside pytest: ``rfkit_check`` in a test of one's own, and ``pytest --rfkit``, which tests every network of a spec."""

from __future__ import annotations

import textwrap
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from rfkit import cli
from rfkit.gate.history import baseline_file
from rfkit.gate.history.baseline import Baseline
from rfkit.trace_target import trace_target
from tests.rfkit.projects import HEAD, write

pytest_plugins = ("pytester",)

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ("-p", "no:rfkit", "-p", "rfkit.pytest_plugin")
NET = HEAD + textwrap.dedent(
    """
    class Net(nn.Module):
        def __init__(self, width=8):
            super().__init__()
            self.first = nn.Conv2d(3, width, 3)
            self.second = nn.Conv2d(width, width, 3, dilation=2)

        def forward(self, x):
            return self.second(self.first(x))
    """
)
SPEC = """
    [models.net]
    target = "net.py:Net"
    params = "< 1k"
    require = ["dilated"]

    [models.wide]
    target = "net.py:Net"
    arguments = { width = 64 }
    params = { limit = "< 1k", message = "The course's limit" }
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A repository of its own, with a network and a spec of two: ``net`` keeps to it, ``wide`` does not."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("COLUMNS", raising=False)
    pytester.mkdir(".git")
    write(pytester.path, {"net.py": NET, "rfkit.toml": SPEC})
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Pytest with the plugin, and with warnings as errors."""
    assert torch.__version__, "loaded out here, because what pytester imports in there is forgotten afterwards"
    return project.runpytest_inprocess(*PLUGIN, "-W", "error", *options)


def run_apart(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    """The same in a process of its own."""
    return project.runpytest_subprocess(*PLUGIN, "-W", "error", *options)


def with_test(project: pytest.Pytester, body: str) -> None:
    """A test file whose only test does this."""
    test = f"from net import Net\n\n\ndef test_net(rfkit_check):\n{textwrap.indent(textwrap.dedent(body), '    ')}"
    write(project.path, {"test_net.py": test, "conftest.py": "import sys\nsys.path.insert(0, '.')\n"})


def said(result: pytest.RunResult) -> str:
    """What pytest says of the only test that fails, between its name and the summary."""
    body = result.outlines[
        result.outlines.index(next(line for line in result.outlines if line.startswith("____"))) + 1 :
    ]
    return "\n".join(body[: next(i for i, line in enumerate(body) if line.startswith("===="))])


def outcomes(result: pytest.RunResult) -> dict[str, str]:
    """What became of each test, by its name, from what ``-v`` prints."""
    lines = (line.split() for line in result.outlines if "::" in line and line.endswith("%]"))
    return {line[0]: line[1] for line in lines}


def collected(project: pytest.Pytester, *options: str) -> list[str]:
    """Names of the tests that are found, sorted."""
    return sorted(line for line in run(project, "--collect-only", "-q", *options).outlines if "::" in line)


def test_a_test_gets_the_report_of_a_network_that_is_as_asked(project: pytest.Pytester) -> None:
    with_test(
        project,
        """
        report = rfkit_check(Net(), receptive_field="7", params="< 1_000", require=["dilated"], forbid=["max_pool"])
        assert report.totals.params == 808
        assert report.input_shape == (1, 3, 32, 32)
        assert rfkit_check(Net(), params="< 1k", input="3x16x16").input_shape == (1, 3, 16, 16)
        assert rfkit_check(Net(), params="< 1k", input_shape=(2, 3, 16, 16)).input_shape == (2, 3, 16, 16)
        """,
    )
    run(project).assert_outcomes(passed=1)


def test_a_broken_rule_fails_the_test_with_what_the_command_prints(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_test(project, 'rfkit_check("net.py:Net", receptive_field="> 44", params="< 100", require="skip_connection")')
    found = said(run(project))
    capsys.readouterr()
    monkeypatch.setenv("COLUMNS", "80")
    options = ("--rf", "> 44", "--params", "< 100", "--require", "skip_connection", "--spec", "empty.toml")
    write(project.path, {"empty.toml": ""})
    assert cli.main(["check", "net.py:Net", *options]) == 1
    printed = [line for line in capsys.readouterr().out.splitlines() if "empty.toml" not in line]
    assert [line for line in printed if "RF101" in line and "net.py" in line]
    assert found.splitlines() == printed


def test_a_module_is_judged_where_it_stands_and_no_traceback_is_shown(project: pytest.Pytester) -> None:
    with_test(project, 'rfkit_check(Net(width=64), receptive_field="> 44", params="< 1k")')
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["net.py:1?*RF101*receptive field 7 is not > 44 (38 short)", "2 of 2 rules broken (Net)"]
    )
    assert "pytest_plugin.py" not in result.stdout.str()
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(
    ("call", "line"),
    [
        ('Net(), recptive_field="> 44"', "recptive_field='> 44': unknown key; did you mean receptive_field?"),
        ('Net(), params="< 200 q"', "params='< 200 q': *"),
        ("Net()", 'nothing is asked of Net; give a rule, e.g. params="< 200k"'),
        ('Net, params="< 1k"', 'rfkit_check takes a module or a target such as "net.py:Net", not the class Net'),
        ('3, params="< 1k"', 'rfkit_check takes a module or a target such as "net.py:Net", not a int'),
        ('Net(), params="< 1k", arguments={"width": 3}', "arguments are for a target; this Net is built already"),
        (
            'Net(), params="< 1k", input="3x9x9", input_shape=(3, 9, 9)',
            "input and input_shape mean the same; leave one out",
        ),
        ('Net(), params="< 1k", input="5x9x9"', "input 1x5x9x9 does not fit: first (Conv2d) expects 3 channels*"),
        ('nn.Conv2d(5, 1, 3), params="< 1k"', "Conv2d accepts none of 3x32x32, *; give input_shape (*)"),
        ('"nte.py:Net", params="< 1k"', "nte.py:Net: no file nte.py, did you mean net.py?"),
    ],
)
def test_a_call_that_cannot_be_judged_fails_with_one_line(project: pytest.Pytester, call: str, line: str) -> None:
    with_test(project, f"from torch import nn\nrfkit_check({call})")
    result = run(project)
    result.assert_outcomes(failed=1)
    (only,) = said(result).splitlines()
    pytest.LineMatcher([only]).fnmatch_lines([line])


def test_two_mistakes_in_a_call_have_a_line_each(project: pytest.Pytester) -> None:
    with_test(project, 'rfkit_check(Net(), parms="< 1k", require=["dilatd"])')
    assert len(said(run(project)).splitlines()) == 2


def test_a_rule_that_only_warns_is_a_warning_at_the_line_of_the_call(project: pytest.Pytester) -> None:
    with_test(project, 'rfkit_check(Net(), params={"limit": "< 100", "severity": "warning"})')
    result = run(project, "-W", "default")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*test_net.py:5: RfkitWarning: net.py:11: RF110 [[]Net] 808 parameters*"])
    run(project).assert_outcomes(failed=1)


def test_the_file_of_a_target_may_be_relative_to_the_rootdir(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project.path, {"pytest.ini": "[pytest]\n"})
    below = project.mkdir("tests")
    write(below, {"test_net.py": 'def test_net(rfkit_check):\n    rfkit_check("net.py:Net", params="< 1k")\n'})
    monkeypatch.chdir(below)
    run(project).assert_outcomes(passed=1)


def test_every_network_of_the_spec_is_a_test(project: pytest.Pytester) -> None:
    result = run(project, "--rfkit", "-v")
    result.assert_outcomes(passed=1, failed=1)
    assert outcomes(result) == {"rfkit.toml::net": "PASSED", "rfkit.toml::wide": "FAILED"}
    result.stdout.fnmatch_lines(
        [
            "rfkit: rfkit.toml",
            "*_ rfkit check wide _*",
            "net.py:*RF110*",
            "*note   The course's limit",
            "1 of 1 rule broken*",
        ]
    )
    assert "pytest_plugin.py" not in result.stdout.str()


def test_without_the_option_a_spec_is_no_test(project: pytest.Pytester) -> None:
    assert run(project).ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize("rootdir", ["pytest.ini", "tests/pytest.ini"])
@pytest.mark.parametrize("arguments", [(), (".",), ("test_one.py",), ("..",), ("../rfkit.toml",), ("../tests", "..")])
def test_the_tests_are_called_the_same_wherever_pytest_is_started(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, rootdir: str, arguments: tuple[str, ...]
) -> None:
    write(project.path, {rootdir: "[pytest]\n", "tests/test_one.py": "def test_one():\n    pass\n"})
    monkeypatch.chdir(project.path / "tests")
    found = [name.removeprefix("tests/") for name in collected(project, "--rfkit", *arguments)]
    one = ["test_one.py::test_one"] if arguments != ("../rfkit.toml",) else []
    assert sorted(found) == ["rfkit.toml::net", "rfkit.toml::wide", *one]


def test_a_test_of_the_spec_can_be_named(project: pytest.Pytester) -> None:
    write(project.path, {"test_one.py": "def test_one():\n    pass\n"})
    result = run(project, "--rfkit", "-v", "rfkit.toml::net")
    assert outcomes(result) == {"rfkit.toml::net": "PASSED"}


def test_only_the_networks_that_are_tested_run_and_all_at_once(project: pytest.Pytester) -> None:
    write(
        project.path,
        {
            "conftest.py": """
            import rfkit.gate.run as gate

            real = gate.trace_all

            def trace_all(jobs, **options):
                with open("calls.txt", "a") as file:
                    print(*(job.arguments for job in jobs), file=file)
                return real(jobs, **options)

            gate.trace_all = trace_all


            def pytest_unconfigure():
                gate.trace_all = real
            """,
            "rfkit.toml": textwrap.dedent(SPEC) + '[models.other]\ntarget = "net.py:Net"\nparams = "< 1k"\n',
        },
    )
    run(project, "--rfkit", "-k", "net or wide").assert_outcomes(passed=1, failed=1, deselected=1)
    assert (project.path / "calls.txt").read_text() == "() ('width=64',)\n"


def test_a_network_that_cannot_be_run_is_an_error_and_the_others_are_judged(project: pytest.Pytester) -> None:
    lost = '[models.lost]\ntarget = "lost.py:Net"\nparams = "< 1k"\n'
    write(project.path, {"rfkit.toml": lost + textwrap.dedent(SPEC)})
    result = run(project, "--rfkit", "--junitxml=junit.xml")
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*_ ERROR at setup of rfkit check lost _*", "lost.py:Net: no file lost.py*"])
    cases = {
        case.get("name"): [child.tag for child in case] for case in ElementTree.parse("junit.xml").iter("testcase")
    }
    assert cases == {"lost": ["error"], "net": [], "wide": ["failure"]}


def test_several_processes_share_the_tests(project: pytest.Pytester) -> None:
    result = run_apart(project, "--rfkit", "-n", "2", "-v")
    result.assert_outcomes(passed=1, failed=1)
    assert "1 of 1 rule broken (wide)" in result.outlines


def test_a_pattern_in_the_spec_is_a_test_per_file(project: pytest.Pytester) -> None:
    write(
        project.path,
        {
            "a/net.py": NET,
            "b/net.py": NET,
            "rfkit.toml": '[models.all]\ntarget = "*/net.py:Net"\nparams = "< 1k"\n',
        },
    )
    assert collected(project, "--rfkit") == ["rfkit.toml::a/net.py:Net", "rfkit.toml::b/net.py:Net"]


def test_the_spec_may_be_in_pyproject_or_be_named(project: pytest.Pytester) -> None:
    (project.path / "rfkit.toml").rename(project.path / "spec.toml")
    write(project.path, {"pyproject.toml": '[tool.rfkit.models.net]\ntarget = "net.py:Net"\nparams = "< 1k"\n'})
    assert collected(project, "--rfkit") == ["pyproject.toml::net"]
    assert collected(project, "--rfkit-spec", "spec.toml") == ["spec.toml::net", "spec.toml::wide"]


def test_a_figure_that_is_worse_than_in_the_baseline_fails_and_the_file_stays(project: pytest.Pytester) -> None:
    report = trace_target("net.py:Net")
    path = project.path / "rfkit-baseline.json"
    baseline_file.write(path, Baseline().updated({"net": report}))
    stored = path.read_bytes()
    spec = 'baseline = "rfkit-baseline.json"\n[models.net]\ntarget = "net.py:Net"\n'
    write(project.path, {"rfkit.toml": spec})
    run(project, "--rfkit").assert_outcomes(passed=1)
    write(project.path, {"rfkit.toml": f"{spec}arguments = {{ width = 9 }}\n"})
    result = run(project, "--rfkit")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*RF501*params 990*808*"])
    write(project.path, {"rfkit.toml": f"{spec}arguments = {{ width = 7 }}\n"})
    run(project, "--rfkit").assert_outcomes(passed=1)
    assert path.read_bytes() == stored


def test_a_rule_of_the_spec_that_only_warns_points_at_its_network(project: pytest.Pytester) -> None:
    spec = '[models.net]\ntarget = "net.py:Net"\nparams = { limit = "< 100", severity = "warning" }\n'
    write(project.path, {"rfkit.toml": spec})
    result = run(project, "--rfkit", "-W", "default")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*rfkit.toml:1: RfkitWarning: *RF110 [[]net] 808 parameters*"])
    assert said(run(project, "--rfkit")).splitlines()[0].startswith("net.py:")


@pytest.mark.parametrize(
    ("spec", "lines"),
    [
        (
            "[models.net]\nparms = 3\ntarget = 4\n",
            ["rfkit.toml:2: models.net.parms: *", "rfkit.toml:3: models.net.target: *"],
        ),
        ("", ["rfkit.toml names no network: add one under [[]models.NAME], with its target"]),
        (
            '[models.net]\ntarget = "net.py:Net"\n',
            ['nothing is asked of net; give a rule: params = "< 200k" in a spec*'],
        ),
        (
            'baseline = "b.json"\n[models.net]\ntarget = "net.py:Net"\n',
            ["no baseline b.json; rfkit baseline write makes it"],
        ),
        ('[models.net]\ntarget = "*/no.py:Net"\n', ["rfkit.toml:2: models.net.target: no file matches */no.py*"]),
    ],
)
def test_a_spec_that_cannot_be_used_is_an_error_line_by_line(
    project: pytest.Pytester, spec: str, lines: list[str]
) -> None:
    write(project.path, {"rfkit.toml": spec})
    result = run(project, "--rfkit")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    found = said(result).splitlines()
    assert len(found) == len(lines)
    pytest.LineMatcher(found).fnmatch_lines(lines)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--rfkit",),
            "ERROR: --rfkit: no rfkit.toml, .rfkit.toml or pyproject.toml with [[]tool.rfkit] from * up to *",
        ),
        (("--rfkit-spec", "no.toml"), "ERROR: --rfkit-spec no.toml: there is no such file"),
    ],
)
def test_without_a_spec_pytest_says_where_it_looked(
    project: pytest.Pytester, options: tuple[str, ...], line: str
) -> None:
    (project.path / "rfkit.toml").unlink()
    result = run(project, *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    pytest.LineMatcher(result.errlines).fnmatch_lines([line])


@pytest.mark.parametrize(
    ("options", "unwanted"),
    [
        ((), {"torch", "pydantic", "rfkit.gate", "rfkit.isolation"}),
        (("--rfkit", "--deselect", "rfkit.toml"), {"torch"}),
    ],
)
def test_what_is_not_used_is_not_imported(
    project: pytest.Pytester, options: tuple[str, ...], unwanted: set[str]
) -> None:
    test = f"import sys\n\n\ndef test_imports():\n    assert not sys.modules.keys() & {unwanted!r}\n"
    write(project.path, {"test_imports.py": test})
    run_apart(project, *options).assert_outcomes(passed=1, deselected=2 * bool(options))
