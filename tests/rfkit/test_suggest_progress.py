"""What ``suggest``, ``verify`` and ``erf`` show while they work: one line on a terminal, nothing anywhere else."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable

import pytest

from rfkit.cli import main
from rfkit.cli import progress as line
from rfkit.cli.progress import progress

DOCUMENTS = "trainer/models/documents.py"
COMMANDS = {
    "suggest": (["suggest", f"{DOCUMENTS}:FourBlockNet", "--rf", "> 180"], r"single edits: [\d,]+ of [\d,]+ tried"),
    "verify": (["verify", f"{DOCUMENTS}:TwoBranchNet", "--quick"], r"(NaN|gradients): layer \d+ of \d+"),
    "erf": (["erf", f"{DOCUMENTS}:TwoBranchNet", "-n", "3"], r"input \d of 3 random inputs"),
}
CONTROL = re.compile(r"\x1b\[(\??\d*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)")


class Terminal(io.StringIO):
    """A terminal that keeps all that it was sent."""

    def isatty(self) -> bool:
        """It is one."""
        return True

    def screen(self) -> list[str]:
        """What stands on it: lines are erased whole, and the cursor goes up and to the left."""
        lines, row, column = [""], 0, 0
        for parameter, control, back, down, text in CONTROL.findall(self.getvalue()):
            if text:
                lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + len(text) :]
                column += len(text)
            elif down:
                row, column = row + 1, 0
                lines += [""] * (row >= len(lines))
            elif back:
                column = 0
            elif control == "K":
                lines[row] = ""
            elif control == "A":
                row -= int(parameter or 1)
        return lines


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Makes stderr a terminal; every picture of the line is drawn."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(line, "EVERY", 0.0)
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)

    def attached() -> Terminal:
        made = Terminal()
        monkeypatch.setattr(sys, "stderr", made)
        return made

    return attached


def timeless(text: str) -> str:
    """Without times, which differ from run to run."""
    return re.sub(r"\d+\.\d+ s\b", "s", text)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_terminal_shows_what_is_being_done_and_nothing_is_left_of_it(
    name: str, terminal: Callable[[], Terminal], capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed is the same; without a terminal it is all there is."""
    words, shown = COMMANDS[name]
    main(words)
    plain = capsys.readouterr()
    assert not re.search(shown, plain.err)
    assert "\x1b" not in plain.out + plain.err
    there = terminal()
    main(words)
    assert re.search(shown, there.getvalue())
    assert "".join(there.screen()).strip() == plain.err.strip()
    assert timeless(capsys.readouterr().out) == timeless(plain.out)


def test_the_line_is_taken_back_on_ctrl_c(terminal: Callable[[], Terminal]) -> None:
    there = terminal()

    def pressed() -> None:
        with progress() as tell:
            tell("layer 3 of 46")
            assert "layer 3 of 46" in there.screen()[0]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pressed()
    assert "".join(there.screen()).strip() == ""
    assert there.getvalue().rindex("\x1b[?25h") > there.getvalue().rindex("\x1b[?25l"), "the cursor is hidden"


def test_a_network_that_prints_still_prints_to_stdout(
    terminal: Callable[[], Terminal], capsys: pytest.CaptureFixture[str]
) -> None:
    there = terminal()
    with progress() as tell:
        tell("layer 3 of 46")
        sys.stdout.write("from the forward\n")
    assert capsys.readouterr().out == "from the forward\n"
    assert "from the forward" not in there.getvalue()


def test_a_line_is_cut_where_the_terminal_ends(
    terminal: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    there = terminal()
    with progress() as tell:
        tell("layer 3 of 46, " * 9)
        assert max(map(len, there.screen())) <= 20
