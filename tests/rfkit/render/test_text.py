"""Single values are written short, aligned and honestly."""

from fractions import Fraction

import pytest

from rfkit.render import text


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (9216, "9.2k"),
        (99_949, "99.9k"),
        (99_950, "100k"),
        (110_592, "111k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (18_828_096, "18.8M"),
        (1_814_073_344, "1.8G"),
        (10**18, "1000P"),
    ],
)
def test_counts_keep_two_or_three_digits(count: int, written: str) -> None:
    assert text.human(count) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [(0, "0%"), (0.0001, "<1%"), (0.006, "1%"), (0.118, "12%"), (0.991, "99%"), (0.9999, "99%"), (1, "100%")],
)
def test_percentages_say_nothing_and_all_only_when_it_is_so(share: float, written: str) -> None:
    assert text.percent(share) == written


@pytest.mark.parametrize("cells", [3, 4, 5, 7])
@pytest.mark.parametrize("eighths", [0, 1, 7, 8, 9, 15, 23, 24])
def test_a_bar_shows_its_share_in_eighths(eighths: int, cells: int) -> None:
    share = eighths / (8 * cells)
    if share <= 1:
        bar = text.bar(share, cells)
        assert len(bar) == cells
        assert sum(text.EIGHTHS.index(char) for char in bar) == eighths


def test_a_bar_is_empty_only_at_zero_and_full_only_at_one() -> None:
    assert text.bar(0.0, 4) == "    "
    assert text.bar(1e-9, 4) == "▏   "
    assert text.bar(0.99999, 4) == "███▉"
    assert text.bar(1.0, 4) == "████"


@pytest.mark.parametrize(
    ("largest", "smallest", "written"),
    [
        ((11, 11), (11, 11), "11"),
        ((39, 39), (31, 31), "31..39"),
        ((5, 7), (5, 7), "5x7"),
        ((39, 43), (31, 31), "31x31..39x43"),
        ((64,), (64,), "64"),
        ((7, 7, 19), (7, 7, 19), "7x7x19"),
        ((None, 7), (None, 7), "?x7"),
        ((None, None), (None, None), ""),
    ],
)
def test_a_field_is_one_number_where_axes_and_paths_agree(largest: tuple, smallest: tuple, written: str) -> None:
    assert text.field(largest, smallest) == written


@pytest.mark.parametrize(
    ("jump", "written"),
    [((2, 2), "2"), ((Fraction(1, 2),) * 2, "1/2"), ((2, 1), "2x1"), ((None, None), ""), ((None, 4), "-x4")],
)
def test_a_jump_is_blank_where_no_two_units_are_left(jump: tuple, written: str) -> None:
    assert text.jump(jump) == written


@pytest.mark.parametrize(
    ("shape", "batch", "written"),
    [
        ((1, 64, 12, 12), 1, "64x12x12"),
        ((2, 10), 2, "10"),
        ((25, 10), 1, "25x10"),
        ((1,), 1, "1"),
        ((), 1, "scalar"),
    ],
)
def test_a_shape_drops_the_batch_and_only_the_batch(shape: tuple, batch: int, written: str) -> None:
    assert text.shape(shape, batch) == written


@pytest.mark.parametrize(
    ("size", "written"),
    [
        (640, "640 B"),
        (16_400, "16 KiB"),
        (580_456, "0.55 MiB"),
        (46_758_048, "44.6 MiB"),
        (346_270_624, "330 MiB"),
        (2**31, "2.0 GiB"),
    ],
)
def test_bytes_are_given_in_the_unit_that_reads_best(size: int, written: str) -> None:
    assert text.mebibytes(size) == written


@pytest.mark.parametrize("columns", range(2, 60))
@pytest.mark.parametrize("name", ["features.denseblock3.denselayer12.conv1", "Netz.größe.名前.層.conv", "x"])
def test_a_shortened_name_fits_and_keeps_its_ends(name: str, columns: int) -> None:
    short = text.shorten(name, columns)
    assert text.width(short) <= columns
    if short != name:
        head, tail = short.split("…")
        assert name.startswith(head)
        assert name.endswith(tail)


@pytest.mark.parametrize("breaking", ["\n", "\r\n", "\t", "\u2028", "\x1b", "\x85"])
def test_a_name_is_shown_in_one_line(breaking: str) -> None:
    name = f"head.a{breaking}b"
    for shown in (text.one_line(name), text.shorten(name, 99), text.abbreviate(name, 99)):
        assert shown.isprintable()
        assert len(shown) == len(name)
    assert text.one_line("é层🙂.conv") == "é层🙂.conv"


def test_abbreviated_names_keep_their_numbers_and_their_last_component() -> None:
    name = "features.denseblock3.denselayer12.conv1"
    assert text.abbreviate(name, 3) == "fea.den3.den12.conv1"
    assert text.abbreviate(name, 1) == "f.d3.d12.conv1"
    assert text.abbreviate("layer1.0.downsample.0", 4) == "layer1.0.down.0"
    assert text.abbreviate("encoder.layers.encoder_layer_0.mlp.0", 1) == "e.l.el0.m.0"
    assert text.abbreviate("classifier", 1) == "classifier"


def test_wide_characters_count_as_two_columns() -> None:
    assert text.width("層1") == 3
    assert text.pad("層", 4) == "層  "
    assert text.pad("層", 4, ">") == "  層"


def test_a_list_of_names_stops_where_the_room_ends_and_counts_the_rest() -> None:
    assert text.listing(["a", "b"]) == "a, b"
    assert text.listing(["backbone.stem", "backbone.neck", "backbone.head"], 30) == (
        "backbone.stem, backbone.neck (and 1 more)"
    )
    assert text.listing(["x" * 50, "y"], 10) == "x" * 50 + " (and 1 more)"
