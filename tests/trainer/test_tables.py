"""How figures are written."""

from __future__ import annotations

import pytest

from trainer.tables import counted, size, wrapped


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (3840, "3.8 kB"),
        (999_990, "1.0 MB"),
        (30_720_000, "30.7 MB"),
        (2**40, "1,099.5 GB"),
    ],
)
def test_bytes_are_in_the_unit_that_fits(count: int, written: str) -> None:
    assert size(count) == written


def test_one_of_a_thing_is_singular() -> None:
    assert (counted(1, "layer"), counted(2, "layer"), counted(1200, "layer")) == ("1 layer", "2 layers", "1,200 layers")


def test_columns_that_do_not_fit_go_into_a_table_below_that_begins_likewise() -> None:
    assert wrapped(["name", "a", "b", "c"], [["x", "111", "222", "333"]], 16) == "\n".join(
        [" name    a    b", " x     111  222", "", " name    c", " x     333"]
    )
