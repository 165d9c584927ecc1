"""Every row of the ledger has a cause."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from energy.proof.cause import record
from energy.proof.writing import Order
from energy.settlement.marker import Marker
from energy.settlement.readings import Span
from energy.tables import LEDGER
from tests.unit.energy.plant import MINUTE, START, Plant, site
from tests.unit.energy.proving import FIRST, MAIN, UPS, causes


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    """On SQLite alone; test_proof_everywhere has what differs by database."""
    opened = Plant(tmp_path, {"gdansk": site()})
    await opened.open()
    yield opened
    await opened.close()


async def test_every_row_has_a_cause_and_late_data_tells_what_came(plant):
    await plant.counts(MAIN, 4000.0, (-5, 123))
    await plant.counts(UPS, 3000.0, (-5, 30))
    await plant.settle(62)
    await plant.settle(122)
    await plant.counts(UPS, 3000.0, (31, 123), first=0.0)
    await plant.settle(123)
    found = await causes(plant)
    kinds = [cause.kind for cause in found]
    assert kinds.count("settlement") == 2
    late = [cause for cause in found if cause.kind == "late"]
    assert [cause.reason for cause in late] == ["ups-a: 93 late readings"]
    assert (late[0].who, late[0].at) == ("amberwatt", START + 123 * MINUTE)
    assert (late[0].first, late[0].until) == (FIRST + 2, FIRST + 8)
    async with plant.database.read() as connection:
        rows = (await connection.execute(select(LEDGER.c.cause, LEDGER.c.revision))).all()
    assert {row.cause for row in rows if row.revision > 1} == {late[0].id}
    assert {row.cause for row in rows} == {cause.id for cause in found}


async def test_a_cause_of_no_kind_or_no_time_is_refused(plant):
    whole = {"site": "gdansk", "who": "w", "reason": "r", "at": START, "first": 1, "until": 2}
    async with plant.database.begin() as connection:
        with pytest.raises(ValueError, match="no kind of cause"):
            await record(connection, kind="whim", **whole)
        with pytest.raises(ValueError, match="at least one quarter-hour"):
            await record(connection, kind="factor", **{**whole, "until": 1})
        one = await record(connection, kind="factor", **whole)
        assert await record(connection, kind="certificate", **whole) == one + 1


async def test_a_corrected_meter_settles_its_time_anew_in_the_name_of_who_asked(plant):
    await plant.counts(MAIN, 4000.0, (-5, 63))
    await plant.counts(UPS, 3000.0, (-5, 63))
    await plant.settle(62)
    corrected = site(
        meter=[
            {"id": "main-1", "role": "utility"},
            {"id": "ups-a", "role": "it", "category": "pue1", "max_power_kw": 1.0},
        ]
    )
    plant.sites = {"gdansk": corrected}
    plant.use(plant.store)
    await Marker(plant.database, plant.registry, plant.sites).open()
    order = Order("Ola", "the fuse is of 1 kW")
    done = await plant.ledger.resettle(
        ("gdansk", "ups-a"), Span(FIRST, FIRST + 2), order, START + 70 * MINUTE
    )
    corrected = 3  # the interval next to them shares a reading
    assert (done.first, done.corrected, done.waiting) == (0, corrected, 0)
    (cause,) = [c for c in await causes(plant) if c.kind == "correction"]
    assert (cause.who, cause.reason, cause.first, cause.until) == ("Ola", order.reason, FIRST, FIRST + 3)
    with pytest.raises(ValueError, match="never had a 'x'; choose from main-1, ups-a"):
        await plant.ledger.resettle(("gdansk", "x"), Span(FIRST, FIRST + 2), order, START)
    with pytest.raises(ValueError, match="nothing of this time is settled"):
        await plant.ledger.resettle(("gdansk", "ups-a"), Span(FIRST + 90, FIRST + 92), order, START)
