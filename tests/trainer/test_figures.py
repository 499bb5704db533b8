"""Every figure can be drawn from a run folder, says what it shows, and does not break on odd names or numbers."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.trainer.runs import epoch, evaluation, run_folder
from trainer.figures import DARK, FIGURES, LIGHT, NothingToDrawError, draw_all, draw_png, draw_svg
from trainer.figures.classes import accuracy_per_class, confusion_matrix
from trainer.figures.curves import learning_rate, loss_and_accuracy
from trainer.figures.mistakes import enlarged, misclassified, overlaid
from trainer.figures.style import saved, styled
from trainer.record import Record, read_record
from trainer.stored_evaluation import ClassScore, Evaluation, class_scores, confused


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return read_record(run_folder(tmp_path / "run"))


def texts(figure: object) -> list[str]:
    """All that is written in a figure."""
    from matplotlib.text import Text

    return [found.get_text() for found in figure.findobj(Text)]  # type: ignore[attr-defined]


def test_the_confusion_matrix_is_that_of_a_count_by_hand() -> None:
    # labels    0 0 0 1 1 2
    # predicted 0 1 1 1 0 2
    assert evaluation().confusion.tolist() == [[1, 2, 0], [1, 1, 0], [0, 0, 1]]
    assert evaluation().accuracy == 50
    assert confused(evaluation()) == [("cat", "dog", 2), ("dog", "cat", 1)]


def test_accuracy_and_precision_per_class_are_those_of_a_count_by_hand() -> None:
    scores = class_scores(evaluation())
    assert [each.recall for each in scores] == [pytest.approx(100 / 3), 50, 100]
    assert [each.precision for each in scores] == [50, pytest.approx(100 / 3), 100]


def test_the_first_mistakes_are_of_different_kinds_and_the_surest() -> None:
    # cat for dog with 90% (row 1) and 60% (row 2), dog for cat with 75% (row 4)
    assert evaluation().mistakes().tolist() == [1, 4, 2]


def test_every_figure_is_drawn_into_the_run_folder(record: Record) -> None:
    said: list[str] = []
    drawn = draw_all(record, said.append)
    assert said == []
    assert [path.name for path in drawn] == [f"{figure.key}.png" for figure in FIGURES]
    for path in drawn:
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert 600 < image.width < 2400


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.key)
def test_a_figure_is_the_same_file_each_time_and_another_in_the_dark(figure: object, record: Record) -> None:
    light = draw_svg(figure, record, LIGHT)  # type: ignore[arg-type]
    assert light == draw_svg(figure, record, LIGHT)  # type: ignore[arg-type]
    assert light != draw_svg(figure, record, DARK)  # type: ignore[arg-type]
    assert len(figure.says(record)) > 20  # type: ignore[attr-defined]


def test_drawing_needs_no_torch(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run")
    code = (
        "import sys; from pathlib import Path; from trainer.report import make;"
        f"make(Path({str(folder)!r}), print); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr


def test_curves_show_every_epoch_and_mark_the_best(record: Record) -> None:
    with styled(LIGHT):
        figure = loss_and_accuracy(record.history, LIGHT, test=69.0)
    loss, accuracy = figure.axes
    assert loss.lines[1].get_ydata().tolist() == [1.8, 0.9, 0.6]
    assert accuracy.lines[1].get_ydata().tolist() == [50, 70, 65]
    assert accuracy.lines[2].get_xydata().tolist() == [[2, 70]]
    assert "best 70.00 in epoch 2, test 69.00 (dashed)" in texts(figure)


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 40])
def test_an_axis_of_epochs_has_whole_ones_only(epochs: int) -> None:
    history = [epoch(number, 50.0, best_epoch=1) for number in range(1, epochs + 1)]
    with styled(LIGHT):
        for axes in loss_and_accuracy(history, LIGHT).axes:
            low, high = axes.get_xlim()
            shown = [tick for tick in axes.get_xticks() if low <= tick <= high]
            assert shown
            assert all(tick == round(tick) for tick in shown)


def test_the_learning_rate_is_that_of_the_steps_where_they_were_logged(record: Record) -> None:
    steps = [{"step": step, "lr": 0.01 * step} for step in range(1, 31)]
    with styled(LIGHT):
        lines = learning_rate(record.history, steps, LIGHT).axes[0].lines
        plain = learning_rate(record.history, [], LIGHT).axes[0].lines
    assert lines[0].get_xdata()[-1] == 3.0
    assert lines[0].get_ydata().tolist() == [pytest.approx(0.01 * step) for step in range(1, 31)]
    assert plain[0].get_ydata().tolist() == [0.1, 0.05, pytest.approx(0.1 / 3)]


def test_the_matrix_shows_its_counts_and_the_bars_their_figures() -> None:
    with styled(LIGHT):
        matrix = texts(confusion_matrix(evaluation().confusion, evaluation().classes, LIGHT))
        bars = texts(accuracy_per_class(class_scores(evaluation()), LIGHT))
    assert {"cat", "dog", "owl", "expected", "predicted", "2"} <= set(matrix)
    assert {"33.3", "50.0", "100.0", "Accuracy per class (mean 61.1%, dashed)"} <= set(bars)


def test_mistakes_show_what_is_expected_and_what_was_predicted() -> None:
    with styled(LIGHT):
        figure = misclassified(evaluation(), LIGHT)
    shown = [{text.strip() for text in texts(axes)} - {""} for axes in figure.axes[:3]]
    assert shown == [{"cat", "dog 90%"}, {"dog", "cat 75%"}, {"cat", "dog 60%"}]


NAMES = ("$x^2$ & <b>", "a very long name of a class that has to be cut somewhere", "猫")


def test_names_are_never_formulas_and_strange_letters_no_warning(tmp_path: Path) -> None:
    record = replace(read_record(run_folder(tmp_path / "run")), evaluation=evaluation(NAMES))
    said: list[str] = []
    assert len(draw_all(record, said.append)) == len(FIGURES)
    assert said == []


@pytest.mark.parametrize("count", [3, 30, 100, 300])
def test_many_classes_still_fit(count: int) -> None:
    many = evaluation(tuple(f"class {number}" for number in range(count)))
    scores = [ClassScore(name, 10, number % 11, 10) for number, name in enumerate(many.classes)]
    with styled(LIGHT):
        for figure in (confusion_matrix(many.confusion, many.classes, LIGHT), accuracy_per_class(scores, LIGHT)):
            with Image.open(io.BytesIO(saved(figure, "png", 100))) as image:
                assert max(image.size) < 1300


def test_grey_images_and_single_epochs_are_drawn(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", accuracies=(40.0,))
    record = replace(read_record(folder), evaluation=evaluation(channels=1))
    assert all(draw_png(figure, record, dpi=60) for figure in FIGURES)


def test_what_a_run_has_no_numbers_for_is_left_out(tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "run", ended=False, evaluated=False)
    (folder / "figures").mkdir()
    (folder / "figures" / "misclassified.png").write_bytes(b"of former weights")
    drawn = draw_all(read_record(folder), print)
    assert [path.name for path in drawn] == ["curves.png", "learning-rate.png"]
    assert not (folder / "figures" / "misclassified.png").exists()


def test_a_perfect_network_has_no_mistakes_to_draw(tmp_path: Path) -> None:
    whole = evaluation(errors=None)
    perfect = Evaluation(**{**vars(whole), "labels": whole.predicted})
    record = replace(read_record(run_folder(tmp_path / "run")), evaluation=perfect)
    for figure in FIGURES:
        if figure.pixels:
            with pytest.raises(NothingToDrawError, match="no mistakes"):
                draw_png(figure, record)
        else:
            assert draw_png(figure, record, dpi=60)


def test_maps_are_enlarged_between_the_centres_of_their_places() -> None:
    # two places over four pixels: centres at 0.5 and 2.5, pixels at 0, 1, 2, 3
    assert enlarged(np.array([[0.0, 1.0]], np.float32), 1, 4).tolist() == [[0.0, 0.25, 0.75, 1.0]]


def test_a_map_of_nothing_leaves_the_image_grey() -> None:
    image = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    grey = overlaid(image, np.zeros((2, 2), np.float32))
    assert (grey == grey[..., :1]).all()
    assert np.abs(grey[..., 0] - image.mean(2)).max() <= 0.5
    hot = overlaid(image, np.ones((2, 2), np.float32))
    assert (hot != hot[..., :1]).any()
