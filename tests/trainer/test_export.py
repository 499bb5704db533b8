"""Exported networks compute what the network computes, for batches of any size; a file that does not is never left."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainer.cli import main
from trainer.errors import TrainerError, TrainingError
from trainer.export import FORMATS, export, write
from trainer.record import read_record
from trainer.trained import Trained, load_trained


@pytest.fixture(scope="module")
def trained(trained_run: Path) -> Trained:
    return load_trained(read_record(trained_run), "best", print, device="cpu")


def read_back(form: str, path: Path) -> tuple[Any, dict[str, str]]:
    """The file as a function, and what it says of itself, read as any program would."""
    about: dict[str, Any] = {"classes": "", "mean": "", "std": ""}
    if form == "onnx":
        session = pytest.importorskip("onnxruntime").InferenceSession(path, providers=["CPUExecutionProvider"])
        about = session.get_modelmeta().custom_metadata_map
        return lambda images: torch.from_numpy(
            session.run(None, {session.get_inputs()[0].name: images.numpy()})[0]
        ), about
    if form == "torchscript":
        with _quiet():
            loaded = torch.jit.load(str(path), _extra_files=about)
        return loaded, about
    return torch.export.load(path, extra_files=about).module(), about


def _quiet() -> Any:
    import warnings

    return warnings.catch_warnings(action="ignore")


@pytest.mark.parametrize("takes_bytes", [False, True], ids=["normalised", "bytes"])
@pytest.mark.parametrize("form", FORMATS)
def test_the_file_computes_the_same(form: str, takes_bytes: bool, trained: Trained, tmp_path: Path) -> None:
    if form == "onnx":
        pytest.importorskip("onnxscript")
    path = tmp_path / f"net{FORMATS[form][0]}"
    done = export(trained, form, path, takes_bytes=takes_bytes)
    run, about = read_back(form, path)
    images = torch.from_numpy(np.random.default_rng(1).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8))
    given = images if takes_bytes else trained.normalize(images).contiguous()
    with _quiet(), torch.no_grad():
        assert torch.allclose(run(given), trained.scores(images), atol=1e-4)
    assert json.loads(about["classes"]) == ["blue", "green", "red"]
    assert json.loads(about["mean"]) == list(trained.mean)
    assert done.bytes == path.stat().st_size
    assert 0 <= done.difference < 1e-4


def test_a_file_that_computes_something_else_is_not_left(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(model: nn.Module, images: Tensor, path: Path, about: dict[str, str]) -> Any:
        path.write_bytes(b"")
        return lambda batch: model(batch) + 0.5

    monkeypatch.setitem(write.FORMATS, "pt2", (".pt2", wrong))
    (tmp_path / "net.pt2").write_bytes(b"of before")
    with pytest.raises(TrainingError, match=r"differs from the network itself by 0\.5"):
        export(trained, "pt2", tmp_path / "net.pt2")
    assert (tmp_path / "net.pt2").read_bytes() == b"of before"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_network_that_cannot_be_exported_is_one_line(trained: Trained, tmp_path: Path) -> None:
    class Chooses(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean((2, 3)) if float(x.sum()) > 0 else x.amax((2, 3))

    odd = Trained(**{**vars(trained), "model": Chooses()})
    with pytest.raises(TrainerError, match="cannot be exported as pt2") as raised:
        export(odd, "pt2", tmp_path / "net.pt2")
    assert "\n" not in str(raised.value)


def test_the_network_is_left_as_it_was(trained: Trained, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in trained.model.state_dict().items()}
    export(trained, "torchscript", tmp_path / "net.pt")
    assert all(parameter.requires_grad for parameter in trained.model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in trained.model.state_dict().items())


def test_the_command_prints_the_largest_difference(
    trained_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.pt2"
    assert main(["export", str(trained_run), "--format", "pt2", "-o", str(path)]) == 0
    found = capsys.readouterr()
    assert found.out.startswith(f"{path}: ")
    assert "on 10 random images its scores differ from the network's by at most " in found.out
    assert found.err == ""


def test_onnx_without_its_packages_is_one_line_with_the_remedy(
    trained_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert main(["export", str(trained_run), "--format", "onnx", "-o", str(tmp_path / "net.onnx")]) == 2
    missing = capsys.readouterr().err
    assert missing in [
        f"trainer: --format onnx needs {package}: pip install 'rfkit[onnx]'\n" for package in ("onnx", "onnxscript")
    ]
    assert not (tmp_path / "net.onnx").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "onyx", "-o", "net"], "did you mean onnx?"),
        (["--format", "pt2", "-o", "nowhere/net.pt2"], "cannot write nowhere/net.pt2: there is no folder nowhere"),
        (["--format", "pt2", "-o", "."], "cannot write .: it is a folder"),
        (["--format", "pt2"], "missing option '--output'"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str], message: str, trained_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(trained_run), *words]) == 2
    found = capsys.readouterr()
    assert message in found.err
    assert found.err.count("\n") == 1
