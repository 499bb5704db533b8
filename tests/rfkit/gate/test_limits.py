"""Limits are read as a person writes them, exactly, and a wrong one is told in a sentence."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfkit.gate.limits import Limit, parse_limit, parse_limits
from rfkit.gate.quantities import COUNT, MEMORY, SHARE, SIZE, WINDOW, Quantity
from rfkit.gate.spec.values import limit_text

deterministic = settings(derandomize=True, database=None, deadline=None)
QUANTITIES = {"size": SIZE, "window": WINDOW, "count": COUNT, "memory": MEMORY, "share": SHARE}


@pytest.mark.parametrize(
    ("written", "quantity", "text", "holds", "breaks"),
    [
        ("> 44", SIZE, "> 44", [45, Fraction(89, 2)], [44, 0]),
        (">=45", SIZE, ">= 45", [45], [44]),
        ("≥ 45", SIZE, ">= 45", [45], [44]),
        ("=> 45", SIZE, ">= 45", [45], [44]),
        ("< 200k", COUNT, "< 200k", [199_999], [200_000]),
        ("< 200K", COUNT, "< 200K", [199_999], [200_000]),
        ("< 200 k", COUNT, "< 200k", [199_999], [200_000]),
        ("<= 1.5M", COUNT, "<= 1.5M", [1_500_000], [1_500_001]),
        ("<= 2G", COUNT, "<= 2G", [2 * 10**9], [2 * 10**9 + 1]),
        ("< 200_000", COUNT, "< 200_000", [199_999], [200_000]),
        ("< 200,000", COUNT, "< 200,000", [199_999], [200_000]),
        ("< 2e5", COUNT, "< 2e5", [199_999], [200_000]),
        (200_000, COUNT, "== 200000", [200_000], [199_999, 200_001]),
        ("200k", COUNT, "== 200k", [200_000], [199_999, 200_001]),
        ("= 200k", COUNT, "== 200k", [200_000], [199_999]),
        ("< 2 MiB", MEMORY, "< 2 MiB", [2 * 2**20 - 1], [2 * 2**20]),
        ("<2MB", MEMORY, "< 2 MB", [2 * 10**6 - 1], [2 * 10**6]),
        ("<= 512 KiB", MEMORY, "<= 512 KiB", [512 * 2**10], [512 * 2**10 + 1]),
        ("<= 512 kB", MEMORY, "<= 512 kB", [512_000], [512_001]),
        ("45..64", SIZE, "45..64", [45, 64], [44, 65]),
        ("45 ... 64", SIZE, "45..64", [45, 64], [44, 65]),
        ("100k..200k", COUNT, "100k..200k", [100_000, 200_000], [99_999, 200_001]),
        ("> 44, <= 64", SIZE, "> 44, <= 64", [45, 64], [44, 65]),
        ("> 44 and <= 64", SIZE, "> 44, <= 64", [45, 64], [44, 65]),
        ("> 44, >= 44, < 60, < 50", SIZE, "> 44, >= 44, < 60, < 50", [45, 49], [44, 50]),
        (">= 0.9", SHARE, ">= 0.9", [Fraction(9, 10), 1], [Fraction(899, 1000)]),
        (">= 90%", SHARE, ">= 90%", [Fraction(9, 10), 1], [Fraction(899, 1000)]),
        (0.7, SHARE, "== 0.7", [Fraction(7, 10)], [Fraction(7, 10) + Fraction(1, 10**9)]),
        ("<= 1/2", SIZE, "<= 1/2", [Fraction(1, 2)], [1]),
        ("> 44 px", SIZE, "> 44", [45], [44]),
        ("<= 7", WINDOW, "<= 7", [7], [8]),
    ],
)
def test_a_limit_is_read_as_it_is_written(
    written: object, quantity: Quantity, text: str, holds: list[Fraction], breaks: list[Fraction]
) -> None:
    limit = parse_limit(written, quantity)
    assert limit.text == text
    assert [value for value in holds if not limit.holds(value)] == []
    assert [value for value in breaks if limit.holds(value)] == []


@pytest.mark.parametrize("written", [["> 44", "> 60"], "> 44x60", "> 44 × 60"])
def test_a_limit_may_be_one_per_axis(written: object) -> None:
    assert [limit.text for limit in parse_limits(written, SIZE)] == ["> 44", "> 60"]


@pytest.mark.parametrize(
    ("written", "quantity", "said"),
    [
        ("> fourtyfour", SIZE, "\"> fourtyfour\" is no limit: 'fourtyfour' is no number"),
        ("", SIZE, "an empty text is no limit"),
        (">", SIZE, '">" is no limit: no number follows >'),
        (True, COUNT, "true is no limit"),
        ({"max": 3}, COUNT, "a table is no limit"),
        (float("nan"), COUNT, "nan is no limit: 'nan' is no number"),
        (float("inf"), COUNT, "inf is no limit: 'inf' is no number"),
        ("> -3", COUNT, '"> -3" is no limit: -3 is negative'),
        ("< 200q", COUNT, "\"< 200q\" is no limit: no unit 'q'; there are k, K, M, G"),
        ("< 200m", COUNT, "\"< 200m\" is no limit: no unit 'm'; did you mean 200M?"),
        ("< 2 mib", MEMORY, "\"< 2 mib\" is no limit: no unit 'mib'; did you mean 2 MiB?"),
        ("< 2M", MEMORY, "\"< 2M\" is no limit: '2M' is no amount of memory; did you mean 2 MB or 2 MiB?"),
        ("< 200 KB", COUNT, '"< 200 KB" is no limit: KB is a unit of memory, and this is a count'),
        ("> 44 cm", SIZE, "\"> 44 cm\" is no limit: no unit 'cm'; there is only px"),
        ("<= 7 px", WINDOW, "\"<= 7 px\" is no limit: no unit 'px'; it is a plain number"),
        ("< 20,00", COUNT, '"< 20,00" is no limit: the commas of 20,00 do not stand between thousands'),
        ("< 1/0", SIZE, '"< 1/0" is no limit: 1/0 divides by 0'),
        ("< 1e99", COUNT, '"< 1e99" is no limit: 1e99 has more than 30 digits'),
        ("> 44x60", COUNT, "\"> 44x60\" is no limit: '44x60' is no number"),
        ("more than 44", SIZE, '"more than 44" is no limit: \'more than 44\' is no number; did you mean "> 44"?'),
        ("at least 45", SIZE, '"at least 45" is no limit: \'at least 45\' is no number; did you mean ">= 45"?'),
        ("44 <", SIZE, '"44 <" is no limit: \'44 <\' is no number; did you mean "> 44"?'),
        ("45+", SIZE, '"45+" is no limit: \'45+\' is no number; did you mean ">= 45"?'),
        ("45-64", SIZE, '"45-64" is no limit: \'45-64\' is no number; did you mean "45..64"?'),
        ("> 45..64", SIZE, '"> 45..64" is no limit: a range has no comparison in it, e.g. 45..64'),
        ("64..45", SIZE, "no number can be 64..45"),
        ("> 64, < 45", SIZE, "no number can be > 64, < 45"),
        ("> 44, <= 44", SIZE, "no number can be > 44, <= 44"),
        ("> 3, < 4", COUNT, "no whole number is > 3, < 4"),
        (1.5, COUNT, "no whole number is == 1.5"),
        ("< 0", COUNT, "no count can be < 0"),
        (">= 90", SHARE, 'no share can be >= 90: it is a part of the image, from 0 to 1, e.g. ">= 90%"'),
    ],
)
def test_a_wrong_limit_is_told_in_a_sentence(written: object, quantity: Quantity, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        parse_limit(written, quantity)


@pytest.mark.parametrize(
    ("written", "quantity", "said"),
    [
        ([], SIZE, "the list is empty: a limit for each axis, or one for all"),
        (["< 1", "< 2"], COUNT, '["< 1", "< 2"] is a list, but it is one number, not one per axis'),
        (["> 44", "> x"], SIZE, "\"> x\" is no limit: 'x' is no number"),
    ],
)
def test_wrong_limits_per_axis_are_told(written: object, quantity: Quantity, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        parse_limits(written, quantity)


numbers = st.one_of(
    st.integers(0, 10**9).map(str),
    st.integers(0, 10**9).map(lambda n: f"{n:_}"),
    st.integers(0, 10**9).map(lambda n: f"{n:,}"),
    st.decimals(0, 1000, places=3).map(str),
)
comparisons = st.sampled_from([">", ">=", "<", "<=", "==", "=", "≤", "≥"])
spaces = st.sampled_from(["", " ", "  "])


@st.composite
def written_limits(draw: st.DrawFn) -> tuple[str, Quantity]:
    quantity = draw(st.sampled_from(list(QUANTITIES.values())))
    unit = draw(st.sampled_from(["", *quantity.units]))
    low, high = (f"{draw(numbers)}{draw(spaces)}{unit}" for _ in range(2))
    text = draw(
        st.one_of(
            st.builds("{}{}{}".format, comparisons, spaces, st.just(low)),
            st.builds("{}{}..{}{}".format, st.just(low), spaces, spaces, st.just(high)),
            st.builds("> {}, <= {}".format, st.just(low), st.just(high)),
            st.just(low),
        )
    )
    return text, quantity


@deterministic
@given(written_limits())
def test_what_is_said_back_means_the_same(case: tuple[str, Quantity]) -> None:
    written, quantity = case
    limit = accepted(written, quantity)
    if limit is not None:
        assert parse_limit(limit.text, quantity) == limit


@deterministic
@given(written_limits())
def test_the_json_schema_accepts_every_limit(case: tuple[str, Quantity]) -> None:
    written, quantity = case
    if accepted(written, quantity) is not None:
        assert re.search(limit_text(quantity), written)


@deterministic
@given(st.text(max_size=12), st.sampled_from(list(QUANTITIES.values())))
def test_any_text_is_a_limit_or_a_sentence(written: str, quantity: Quantity) -> None:
    limit = accepted(written, quantity)
    assert limit is None or limit.low is not None or limit.high is not None


@deterministic
@given(numbers, st.fractions(0, 10**9))
def test_comparisons_are_exact(written: str, value: Fraction) -> None:
    number = Fraction(written.replace("_", "").replace(",", ""))
    assert parse_limit(f"> {written}", SIZE).holds(value) == (value > number)
    assert parse_limit(f"<= {written}", SIZE).holds(value) == (value <= number)


def accepted(written: str, quantity: Quantity) -> Limit | None:
    """The limit; None for a text that is refused with a sentence of one line."""
    refusal = ""
    try:
        return parse_limit(written, quantity)
    except ValueError as error:
        refusal = str(error)
    assert len(refusal.splitlines()) == 1
    return None
