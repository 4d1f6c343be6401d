"""The bill: closed forms against sums by hand and a simulation."""

import random

import pytest

from course_lib.errors import CourseError
from course_lib.serving.cost import (
    UNITS,
    break_even,
    copy_bandwidth,
    per_million_tokens,
    read_prices,
    scale_to_zero,
)


def test_a_token_costs_what_its_share_of_the_hour_costs() -> None:
    assert per_million_tokens(3.6, 1000, 1.0) == pytest.approx(1.0)  # 3.6 million tokens an hour
    assert per_million_tokens(3.6, 1000, 0.25) == pytest.approx(4.0)
    assert break_even(2.0, 1000, 500, (1.0, 2.0)) == pytest.approx(1000)  # 0.002 dollars a request
    assert break_even(2.0, 1000, 500, (0.0, 0.0)) == float("inf")
    for wrong in [(1.0, 0.0, 0.5), (1.0, 10.0, 0.0), (1.0, 10.0, 1.1)]:
        with pytest.raises(CourseError, match="utilisation"):
            per_million_tokens(*wrong)


@pytest.mark.parametrize(("rate", "keep", "start"), [(0.01, 60, 30), (0.002, 300, 100), (1, 0, 2)])
def test_scale_to_zero_is_what_a_simulated_machine_does(rate, keep, start) -> None:
    paid, off = scale_to_zero(rate, keep, start)
    rng, now, until, on, cold, number = random.Random(0), 0.0, 0.0, 0.0, 0, 200_000
    for _ in range(number):
        now += rng.expovariate(rate)
        if now >= until:  # off: it starts, and is ready later
            cold, on, until = cold + 1, on + start + keep, now + start + keep
        elif now + keep > until:
            on, until = on + now + keep - until, now + keep
    assert (on / now, cold / number) == pytest.approx((paid, off), rel=0.02)
    with pytest.raises(CourseError):
        scale_to_zero(0, keep, start)


def test_every_price_of_the_table_has_a_date_and_a_source(tmp_path) -> None:
    for price in read_prices():
        assert price.unit in UNITS and price.dollars > 0
        assert price.source.startswith("https://") != (price.date == "example")
    table = tmp_path / "prices.csv"
    table.write_text("name,unit,dollars,date,source\nA,hour,1,2026,x\nB,hour,free,2026,x\n")
    with pytest.raises(CourseError, match="Row 2 of prices.csv"):
        read_prices(table)


def test_a_copy_moves_bytes() -> None:
    assert copy_bandwidth(megabytes=4, tries=2) > 1e6
