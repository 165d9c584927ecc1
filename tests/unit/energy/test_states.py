"""Open, provisional, settled, restated: what an interval and a row of figures are called, and when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from energy.interval import Period, Step
from energy.proof.cause import record
from energy.reading.reader import LedgerFigures
from tests.unit.energy.plant import MINUTE, START, Plant, site
from tests.unit.energy.proving import FIRST, MAIN, UPS

HOUR = Period(START, START + timedelta(hours=1))
WINDOW = timedelta(hours=1)


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    opened = Plant(tmp_path, {"gdansk": site()})
    await opened.open()
    yield opened
    await opened.close()


async def test_a_row_is_provisional_then_settled_then_restated(plant: Plant) -> None:
    figures = LedgerFigures(plant.database, plant.store, plant.sites, WINDOW)

    async def states(as_of: float | None = None) -> tuple[str, int, set[str]]:
        at = None if as_of is None else START + as_of * MINUTE
        (row,) = await figures.kpi("gdansk", HOUR, as_of=at)
        return row.state, row.revision, {one.state for one in await figures.rows("gdansk", HOUR, as_of=at)}

    await plant.counts(MAIN, 4000.0, (-5, 400))
    await plant.counts(UPS, 3000.0, (-5, 20))
    await plant.counts(UPS, 3000.0, (50, 400))
    await plant.settle(32)
    assert await states() == ("open", 1, {"provisional"})
    await plant.settle(62)
    assert await states() == ("provisional", 1, {"provisional"})
    await plant.settle(137)
    assert await states() == ("settled", 1, {"settled"})
    await plant.counts(UPS, 2000.0, (21, 40), first=20 * 1000 / 60)
    await plant.settle(300)
    state, revision, of_rows = await states()
    assert (state, of_rows) == ("restated", {"settled", "restated"})
    assert revision > 1
    quarters = await figures.kpi("gdansk", HOUR, Step.QUARTER)
    assert [row.state for row in quarters] == ["settled", "restated", "restated", "restated"]
    async with plant.database.begin() as connection:
        await record(
            connection, site="gdansk", kind="factor", who="Ola", reason="set 2", at=START + 310 * MINUTE,
            first=FIRST, until=FIRST + 4,
        )  # fmt: skip
    assert (await states())[1] == revision + 1
    assert (await states(as_of=305))[1] == revision
    assert await states(as_of=200) == ("settled", 1, {"settled"})
    assert await states(as_of=100) == ("provisional", 1, {"provisional"})


async def test_a_snapshot_looks_at_causes_once_and_tells_the_same(plant: Plant) -> None:
    figures = LedgerFigures(plant.database, plant.store, plant.sites, WINDOW)
    await plant.counts(MAIN, 4000.0, (-5, 20))
    await plant.counts(MAIN, 4000.0, (50, 400))
    await plant.settle(390)
    snapshot = figures.snapshot(over=HOUR)
    before = await snapshot.kpi("gdansk", HOUR, Step.QUARTER)
    await plant.counts(MAIN, 2000.0, (21, 40), first=20 * 2000 / 60)
    await plant.settle(395)
    assert await snapshot.kpi("gdansk", HOUR) != await figures.kpi("gdansk", HOUR)
    assert [row.state for row in await snapshot.kpi("gdansk", HOUR, Step.QUARTER)] == [
        row.state for row in before
    ]
