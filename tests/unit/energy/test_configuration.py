"""A configuration that says otherwise of the past: a locked month waits, and all else has a cause."""

from __future__ import annotations

from datetime import timedelta

import pytest

from energy.interval import Period
from energy.proof.beside import load_beside
from energy.proof.key import SigningKey
from tests.unit.energy.plant import MINUTE, START, site
from tests.unit.energy.proving import FIRST, Locked, causes
from tests.unit.energy.test_roster import Place, restarted, run

UTILITY = {"id": "main-1", "role": "utility"}
SECOND = {"id": "main-2", "role": "utility"}
UPS = {"id": "ups-a", "role": "it", "category": "pue1"}
WIND = {"id": "wind", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 10, "share": 0.5}
DATED = {"valid_from": START.isoformat()}
UNLOCKED = Period(START + timedelta(hours=2), START + timedelta(hours=3))
NOTED = 210
"""Minute at which the configuration changes, after the lock."""


def configured(*, meter=(UTILITY, UPS), supply=(WIND,), **more):
    return {"gdansk": site(meter=list(meter), supply=list(supply), completeness_floor=0.9, **more)}


CHANGES = {
    "share": (configured(supply=[{**WIND, **DATED, "share": 1.0}]), "supply 'wind': share = 1.0, was 0.5"),
    "sold": (
        configured(supply=[{**WIND, **DATED, "certificates": "sold"}]),
        'supply \'wind\': certificates = "sold", was "kept"',
    ),
    "zone": (configured(supply=[{**WIND, **DATED, "zone": "LT"}]), 'supply \'wind\': zone = "LT", was "PL"'),
    "gone": (
        configured(supply=[{**WIND, "valid_until": (START + timedelta(hours=1)).isoformat()}]),
        "supply 'wind' does not count",
    ),
    "point": (
        configured(meter=[UTILITY, {**UPS, **DATED, "category": "pue2"}]),
        'meter \'ups-a\': category = "pue2", was "pue1"',
    ),
    "new": (configured(meter=[UTILITY, {**SECOND, **DATED}, UPS]), "meter 'main-2' counts"),
}


@pytest.fixture
async def place(tmp_path):
    found = Place(tmp_path)
    yield found
    for plant in found.plants:
        await plant.close()


@pytest.fixture
async def locked(place):
    """Three settled hours, of which two are the locked month 2026-10; half of a wind farm is bought."""
    plant = place.plant(configured())
    await plant.open()
    await run(plant, (-5, 183), meter__main_1=4000.0, meter__ups_a=3000.0, supply__wind=4000.0)
    await plant.settle(182)
    found = Locked(plant, SigningKey(place.path / "ledger.key"))
    await found.sign()
    return found


async def changed(place, locked: Locked, sites) -> Locked:
    return Locked(await restarted(place, locked.plant, sites, NOTED), locked.key)


async def row(locked: Locked, period: Period = Locked.span, as_of: float | None = None):
    at = None if as_of is None else START + as_of * MINUTE
    (found,) = await locked.figures.kpi("gdansk", period, as_of=at)
    return found


@pytest.mark.parametrize("change", CHANGES)
async def test_a_locked_month_keeps_what_the_site_was_until_it_is_restated(place, locked, change):
    sites, told = CHANGES[change]
    before, beyond = await row(locked), await row(locked, UNLOCKED)
    after = await changed(place, locked, sites)

    assert await row(after) == before == await row(after, as_of=NOTED)
    assert await row(after, as_of=205) == before
    assert (await row(after, UNLOCKED, as_of=205)) == beyond
    waiting, _ = await load_beside(after.plant.database, "gdansk", "2026-10")
    assert waiting.because == [told]
    (cause,) = await causes(after.plant, kinds=["configuration"])
    assert (cause.reason, cause.who, cause.at) == (told, "amberwatt", START + NOTED * MINUTE)
    assert FIRST <= cause.first < FIRST + 8
    assert cause.until == FIRST + 12
    now = await row(after, UNLOCKED)
    assert now.revision == beyond.revision + 1
    assert await after.differences() == []

    made = await after.restate(220, "the contract was read again")
    assert made.told["because"][-1] == told
    restated = await row(after)
    assert restated.revision > before.revision
    assert restated != before == await row(after, as_of=215)
    assert await after.differences() == []
