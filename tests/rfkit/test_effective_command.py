"""``rfkit erf``: weights from files, images, runs of the trainer, pictures, JSON, and one line for whatever goes wrong."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

import rfkit
from rfkit.cli import main
from tests.trainer import trainings
from trainer.progress import Progress
from trainer.train import fit

ROOT = Path(__file__).resolve().parents[2]
NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, 6, 5, 2)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.second(self.first(x).relu()).relu().mean((2, 3)))


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.Sequential(*(nn.Conv1d(1 if i == 0 else 4, 4, 3, dilation=2**i) for i in range(4)))

    def forward(self, x):
        return self.convs(x)


class Video(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.Sequential(nn.Conv3d(3, 4, 3, (1, 2, 2), 1), nn.ReLU(), nn.Conv3d(4, 4, 3, padding=1))

    def forward(self, x):
        return self.convs(x)
"""

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("net.py:Net", ...)`` in a folder with networks gives what is printed, or the one line of an error."""
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)

    def command(*words: str, code: int = 0) -> str:
        assert main(["erf", *words]) == code
        said = capsys.readouterr()
        if code:
            assert (said.out, said.err.count("\n")) == ("", 1)
        return said.err if code else said.out

    return command


def measured(run: Run, *words: str) -> dict:
    return json.loads(run(*words, "-n", "3", "--format", "json"))


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    (folder / "more").mkdir(parents=True)
    random = np.random.default_rng(0)
    for i in range(5):
        pixels = random.integers(0, 256, (20 + i, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / ("more" if i % 2 else ".") / f"{i}.png")
    (folder / "notes.txt").write_text("no image", encoding="utf-8")
    return folder


def test_the_text_fits_eighty_columns_and_says_what_was_measured(run: Run) -> None:
    for words in (("net.py:Net",), ("net.py:Net", "--all"), ("net.py:Line", "--input", "1x60"), ("net.py:Net", "*")):
        text = run(*words, "-n", "2")
        assert max(map(len, text.splitlines())) <= 120
        assert "2 random inputs of seed 0" in text
    text = run("net.py:Net", "second", "-n", "2")
    assert max(map(len, text.splitlines())) <= 80
    assert "second (Conv2d, 6x14x14), centre unit (7, 7)" in text
    assert "theoretical field 7x7 pixels around (16.5, 16.5): 13..19, 13..19" in text


def test_the_json_has_the_figures_of_the_python_function(run: Run) -> None:
    found = measured(run, "net.py:Net", "second")
    expected = rfkit.erf(rfkit.load("net.py:Net"), (3, 32, 32), "second", inputs=3, target="net.py:Net").to_dict()
    assert found | {"weights": ""} == expected | {"weights": ""}


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "nested.pth", "parallel.pt"])
def test_trained_weights_are_read_from_files(name: str, run: Run, tmp_path: Path) -> None:
    state = rfkit.load(str(tmp_path / "net.py:Net"), seed=7).state_dict()
    if name.endswith("safetensors"):
        save_file({**state, "trainer/momentum": torch.ones(3)}, name)
    else:
        given = {f"module.{key}": value for key, value in state.items()} if "parallel" in name else state
        torch.save({"state_dict": given} if "nested" in name else given, name)
    found, initial = measured(run, "net.py:Net", "--weights", name), measured(run, "net.py:Net")
    expected = measured(run, "net.py:Net", "--seed", "7")["fields"]
    assert found["weights"] == f"weights of {name}"
    assert found["fields"] != initial["fields"]
    assert expected[0]["box"] == found["fields"][0]["box"]
    direct = rfkit.erf(rfkit.load("net.py:Net", seed=7), (3, 32, 32), inputs=3)
    assert found["fields"] == direct.to_dict()["fields"]


def test_weights_that_do_not_fit_are_refused_in_a_line(run: Run) -> None:
    state = rfkit.load("net.py:Net").state_dict()
    for change, said in (
        ({"first.bias": None}, "it has no first.bias$"),
        ({"extra.weight": torch.ones(1)}, "the network has no extra.weight$"),
        ({"first.bias": torch.ones(9)}, "first.bias is 9 in the file and 4 in the network$"),
        ({"first.bias": None, "first.bais": torch.ones(4)}, "it has no first.bias, but first.bais$"),
    ):
        save_file({k: v for k, v in {**state, **change}.items() if v is not None}, "w.safetensors")
        assert re.search(
            f"w.safetensors does not fit net.py:Net: {said}", run("net.py:Net", "--weights", "w.safetensors", code=2)
        )


def test_files_that_hold_more_than_tensors_are_not_run(run: Run) -> None:
    torch.save(nn.Conv2d(1, 1, 1), "whole.pt")
    assert "holds more than tensors: save model.state_dict()" in run("net.py:Net", "--weights", "whole.pt", code=2)
    Path("junk.safetensors").write_bytes(b"junk")
    assert "is no file of weights" in run("net.py:Net", "--weights", "junk.safetensors", code=2)


def test_images_are_measured_on_and_normalised(run: Run, photographs: Path) -> None:
    alone = measured(run, "net.py:Net", "--images", str(photographs))
    assert alone["inputs"] == "3 images of 5"
    assert "normalised by their own mean and std" in alone["notes"][0]
    given = measured(run, "net.py:Net", "--images", str(photographs / "0.png"), "--mean", "0.5", "--std", "0.25")
    assert (given["inputs"], given["notes"], given["fields"][0]["inputs"]) == ("1 image", [], 1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    assert fit(trainings.settings(folder, epochs=2, seed=3, lr=0.5), Progress()).exit_code == 0
    return folder


def test_a_run_is_measured_before_and_after_its_training(run: Run, trained: Path) -> None:
    before, after = measured(run, "--run", str(trained / "run"), "--images", str(trained / "images" / "test"))
    assert before["weights"] == "initial weights of seed 3"
    assert after["weights"].endswith("checkpoints/best.safetensors")
    assert before["notes"] == [], "the images are normalised as in the training"
    target, best = f"{trained / 'tiny.py'}:Tiny", str(trained / "run" / "checkpoints" / "best.safetensors")
    plain = measured(run, "--run", str(trained / "run"))
    assert plain[0]["fields"] != plain[1]["fields"]
    assert plain[0]["fields"] == rfkit.erf(rfkit.load(target, seed=3), (3, 8, 8), inputs=3).to_dict()["fields"]
    assert plain[1]["fields"] == measured(run, target, "--weights", best, "--input", "3x8x8")["fields"]
    text = run("--run", str(trained / "run"), "features.0", "-n", "2", "-o", "pair.png")
    assert "smallest square, pixels, before" in text
    assert "smallest square, pixels, after" in text
    assert picture("pair.png").width > 1000
    run("--run", str(trained / "run"), "features.*", "-n", "2", "-o", "pairs.png")
    assert picture("pairs.png").height > picture("pair.png").height / 2


def test_a_run_whose_network_has_changed_is_measured_with_its_own_copy(
    run: Run, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = trained / "tiny.py"
    kept = source.read_text(encoding="utf-8")
    try:
        source.write_text(kept.replace("Conv2d(3, 8, 3", "Conv2d(3, 8, 5"), encoding="utf-8")
        assert main(["erf", "--run", str(trained / "run"), "-n", "1", "--format", "json"]) == 0
    finally:
        source.write_text(kept, encoding="utf-8")
    said = capsys.readouterr()
    assert "the network is that of" in said.err
    assert json.loads(said.out)[0]["fields"][0]["receptive_field"] == [3, 3]


def picture(path: str) -> Image.Image:
    image = Image.open(io.BytesIO(Path(path).read_bytes()))
    image.load()
    assert image.format == "PNG"
    return image


@pytest.mark.parametrize(
    "words",
    [
        ("net.py:Net",),
        ("net.py:Net", "--all"),
        ("net.py:Line", "--input", "1x60"),
        ("net.py:Line", "--input", "1x60", "--all"),
        ("net.py:Video", "--input", "3x6x20x16"),
        ("net.py:Video", "--input", "3x6x20x16", "--all"),
    ],
)
def test_pictures_are_drawn_dark_on_white_with_nothing_at_their_edges(words: tuple[str, ...], run: Run) -> None:
    run(*words, "-n", "1", "-o", "erf.png", "-o", "erf.json")
    pixels = np.asarray(picture("erf.png").convert("L")).astype(int)
    assert pixels.max() >= 254
    assert pixels.min() < 60
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert edges.min() >= 250, "no text or frame is cut off"
    assert json.loads(Path("erf.json").read_text())["schema"] == "rfkit.erf/1"


def test_the_theoretical_box_is_drawn_around_the_map(run: Run) -> None:
    run("net.py:Net", "first", "-n", "1", "-o", "erf.png")
    pixels = np.asarray(picture("erf.png").convert("RGB")).astype(int)
    orange = (pixels[..., 0] > 170) & (abs(pixels[..., 1] - 65) < 30) & (pixels[..., 2] < 50)
    rows, columns = np.nonzero(orange.sum(1) > 100)[0], np.nonzero(orange.sum(0) > 100)[0]
    assert rows.size, "top and bottom of the box"
    assert columns.size, "its sides"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give a target such as model.py:Net, or --run"),
        (("net.py:Net", "head"), "head has no effective field: it has no positions left"),
        (("net.py:Net", "secnd"), "no layer 'secnd'; did you mean second"),
        (("net.py:Net", "zzz"), "no layer 'zzz'; there are first, second, mean, head"),
        (("net.py:Net", "x*"), "no layer matches 'x\\*'"),
        (("net.py:Net", "first", "--all"), "--all and the layer first do not go together"),
        (("net.py:Net", "-o", "erf.svg"), "erf.svg: expected a name that ends in .png or .json"),
        (("net.py:Net", "-o", "no/erf.png"), "cannot write no/erf.png: no such file or directory"),
        (("net.py:Net", "--images", "no"), "no image no: there is no such file"),
        (("net.py:Net", "--images", "net.py"), "image net.py: not a picture"),
        (("net.py:Line", "--input", "1x60", "--images", "net.py"), "images do not fit the input 1x1x60"),
        (("net.py:Net", "--weights", "no.pt"), "no weights no.pt: there is no such file"),
        (("net.py:Net", "--weights", "."), "no weights .: it is a folder"),
        (("net.py:Net", "--radii", "1,x"), "--radii '1,x': expected numbers"),
        (("--run", "no"), "no run no"),
        (("--run", "."), "it has no config.toml"),
        (("--run", ".", "--weights", "w.pt"), "--run takes the weights of the run"),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(words: tuple[str, ...], said: str, run: Run) -> None:
    assert re.search(said, run(*words, "-n", "1", code=2))


def test_every_key_of_the_json_is_documented(run: Run) -> None:
    page = (ROOT / "docs" / "erf.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    found = measured(run, "net.py:Net")
    field = found["fields"][0]
    inner = {key for part in ("squares", "replknet", "radii", "gaussian") for key in field[part][0]}
    assert documented == {*found, *field, *inner, "reason"}
