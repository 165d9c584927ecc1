"""Policies in the ledger: what is told there, what a later configuration changes, what time brings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from energy.interval import QUARTER_MS
from energy.settlement.marker import Marker
from energy.settlement.registers import ESTIMATED, MISSING, OK, RESET
from energy.tables import LEDGER, REGISTER
from runtime.clock import to_ms
from tests.unit.energy.plant import MINUTE, START, Plant, site

MAIN = "meter/gdansk/main-1"
FIRST = to_ms(START) // QUARTER_MS


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    """A plain site; what is asked here is the same for every database."""
    opened = Plant(tmp_path, {"gdansk": site()})
    await opened.open()
    yield opened
    await opened.close()


async def newest(plant: Plant, quarters: int) -> list:
    """The newest revisions of the inlet's first ``quarters`` from the start on."""
    wanted = (
        select(LEDGER)
        .join(REGISTER, REGISTER.c.id == LEDGER.c.register)
        .where(REGISTER.c.meter == "main-1", REGISTER.c.channel == "energy")
        .where(LEDGER.c.quarter >= FIRST, LEDGER.c.quarter < FIRST + quarters)
        .order_by(LEDGER.c.quarter, LEDGER.c.revision)
    )
    async with plant.database.read() as connection:
        found = {row.quarter: row for row in await connection.execute(wanted)}
    return list(found.values())


async def feed(plant: Plant, counts: dict[int, float], watts: float | None = None) -> None:
    """Counts of the inlet's register by minute."""
    fields = {"energy_wh": list(counts.values())}
    if watts is not None:
        fields["power_w"] = [watts] * len(counts)
    await plant.feed(plant.frame(MAIN, [START + m * MINUTE for m in counts], fields))


def grown(minutes: range, per_minute: float = 100.0, base: float = 5e7) -> dict[int, float]:
    return {m: base + per_minute * m for m in minutes}


async def configured_anew(plant: Plant, tmp_path: Path, **meter: object) -> Plant:
    """The same plant after a restart with another configuration of its inlet."""
    tables = [{"id": "main-1", "role": "utility", **meter}, {"id": "ups-a", "role": "it", "category": "pue1"}]
    again = Plant(tmp_path, {"gdansk": site(meter=tables)}, registry=plant.registry, database=plant.database)
    again.marker = Marker(plant.database, plant.registry, again.sites)
    again.use(plant.store)
    again.position = await again.marker.open()
    return again


async def test_a_dropped_reading_is_told_where_the_energy_stays_well_known_also_if_it_comes_late(plant):
    await feed(plant, {m: v for m, v in grown(range(-1, 49)).items() if m != 20})
    await plant.settle(47)
    assert [(row.quality, row.revision, row.reason) for row in await newest(plant, 3)] == [(OK, 1, None)] * 3
    await feed(plant, {20: 12.5})
    await plant.settle(47)
    await plant.settle(47)
    first, second, third = await newest(plant, 3)
    assert (first.revision, second.revision, third.revision) == (1, 2, 1)
    assert (second.quality, second.amount) == (OK, 1500)
    assert second.reason.startswith("one reading of 12.5 at 00:20:00Z dropped: below")


async def test_a_swap_that_is_told_later_turns_a_reset_into_the_energy_that_passed(plant, tmp_path):
    await feed(plant, grown(range(-1, 20)) | {m: 7.0 + 100 * (m - 20) for m in range(20, 49)})
    await plant.settle(47)
    assert [row.quality for row in await newest(plant, 3)] == [OK, RESET, OK]
    swap = {
        "at": (START + timedelta(minutes=19, seconds=30)).isoformat(),
        "end_wh": 5e7 + 1950,
        "start_wh": 7,
    }
    again = await configured_anew(plant, tmp_path, swap=[swap])
    await again.settle(47)
    found = await newest(again, 3)
    assert [(row.quality, row.amount) for row in found] == [(OK, 1500), (OK, 1450), (OK, 1500)]
    assert [row.revision for row in found] == [1, 2, 1]
    assert "the old one ended at 50001950, the new one began at 7" in found[1].reason


async def test_transformers_that_are_told_later_are_reckoned_with_from_their_time_on(plant, tmp_path):
    await feed(plant, grown(range(-1, 64)))
    await plant.settle(63)
    ct = [
        {"since": START.isoformat(), "ratio": 1},
        {"since": (START + timedelta(minutes=30)).isoformat(), "ratio": 2},
    ]
    again = await configured_anew(plant, tmp_path, ct=ct)
    await again.settle(63)
    found = await newest(again, 4)
    assert [(row.amount, row.revision) for row in found] == [(1500, 1), (1500, 1), (3000, 2), (3000, 2)]


@pytest.mark.parametrize("every", [7, 47])
async def test_a_slip_of_scale_ends_in_the_same_ledger_however_it_was_settled(plant, every):
    true = grown(range(-1, 182), per_minute=10_000.0)
    told = {m: float(np.floor(v / 1000)) if 20 <= m < 140 else v for m, v in true.items()}
    for start in range(-1, 182, every):
        await feed(plant, {m: told[m] for m in range(start, min(start + every, 182))})
        if start >= 0:
            await plant.settle(start + every)
    await plant.settle(183)
    found = await newest(plant, 12)
    assert [row.quality for row in found] == [OK] + [ESTIMATED] * 9 + [OK] * 2
    assert [row.amount for row in found] == [150_000] * 12
    assert "1000 times too low, an error of scale" in found[4].reason


async def test_a_slip_that_goes_on_credits_nothing_at_any_time(plant):
    true = grown(range(-1, 182), per_minute=10_000.0)
    for start in range(0, 182, 15):
        window = range(-1 if start == 0 else start, start + 15)
        await feed(plant, {m: true[m] / (1000 if m >= 20 else 1) for m in window if m in true})
        await plant.settle(start + 15)
    found = await newest(plant, 11)
    assert [row.quality for row in found] == [OK] + [MISSING] * 10
    assert "since 2026-10-05 00:20:00Z the register tells 1000 times too low" in found[9].reason


async def test_a_frozen_register_is_missing_while_it_stands_and_estimated_once_it_caught_up(plant):
    true = grown(range(-1, 242), per_minute=1000.0)
    for start in range(0, 242, 15):
        window = range(-1 if start == 0 else start, start + 15)
        counts = {m: true[20] if 20 <= m < 200 else true[m] for m in window if m in true}
        await feed(plant, counts, watts=60_000.0)
        await plant.settle(start + 15)
        if start == 150:
            assert [row.quality for row in await newest(plant, 10)] == [OK] + [MISSING] * 9
    found = await newest(plant, 15)
    assert [row.quality for row in found] == [OK] + [ESTIMATED] * 13 + [OK]
    assert [row.amount for row in found] == [15_000] * 15
    assert "frozen: the register stood at" in found[7].reason
