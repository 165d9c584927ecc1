"""Settling: revisions, late data, gaps, crashes between the steps."""

from __future__ import annotations

import numpy as np
from sqlalchemy import func, select

from energy.interval import QUARTER_MS
from energy.settlement.ledger import Ledger
from energy.settlement.marker import Marker
from energy.settlement.registers import ESTIMATED, INTEGRATED, MISSING, OK
from energy.sums.sheet import load_registers, load_sheet
from energy.tables import DIRTY, LEDGER
from runtime.clock import to_ms
from telemetry.catalogue import METER
from tests.unit.energy.plant import MINUTE, START, Plant, site

FIRST = to_ms(START) // QUARTER_MS


async def sheet(plant, quarters, as_of=None, key="gdansk"):
    async with plant.database.read() as connection:
        registers = await load_registers(connection, key)
        found = await load_sheet(connection, registers, FIRST, quarters, as_of)
    return {
        r.key: (found.amount[i].tolist(), found.quality[i].tolist(), found.revision[i].tolist())
        for i, r in enumerate(registers)
    }


async def count(plant, table):
    async with plant.database.read() as connection:
        return await connection.scalar(select(func.count()).select_from(table))


MAIN = ("meter", "main-1", "energy")
UPS = ("meter", "ups-a", "energy")


async def test_intervals_settle_after_their_grace_and_a_silent_meter_is_missing(plant):
    await plant.counts("meter/gdansk/main-1", 4000.0, (-5, 33))
    assert (await plant.settle(31.9)).until == START + 15 * MINUTE
    done = await plant.settle(32)
    assert done.until == START + 30 * MINUTE
    assert done.sites == ("gdansk",)
    rows = await sheet(plant, 3)
    amounts, qualities, revisions = rows[MAIN]
    assert amounts[:2] == [1000.0, 1000.0]
    assert qualities == [OK, OK, -1]
    assert revisions == [1, 1, 0]
    assert rows[UPS][1] == [MISSING, MISSING, -1]


async def test_settling_again_writes_nothing(plant):
    await plant.counts("meter/gdansk/main-1", 4000.0, (-5, 63))
    await plant.settle(60)
    before = await count(plant, LEDGER)
    again = await plant.settle(60)
    assert (again.written, again.corrected) == (0, 0)
    assert await count(plant, LEDGER) == before


async def test_readings_of_a_running_quarter_are_not_read_again_until_another_comes(plant):
    await plant.counts("meter/gdansk/main-1", 4000.0, (-5, 40))
    assert [(await plant.settle(minute)).sites for minute in (32, 33, 34)] == [("gdansk",), ("gdansk",), ()]
    await plant.counts("meter/gdansk/main-1", 4000.0, (41, 41))
    assert (await plant.settle(35)).sites == ("gdansk",)


async def test_a_late_reading_makes_a_revision_and_the_old_one_stays_readable(plant):
    await plant.counts("meter/gdansk/main-1", 4000.0, (-5, 14))
    await plant.settle(47)
    assert (await sheet(plant, 2))[MAIN][1] == [MISSING, MISSING]
    await plant.counts("meter/gdansk/main-1", 4000.0, (15, 50))
    done = await plant.settle(55)
    assert done.corrected == 3
    assert (await sheet(plant, 2))[MAIN] == ([1000.0, 1000.0], [OK, OK], [2, 2])
    then = await sheet(plant, 2, as_of=START + 50 * MINUTE)
    assert then[MAIN][1:] == ([MISSING, MISSING], [1, 1])


async def test_a_reading_after_days_of_silence_settles_the_whole_gap(plant):
    await plant.counts("meter/gdansk/main-1", 4000.0, (-5, 15))
    hours = 60
    await plant.settle(hours * 60 + 2)
    quarters = hours * 4
    assert (await sheet(plant, quarters))[MAIN][1][1:] == [MISSING] * (quarters - 1)
    await plant.counts("meter/gdansk/main-1", 4000.0, (hours * 60, hours * 60 + 30))
    await plant.settle(hours * 60 + 17)
    amounts, qualities, _ = (await sheet(plant, quarters))[MAIN]
    assert qualities == [OK] + [ESTIMATED] * (quarters - 1)
    assert sum(amounts) == 4000.0 * hours


async def test_a_late_reading_inside_an_estimated_gap_reshapes_both_its_sides(plant):
    await plant.counts("meter/gdansk/main-1", 4000.0, (-5, 15))
    await plant.counts("meter/gdansk/main-1", 4000.0, (180, 200))
    await plant.settle(182)
    late = plant.frame("meter/gdansk/main-1", [START + 95 * MINUTE], {"energy_wh": [4000.0]})
    await plant.feed(late)
    await plant.settle(183)
    amounts, _, revisions = (await sheet(plant, 12))[MAIN]
    assert sum(amounts) == 12_000.0
    assert sum(amounts[:6]) < 4000 < sum(amounts[:7])
    assert revisions == [1] + [2] * 11


async def test_a_meter_that_only_tells_power_is_integrated_both_ways(plant):
    at = [START + n * MINUTE for n in range(-1, 34)]
    power = [4000.0 if n < 17 else -8000.0 for n in range(-1, 34)]
    await plant.feed(plant.frame("meter/gdansk/main-1", at, {"power_w": power}))
    await plant.settle(32)
    rows = await sheet(plant, 2)
    assert rows[MAIN][1] == [INTEGRATED, INTEGRATED]
    assert rows[MAIN][0][0] == 1000.0
    export = rows["meter", "main-1", "export"]
    assert export[1] == [-1, INTEGRATED]
    assert export[0][1] > 1700


async def test_power_stands_in_only_until_the_register_speaks(plant):
    at = [START + n * MINUTE for n in range(-1, 64)]
    register = [float("nan") if n < 25 else 1e6 + 50.0 * n for n in range(-1, 64)]
    await plant.feed(
        plant.frame("meter/gdansk/main-1", at, {"power_w": [4000.0] * 65, "energy_wh": register})
    )
    await plant.settle(62)
    amounts, qualities, _ = (await sheet(plant, 4))[MAIN]
    assert qualities == [INTEGRATED, MISSING, OK, OK]
    assert amounts[0] == 1000.0
    assert amounts[2] == 750.0


async def test_an_export_register_is_expected_from_its_first_reading_on(plant):
    await plant.counts("meter/gdansk/main-1", 4000.0, (-5, 63))
    await plant.counts("meter/gdansk/main-1", 400.0, (30, 63), field="export_wh")
    await plant.settle(62)
    export = (await sheet(plant, 4))["meter", "main-1", "export"]
    assert export[1] == [-1, -1, OK, OK]
    assert export[0][2:] == [100.0, 100.0]


async def test_meters_that_are_not_configured_are_passed_over(plant):
    await plant.counts("meter/gdansk/stranger", 4000.0, (-5, 33))
    await plant.counts("meter/elsewhere/main-1", 4000.0, (-5, 33))
    assert (await plant.settle(32)).sites == ()
    assert await count(plant, LEDGER) == 0
    assert await count(plant, DIRTY) == 0


async def test_a_mark_that_grew_while_it_was_settled_stays(plant):
    """A reading that arrives between reading the marks and clearing them must not be forgotten."""
    await plant.counts("meter/gdansk/main-1", 4000.0, (-5, 3))
    late = plant.frame("meter/gdansk/main-1", [START + 16 * MINUTE], {"energy_wh": [4000.0 / 60 * 16]})
    waits = []

    async def caught_up():
        waits.append(plant.position)
        if len(waits) == 2:  # the marks have just been read
            plant.position += 1
            await plant.marker.append([late], plant.position)

    ledger = Ledger(plant.database, plant.store, plant.sites, caught_up)
    await ledger.settle(START + 32 * MINUTE)
    assert (await sheet(plant, 1))[MAIN][1] == [MISSING]
    await plant.store.append([late], plant.position)
    await plant.settle(33)
    assert (await sheet(plant, 1))[MAIN][:2] == ([1000.0], [OK])


async def test_a_reading_of_the_running_quarter_completes_the_one_before(plant):
    await plant.counts("meter/gdansk/main-1", 4000.0, (-5, 14))
    await plant.settle(17)
    assert (await sheet(plant, 1))[MAIN][1] == [MISSING]
    await plant.counts("meter/gdansk/main-1", 4000.0, (18, 18))
    await plant.settle(19)
    assert (await sheet(plant, 1))[MAIN] == ([1000.0], [OK], [2])


async def test_the_marker_goes_on_where_it_was_and_forgets_nothing(plant):
    await plant.counts("meter/gdansk/main-1", 4000.0, (-5, 33))
    again = Marker(plant.database, plant.registry, plant.sites)
    assert await again.open() == plant.position
    marks = await count(plant, DIRTY)
    await again.append([], plant.position + 1)
    assert await again.open() == plant.position + 1
    assert await count(plant, DIRTY) == marks == 1


async def test_every_interval_from_the_first_reading_on_is_settled_for_every_meter(plant):
    await plant.counts("meter/gdansk/main-1", 4000.0, (0, 100))
    for minute in (20, 40, 95):
        await plant.settle(minute)
    rows = await sheet(plant, 6)
    assert rows[MAIN][1] == [OK] * 6
    assert rows[UPS][1] == [MISSING] * 6


async def test_feeding_in_any_order_ends_in_the_same_ledger(tmp_path):
    ends = []
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]):
        folder = tmp_path / "".join(map(str, order))
        folder.mkdir()
        plant = Plant(folder, {"gdansk": site()})
        await plant.open()
        values = np.cumsum(np.abs(np.sin(np.arange(0, 241))) * 100)
        for number, part in enumerate(order):
            minutes = range(part * 60, part * 60 + 60 + (part == 3))
            at = [START + n * MINUTE for n in minutes]
            await plant.feed(plant.frame("meter/gdansk/main-1", at, {"energy_wh": values[list(minutes)]}))
            await plant.settle(242 + number)
        ends.append((await sheet(plant, 16))[MAIN][:2])
        await plant.close()
    assert ends[0] == ends[1] == ends[2]
    assert sum(ends[0][0]) == round(values[-1]) - round(values[0])


async def test_readings_that_the_store_has_forgotten_take_nothing_back(plant):
    await plant.counts("meter/gdansk/main-1", 4000.0, (-5, 123))
    await plant.settle(122)
    await plant.store.prune(METER, START + 100 * MINUTE)
    late = plant.frame("meter/gdansk/main-1", [START + 52.5 * MINUTE], {"energy_wh": [3500.0]})
    await plant.feed(late)
    assert (await plant.settle(124)).corrected == 0
    assert (await sheet(plant, 8))[MAIN] == ([1000.0] * 8, [OK] * 8, [1] * 8)
