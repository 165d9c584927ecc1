"""Changes that say when they take effect: from then on, whenever they are noticed, and the past stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from energy.configuration.era import eras
from energy.configuration.plan import Plan, described
from energy.configuration.site import SiteOptions
from energy.interval import Period, Step
from runtime.clock import to_ms
from tests.unit.energy.plant import START, site
from tests.unit.energy.test_roster import (
    CHANGED,
    HOUR,
    PAST,
    PV,
    RUNNING,
    SECOND,
    UPS,
    UTILITY,
    WIND,
    figures,
    gdansk,
    old,
    place,
    rest,
    restarted,
    run,
    told,
)

__all__ = ["old", "place"]

QUARTER_MS = 900_000
FIRST = to_ms(START) // QUARTER_MS


def hour(number: int) -> str:
    return (START + number * HOUR).isoformat()


def quarter(number: int) -> int:
    return FIRST + 4 * number


def spans(*noted: tuple[int, SiteOptions]) -> dict[str, list[tuple[int, int]]]:
    """Hours in which each meter was there; ``noted`` are configurations and the hour they are valid from."""
    plans = [
        Plan(0 if n == 0 else quarter(since), START + since * HOUR, described(options))
        for n, (since, options) in enumerate(noted)
    ]
    found: dict[str, list[tuple[int, int]]] = {}
    for era in eras(noted[-1][1], plans):
        for meter in era.site.meter:
            first, until = (
                (max(quarter(0), min(q, quarter(24))) - FIRST) // 4 for q in (era.first, era.until)
            )
            known = found.setdefault(meter.id, [])
            if known and known[-1][1] == first:
                first = known.pop()[0]
            known.append((first, until))
    return {name: [span for span in known if span[0] < span[1]] for name, known in found.items()}


def test_an_entry_counts_from_the_moment_it_says_to_the_moment_it_says():
    swapped = site(meter=[{**UTILITY, "valid_until": hour(6)}, {**SECOND, "valid_from": hour(6)}, UPS])
    assert spans((0, swapped)) == {"main-1": [(0, 6)], "main-2": [(6, 24)], "ups-a": [(0, 24)]}


@pytest.mark.parametrize("noticed", [3, 6, 9])
def test_a_swap_takes_effect_at_its_moment_whenever_it_is_noticed(noticed):
    before = site(meter=[UTILITY, UPS])
    swapped = site(meter=[{**UTILITY, "valid_until": hour(6)}, {**SECOND, "valid_from": hour(6)}, UPS])
    told = spans((0, before), (noticed, swapped))
    assert told == {"main-1": [(0, 6)], "main-2": [(6, 24)], "ups-a": [(0, 24)]}


def test_a_change_of_a_meter_leaves_what_it_was_before():
    before = site(meter=[UTILITY, UPS])
    moved = site(meter=[UTILITY, {**UPS, "category": "pue2", "valid_from": hour(6)}])
    plans = [Plan(0, START, described(before)), Plan(quarter(9), START, described(moved))]
    found = [(era.first, era.category) for era in eras(moved, plans)]
    assert found == [(0, "pue1"), (quarter(6), "pue2")]


def test_what_is_not_dated_counts_from_when_it_is_noticed():
    before, after = site(meter=[UTILITY, UPS]), site(meter=[SECOND, UPS])
    assert spans((0, before), (9, after)) == {"main-1": [(0, 9)], "main-2": [(9, 24)], "ups-a": [(0, 24)]}


def test_as_of_keeps_what_was_known():
    before = site(meter=[UTILITY, UPS])
    swapped = site(meter=[{**UTILITY, "valid_until": hour(6)}, {**SECOND, "valid_from": hour(6)}, UPS])
    plans = [
        Plan(0, START, described(before)),
        Plan(quarter(9), START + 9 * HOUR, described(swapped)),
    ]
    (known,) = eras(swapped, plans, START + 8 * HOUR)
    assert [meter.id for meter in known.site.meter] == ["main-1", "ups-a"]


async def test_a_boundary_that_changed_in_the_past_is_accounted_so_from_then(place, old):
    since = START + 3 * HOUR
    office = {"id": "ups-a", "role": "it", "category": "pue2", "valid_from": since.isoformat()}
    before = await told(old, Period(START, since))
    new = await restarted(place, old, gdansk([UTILITY, office]))
    assert await told(new, Period(START, since)) == before
    rows = await figures(new).kpi("gdansk", PAST, Step.HOUR)
    assert [row.pue_category for row in rows] == ["pue1"] * 3 + ["pue2"] * 3
    trees = await figures(new).closure("gdansk", PAST)
    assert [(tree.start, tree.end) for tree in trees] == [(START, since), (since, PAST.end)]


async def test_a_meter_noticed_late_is_settled_from_when_it_was_there(place, old):
    """Its readings lie in the store: that nobody asked for them does not make them unknown."""
    since = START + 3 * HOUR
    await run(old, (3 * 60 - 5, CHANGED + 1), meter__main_2=4000.0)
    dated = {**SECOND, "valid_from": since.isoformat()}
    new = await restarted(place, old, gdansk([UTILITY, UPS, dated]))
    new.position = old.position
    await rest(new, meter__main_1=8000.0, meter__main_2=4000.0, **RUNNING)
    hours = await figures(new).kpi("gdansk", Period(START, START + 12 * HOUR), Step.HOUR)
    assert [row.edc_wh for row in hours] == [9000.0] * 3 + [13_000.0] * 9
    assert all(row.completeness == 1 for row in hours)
    (statement,) = await figures(new).statements("gdansk", PAST, only=("main-2",))
    assert (statement.expected, statement.known) == (12, 12)


async def test_a_dated_virtual_meter_changes_the_figures_at_its_moment(place, old):
    since = START + 3 * HOUR
    virtual = [
        {
            "id": "load",
            "role": "it",
            "category": "pue1",
            "plus": ["ups-a"],
            "minus": ["pv-roof"],
            "valid_from": since.isoformat(),
        }
    ]
    meters = [UTILITY, {**UPS, "role": "other", "category": None, "valid_from": since.isoformat()}]
    new = await restarted(place, old, gdansk(meters, [PV, WIND], virtual=virtual))
    rows = await figures(new).kpi("gdansk", PAST, Step.HOUR)
    assert [row.eit_wh for row in rows] == [7500.0] * 3 + [6500.0] * 3
    assert timedelta(hours=6) == PAST.end - PAST.start
