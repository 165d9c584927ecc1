"""Files of delivered volumes in the ledger: settled, restated, replayed, locked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from energy.certificates.sheet import Source
from energy.contracts.form import VolumeForm
from energy.contracts.importing import import_volumes
from energy.contracts.plant import plant_of
from energy.interval import Period
from energy.proof.act import Act
from energy.proof.key import SigningKey
from energy.reading.reader import LedgerFigures
from energy.settlement.registers import MISSING, OK
from energy.tables import DIRTY, LEDGER
from tests.unit.energy.plant import MINUTE, QUARTER, START, Plant, site
from tests.unit.energy.proving import MAIN, UPS, Locked, causes
from tests.unit.energy.test_ledger import sheet

PPA = {"id": "wind", "kind": "ppa_wind", "zone": "PL", "volume": "file", "max_power_kw": 10_000, "share": 0.5}
WIND = ("supply", "wind", "energy")
TWO_HOURS = Period(START, START + timedelta(hours=2))


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    opened = Plant(tmp_path, {"gdansk": site(supply=[PPA])})
    await opened.open()
    yield opened
    await opened.close()


async def deliver(plant: Plant, name: str, kwh: dict[int, float], minutes: float, **how: object):
    """Import kWh by quarter-hour after the start; at so many minutes."""
    rows = [f"{(START + q * QUARTER).isoformat()},{amount}" for q, amount in kwh.items()]
    source = Source(name, "\n".join(["start,kwh", *rows, ""]).encode())
    act = Act("Anna", START + minutes * MINUTE, "meter corrected" if how.pop("why", False) else "")
    known = plant_of(plant.sites, "gdansk", "wind")
    return await import_volumes(plant.database, known, (source, VolumeForm(minutes=15)), act, **how)


async def share(plant: Plant, as_of=None):
    figures = LedgerFigures(plant.database, plant.store, plant.sites)
    (row,) = await figures.kpi("gdansk", TWO_HOURS, as_of=as_of)
    return row


async def marks(plant: Plant) -> int:
    """How many stretches the ledger is still to take from files."""
    async with plant.database.read() as connection:
        return len((await connection.execute(select(DIRTY).where(DIRTY.c.meter == "wind"))).all())


async def reasons(plant: Plant) -> list[str | None]:
    async with plant.database.read() as connection:
        wanted = select(LEDGER.c.reason).where(LEDGER.c.quality == OK, LEDGER.c.reason.is_not(None))
        return list(
            (await connection.execute(wanted.order_by(LEDGER.c.quarter, LEDGER.c.revision))).scalars()
        )


async def test_a_file_is_settled_with_its_lines_and_what_it_leaves_out_is_unknown(plant):
    await plant.counts(MAIN, 4000.0, (-5, 123))
    await plant.settle(122)
    assert (await sheet(plant, 8))[WIND] == (
        pytest.approx([float("nan")] * 8, nan_ok=True),
        [MISSING] * 8,
        [1] * 8,
    )
    before = await share(plant)
    assert (before.green_wh, before.hourly_matched_upper) == (0, 1)
    found = await deliver(plant, "wind.csv", dict.fromkeys(range(4), 0.8) | {4: 4.0}, 130)
    assert (found.taken, found.fresh, found.restated, found.wh) == (True, 5, 0, 7200)
    await plant.settle(131)
    amounts, qualities, revisions = (await sheet(plant, 8))[WIND]
    assert amounts[:5] == [800, 800, 800, 800, 4000]
    assert qualities == [OK] * 5 + [MISSING] * 3
    assert revisions == [2] * 5 + [1] * 3
    assert (await reasons(plant))[0] == "wind.csv, line 2"
    assert await marks(plant) == 0
    after = await share(plant)
    # Half of the plant: 1600 of 4000 Wh in the first hour; in the second 1000 Wh of its first quarter.
    assert (after.green_wh, after.other_wh, after.unknown_wh) == (1600 + 1000, 2400, 3000)
    assert after.hourly_matched_upper == pytest.approx((1600 + 4000) / 8000)
    assert await share(plant, as_of=START + 125 * MINUTE) == before
    (cause,) = await causes(plant, kinds=["correction"])
    assert cause.who == "Anna"
    assert cause.reason.startswith("wind: wind.csv (SHA-256 ")


async def test_a_later_file_restates_and_the_same_one_does_nothing(tmp_path, database):
    plant = Plant(tmp_path, {"gdansk": site(supply=[PPA])}, database=database)
    await plant.open()
    await plant.counts(MAIN, 4000.0, (-5, 123))
    await deliver(plant, "wind.csv", dict.fromkeys(range(8), 0.8), 121)
    await plant.settle(122)
    await plant.settle(123)
    first = await share(plant)
    again = await deliver(plant, "other-name.csv", dict.fromkeys(range(8), 0.8), 130)
    assert (again.taken, again.known) == (False, (START + 121 * MINUTE, "Anna"))
    dry = await deliver(plant, "new.csv", {0: 0.8, 1: 0.4}, 140, dry_run=True)
    assert (dry.taken, dry.restated) == (False, 1)
    assert await marks(plant) == 0
    done = await deliver(plant, "new.csv", {0: 0.8, 1: 0.4}, 140, why=True)
    assert [str(n) for n in done.notes] == [
        "line 3: 1 quarter-hours from here on differ from 'wind.csv': they are restated"
    ]
    settled = await plant.settle(141)
    assert settled.corrected == 1
    assert "new.csv, line 3, version 2" in await reasons(plant)
    assert (await share(plant)).hourly_matched == pytest.approx((1600 - 200 + 1600) / 8000)
    assert await share(plant, as_of=START + 139 * MINUTE) == first
    (cause,) = (c for c in await causes(plant) if "new.csv" in c.reason)
    assert cause.reason.endswith(": meter corrected")
    await plant.close()


async def test_a_file_does_not_begin_a_site_but_waits_for_its_readings(plant):
    await deliver(plant, "early.csv", dict.fromkeys(range(-8, 2), 0.5), 40)
    assert (await plant.settle(47)).written == 0
    assert await marks(plant) == 1
    await plant.counts(MAIN, 4000.0, (0, 48))
    await plant.settle(48)
    assert (await sheet(plant, 2))[WIND][0] == [500, 500]
    await plant.settle(49)
    assert await marks(plant) == 0
    (row,) = await LedgerFigures(plant.database, plant.store, plant.sites).kpi(
        "gdansk", Period(START - timedelta(hours=2), START + timedelta(hours=1))
    )
    assert (row.edc_wh, row.sums["renewable_wh"]) == (3000, 500)


async def test_a_wrong_file_leaves_nothing(plant):
    found = await deliver(plant, "wind.csv", {0: 1, 1: 99_999}, 60)
    assert (found.taken, len(found.wrong), found.volumes) == (False, 1, ())
    assert await marks(plant) == 0


async def test_a_locked_month_waits_for_a_restatement(tmp_path):
    plant = Plant(tmp_path, {"gdansk": site(supply=[PPA])})
    await plant.open()
    locked = Locked(plant, SigningKey(tmp_path / "ledger.key"))
    await plant.counts(UPS, 3000.0, (31, 149))
    await deliver(plant, "wind.csv", dict.fromkeys(range(8), 0.8), 121)
    await locked.lock()
    before = await share(plant)
    await deliver(plant, "new.csv", dict.fromkeys(range(8), 0.4), 205)
    await plant.settle(206)
    assert await share(plant) == before
    waiting = await locked.pending()
    assert {(one.meter, one.amount, one.reason.partition(",")[0]) for one in waiting} == {
        ("wind", 400, "new.csv")
    }
    assert all("new.csv" in one.why for one in waiting)
    made = await locked.restate(220)
    assert '"meter":"wind"' in made.document
    assert (await share(plant)).hourly_matched == pytest.approx(before.hourly_matched / 2)
    assert await locked.differences() == []
    await plant.close()
