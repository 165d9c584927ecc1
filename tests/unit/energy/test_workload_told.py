"""What is not known makes no account greener or lighter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from energy.workloads.amounts import SUMMED, Sums, together
from energy.workloads.share import WHOLE
from energy.workloads.told import Amounts, Highest, account_of, amounts_of, bounded


class Quarter(NamedTuple):
    """What a job had of a quarter-hour of its site: Wh, of that green, and g; or what it was is not known."""

    wh: int
    green: int
    grams: int
    known: bool = True


def told(quarters: Sequence[Quarter], floor: float = 0.0) -> Amounts:
    """The amounts of a job that has half of its site."""
    sums: list[Sums] = [dict.fromkeys(SUMMED, 0)]
    for one in quarters:
        found = dict.fromkeys(SUMMED, 0) | {"intervals": 1}
        if one.known:
            found |= {"total_wh": one.wh, "n_total_wh": 1, "green_wh": one.green, "n_green_wh": 1}
            found |= {"co2_location_g": one.grams, "n_co2_location_g": 1}
        else:
            found |= {"lost_load": WHOLE // 2, "lost_location": WHOLE // 2}
        sums.append(found)
    known = [one for one in quarters if one.known]
    highest = Highest(
        max((2 * one.wh for one in known), default=None), max((2 * one.grams for one in known), default=None)
    )
    return amounts_of(bounded(together(sums), highest), floor)


def test_four_dark_quarters_that_are_lost_leave_the_job_as_green_and_as_heavy_as_it_was() -> None:
    green, dark = Quarter(1000, 1000, 0), Quarter(1000, 0, 700)
    whole = told([green] * 4 + [dark] * 4)
    assert (whole.green_share, whole.co2_location_g) == (0.5, 2800)
    lost = told([green] * 4 + [dark] + [dark._replace(known=False)] * 3)
    assert (lost.green_share, lost.co2_location_g, lost.missing_wh) == (0.5, 2800, 3000)
    assert (lost.known, lost.missing_location_g) == (5, 2100)
    withheld = told([green] * 4 + [dark._replace(known=False)] * 4, 0.9)
    assert (withheld.green_share, withheld.co2_location_g, withheld.total_wh) == (None, None, 4000)
    assert "known for 50.00 % of the quarter-hours" in withheld.withheld["green_share"]


def test_where_nothing_is_known_nothing_is_told() -> None:
    found = told([Quarter(1000, 0, 0, known=False)])
    assert (found.total_wh, found.missing_wh, found.green_share, found.co2_location_g) == (None,) * 4


quarters = st.builds(
    lambda wh, green, grams: Quarter(wh, min(wh, green), grams),
    st.integers(1, 5000), st.integers(0, 5000), st.integers(0, 5000),
)  # fmt: skip


@settings(max_examples=30)
@given(st.lists(quarters, min_size=2, max_size=8), st.sets(st.integers(0, 7)))
def test_losing_any_quarter_but_the_highest_makes_no_job_greener_or_lighter(
    whole: list[Quarter], lost: set[int]
) -> None:
    kept = {
        whole.index(max(whole, key=lambda one: one.wh)),
        whole.index(max(whole, key=lambda one: one.grams)),
    }
    holed = [one._replace(known=n not in lost - kept) for n, one in enumerate(whole)]
    before, after = told(whole), told(holed)
    assert (after.green_share or 0) <= (before.green_share or 0) + 1e-12
    assert (after.co2_location_g or 0) >= (before.co2_location_g or 0)


def test_bounds_are_rounded_up_and_what_is_known_but_not_for_sure_is_part_of_them() -> None:
    sums = dict.fromkeys(SUMMED, 0) | {"lost_load": WHOLE // 3, "unsure_wh": 300}
    assert bounded(sums, Highest(1000))["missing_load"] == 34
    assert bounded(sums | {"unsure_wh": 999}, Highest(1000))["missing_load"] == 0
    assert amounts_of(bounded(sums, Highest())).missing_wh is None


def heard(told_ms: int, grams: int, floor: float = 0.9) -> Amounts:
    """The account of a job of 1000 s of GPU time, of which ``told_ms`` are known, with what that tells."""
    sums = dict.fromkeys(SUMMED, 0) | {"intervals": 1, "told_ms": told_ms, "expected_ms": 1_000_000}
    sums |= {"total_wh": grams, "green_wh": grams // 2, "co2_location_g": grams, "co2_market_g": grams}
    sums |= {f"n_{name}": 1 for name in ("total_wh", "green_wh", "co2_location_g", "co2_market_g")}
    return account_of(bounded(sums, Highest(1000, 1000, 1000)), floor)


def test_a_job_whose_gpus_fall_silent_gets_no_lighter_and_no_greener() -> None:
    whole, some, silent = heard(1_000_000, 1000), heard(950_000, 950), heard(100_000, 100)
    assert (whole.co2_location_g, whole.missing_wh, whole.green_share) == (1000, 0, 0.5)
    assert (some.co2_location_g, some.co2_market_g, some.missing_wh, some.total_wh) == (1000, 1000, 50, 950)
    assert some.green_share == 0.475
    assert (silent.co2_location_g, silent.co2_market_g, silent.green_share) == (None, None, None)
    assert (silent.total_wh, silent.missing_wh) == (100, 900)
    assert "the energy of its GPUs is known for 10.00 % of their time" in silent.withheld["co2_location_g"]
    mute = heard(0, 0, floor=0.0)
    assert (mute.co2_location_g, mute.green_share, mute.missing_wh) == (None, None, None)
