"""What stands in for consumption that no register tells: how it is made, written, claimed on and undone."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import select

from energy.estimation.estimate import (
    Backup,
    by_backup,
    by_neighbours,
    by_weekdays,
    estimate,
    weeks_before,
)
from energy.interval import QUARTER_MS
from energy.settlement.registers import ESTIMATED, MISSING, OK, SUBSTITUTED
from energy.tables import LEDGER, REGISTER
from runtime.clock import to_ms
from tests.unit.energy.arrays import sheet, summed
from tests.unit.energy.plant import QUARTER, START, Plant, site

WARSAW = ZoneInfo("Europe/Warsaw")
UPS, MAIN = "meter/gdansk/ups-a", "meter/gdansk/main-1"
FIRST = to_ms(START) // QUARTER_MS


def quarter(local: str) -> int:
    return to_ms(datetime.fromisoformat(local).replace(tzinfo=WARSAW)) // QUARTER_MS


def test_a_short_gap_lies_on_a_straight_line_between_its_neighbours():
    measured = {10: 100.0, 15: 150.0}
    assert [by_neighbours(q, measured).wh for q in range(11, 15)] == [110.0, 120.0, 130.0, 140.0]
    assert "100 Wh at 1970-01-01 02:30Z and 150 Wh" in by_neighbours(12, measured).reason


def test_a_gap_of_more_than_an_hour_has_no_straight_line():
    assert by_neighbours(12, {10: 100.0, 16: 150.0}) is None
    assert by_neighbours(12, {10: 100.0}) is None


def test_weeks_before_keep_the_local_time_when_the_clock_changes():
    assert weeks_before(quarter("2026-10-26T08:00"), WARSAW) == [
        quarter(f"2026-10-{day:02d}T08:00") for day in (19, 12, 5)
    ]
    apart = quarter("2026-10-26T08:00") - weeks_before(quarter("2026-10-26T08:00"), WARSAW)[0]
    assert apart == 7 * 96 + 4


def test_a_local_time_that_was_skipped_is_no_week_before():
    found = weeks_before(quarter("2026-04-05T02:30"), WARSAW)
    assert found == [quarter("2026-03-22T02:30"), quarter("2026-03-15T02:30")]


def test_a_long_gap_is_the_mean_of_at_least_two_weeks():
    now = quarter("2026-10-26T08:00")
    weeks = weeks_before(now, WARSAW)
    assert by_weekdays(now, {weeks[0]: 100.0, weeks[2]: 131.0}, WARSAW).wh == 116.0
    assert "2026-10-19 (100 Wh), 2026-10-05 (131 Wh)" in by_weekdays(
        now, {weeks[0]: 100.0, weeks[2]: 131.0}, WARSAW
    ).reason  # fmt: skip
    assert by_weekdays(now, {weeks[0]: 100.0}, WARSAW) is None


@pytest.mark.parametrize(("factor", "used"), [(1.0, True), (0.96, True), (0.9, False)])
def test_a_backup_beats_both_if_it_agreed_in_the_week_before(factor, used):
    own = {q: 100.0 for q in range(1000, 1200)} | {1201: 100.0}
    backup = Backup("spare", {q: 100.0 * factor for q in range(1000, 1201)})
    found = estimate(1200, own, WARSAW, backup)
    assert found.wh == (100.0 * factor if used else 100.0)
    assert ("backup spare" in found.reason) is used
    assert by_backup(1200, {q: 100.0 for q in range(1150, 1200)}, backup) is None  # half a day proves little


async def feed(plant: Plant, topic: str, quarters: tuple[int, int], wh: float = 1000.0, but=()) -> None:
    """A reading at every quarter-hour from the first to the last, of an even load."""
    numbers = [n for n in range(quarters[0], quarters[1] + 1) if n not in but]
    at = [START + n * QUARTER for n in numbers]
    await plant.feed(plant.frame(topic, at, {"energy_wh": 1e6 + wh * np.array(numbers, dtype=np.float64)}))


async def settle(plant: Plant, quarters: int) -> None:
    await plant.ledger.settle(START + quarters * QUARTER + timedelta(minutes=2))


async def rows(plant: Plant, meter: str, quarters: tuple[int, int]) -> list:
    """Quality, Wh, revision and reason of the newest revisions."""
    wanted = (
        select(LEDGER)
        .join(REGISTER, REGISTER.c.id == LEDGER.c.register)
        .where(REGISTER.c.meter == meter, LEDGER.c.quarter >= FIRST + quarters[0])
        .where(REGISTER.c.channel == "energy", LEDGER.c.quarter < FIRST + quarters[1])
        .order_by(LEDGER.c.quarter, LEDGER.c.revision)
    )
    async with plant.database.read() as connection:
        newest = {row.quarter: row for row in await connection.execute(wanted)}
    return list(newest.values())


async def test_a_silent_meter_is_estimated_after_two_hours_and_measured_when_its_data_come(plant):
    silent = 15 * 96
    await feed(plant, UPS, (0, silent))
    await feed(plant, MAIN, (0, silent + 12), 1300.0)
    await settle(plant, silent + 12)
    found = await rows(plant, "ups-a", (silent, silent + 12))
    assert [row.quality for row in found] == [SUBSTITUTED] * 4 + [MISSING] * 8
    assert {row.amount for row in found} == {1000.0, None}
    assert found[1].reason.startswith("substituted by the mean of the same weekday and time on 2026-10-13")
    assert found[1].reason.endswith("in place of: no reading arrived")
    await feed(plant, UPS, (silent + 1, silent + 12))
    await settle(plant, silent + 12)
    found = await rows(plant, "ups-a", (silent, silent + 12))
    assert [(row.quality, row.amount) for row in found] == [(OK, 1000)] * 12
    assert [row.revision for row in found] == [3] * 4 + [2] * 8


async def test_time_alone_brings_the_estimate_and_asking_again_changes_nothing(plant):
    silent = 15 * 96
    await feed(plant, UPS, (0, silent))
    for later in range(3, 13):
        await settle(plant, silent + later)
    found = await rows(plant, "ups-a", (silent, silent + 12))
    assert [(row.quality, row.revision) for row in found] == [(SUBSTITUTED, 2)] * 4 + [(MISSING, 1)] * 8


async def test_without_two_weeks_of_history_nothing_is_guessed(plant):
    silent = 10 * 96
    await feed(plant, UPS, (0, silent))
    await settle(plant, silent + 20)
    assert {row.quality for row in await rows(plant, "ups-a", (silent, silent + 20))} == {MISSING}


async def test_a_backup_stands_in_and_late_data_of_it_are_heard(tmp_path, database):
    meters = [
        {"id": "main-1", "role": "utility", "backup": "main-2"},
        {"id": "main-2", "role": "other"},
        {"id": "ups-a", "role": "it", "category": "pue1"},
    ]
    plant = Plant(tmp_path, {"gdansk": site(meter=meters)}, database=database)
    await plant.open()
    await feed(plant, MAIN, (0, 200))
    await feed(plant, "meter/gdansk/main-2", (0, 200), 1010.0)
    await settle(plant, 212)
    assert {row.quality for row in await rows(plant, "main-1", (200, 204))} == {MISSING}
    await feed(plant, "meter/gdansk/main-2", (201, 212), 1010.0)
    await settle(plant, 212)
    found = await rows(plant, "main-1", (200, 204))
    assert [(row.quality, row.amount) for row in found] == [(SUBSTITUTED, 1010)] * 4
    assert "its backup main-2, 1.00 % apart over 200 common intervals" in found[0].reason
    await plant.close()


async def test_a_site_may_leave_it_missing(tmp_path, database):
    plant = Plant(tmp_path, {"gdansk": site(estimate="none")}, database=database)
    await plant.open()
    await feed(plant, UPS, (0, 15 * 96))
    await settle(plant, 15 * 96 + 12)
    assert {row.quality for row in await rows(plant, "ups-a", (15 * 96, 15 * 96 + 12))} == {MISSING}
    await plant.close()


async def test_a_supply_is_never_estimated(tmp_path, database):
    supply = [{"id": "pv", "kind": "onsite_solar", "max_power_kw": 100}]
    plant = Plant(tmp_path, {"gdansk": site(supply=supply)}, database=database)
    await plant.open()
    await feed(plant, "supply/gdansk/pv", (0, 15 * 96))
    await settle(plant, 15 * 96 + 12)
    assert {row.quality for row in await rows(plant, "pv", (15 * 96, 15 * 96 + 12))} == {MISSING}
    await plant.close()


def test_an_estimated_hour_claims_nothing_green_but_stands_in_the_denominators():
    one = site(supply=[{"id": "wind", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 9000}])
    load, wind = [100.0] * 8, [100.0] * 4 + [0.0] * 4
    lines = {"meter/main-1/energy": load, "meter/ups-a/energy": [80.0] * 8, "supply/wind/energy": wind}
    measured = summed(one, sheet(lines))
    for hours in (slice(0, 4), slice(4, 8)):
        guess = np.full(8, OK)
        guess[hours] = SUBSTITUTED
        low = {**lines, "meter/main-1/energy": list(np.where(guess == SUBSTITUTED, 60.0, load))}
        told = summed(one, sheet(low, {"meter/main-1/energy": guess}))
        assert told.edc == 640.0
        assert told.edc_estimated == 240.0
        assert told.pue_known == 4  # an estimate makes no ratio
        assert told.pue_edc / told.pue_eit == 100 / 80
        assert told.green == (0.0 if hours.start == 0 else 400.0)
        share = told.green / (told.load + told.load_missing)
        assert share <= measured.green / (measured.load + measured.load_missing)
        assert told.registers_known == measured.registers_known - 4


def test_the_qualities_are_what_the_database_holds():
    assert (OK, ESTIMATED, MISSING, SUBSTITUTED) == (0, 1, 4, 5)
