"""What the tests of the ledger's proof have in common."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, text

from energy.interval import QUARTER_MS, Period
from energy.proof.act import Act
from energy.proof.cause import load_causes
from energy.proof.check import check_site
from energy.proof.key import SigningKey
from energy.proof.locking import lock_month
from energy.proof.pending import load_pending
from energy.proof.restating import restated
from energy.proof.seal import seal_days
from energy.proof.tables import CAUSE, LOCK, PENDING, RESTATEMENT, SEAL
from energy.reading.reader import LedgerFigures
from energy.tables import LEDGER
from runtime.clock import to_ms
from tests.unit.energy.plant import MINUTE, START, Plant

FIRST = to_ms(START) // QUARTER_MS
DAY = timedelta(days=1)
MAIN, UPS = "meter/gdansk/main-1", "meter/gdansk/ups-a"


async def sparse(plant: Plant, topic: str, hours: tuple[int, int], power_w: float = 4000.0) -> None:
    """A reading every quarter-hour, a minute after it began, so that days cost little."""
    numbers = range(4 * hours[0], 4 * hours[1] + 1)
    at = [START + (15 * n + 1) * MINUTE for n in numbers]
    counts = [power_w / 4 * n for n in numbers]
    await plant.feed(plant.frame(topic, at, {"energy_wh": counts}))


async def two_days(plant: Plant) -> None:
    """Two closed days, sealed; ups-a is silent from 10:00 to 12:00 on the first."""
    await sparse(plant, MAIN, (0, 49))
    await sparse(plant, UPS, (0, 10), 3000.0)
    await sparse(plant, UPS, (12, 49), 3000.0)
    await plant.settle(49 * 60)
    assert await seal_days(plant.database, "gdansk", START + 2 * DAY + timedelta(hours=1)) == 2


async def late_readings(plant: Plant) -> None:
    await sparse(plant, UPS, (10, 12), 3000.0)
    await plant.settle(50 * 60)


async def causes(plant: Plant, **more: object):
    async with plant.database.read() as connection:
        return await load_causes(connection, ["gdansk"], (0, 2**31 - 1), **more)


async def differences(plant: Plant, key: SigningKey):
    return (await check_site(plant.database, "gdansk", key)).differences


async def change(plant: Plant, statement: str) -> None:
    """What somebody does who has the database open beside the service."""
    async with plant.database.begin() as connection:
        done = await connection.execute(text(statement))
        assert done.rowcount == 1


async def everything(plant: Plant):
    found = {}
    async with plant.database.read() as connection:
        for table in (CAUSE, LEDGER, LOCK, RESTATEMENT, SEAL, PENDING):
            found[table.name] = sorted(map(repr, (await connection.execute(select(table))).all()))
    return found


class Locked:
    """A plant whose first two hours are the locked "month" 2026-10, sealed, with late readings for it."""

    span = Period(START, START + timedelta(hours=2))

    def __init__(self, plant: Plant, key: SigningKey) -> None:
        self.plant, self.key = plant, key
        self.figures = LedgerFigures(plant.database, plant.store, plant.sites)

    async def lock(self):
        await self.plant.counts(MAIN, 4000.0, (-5, 183))
        await self.plant.counts(UPS, 3000.0, (-5, 30))
        await self.plant.counts(UPS, 3000.0, (150, 183))
        await self.plant.settle(182)
        return await self.sign()

    async def sign(self):
        act = Act("Ola", START + 200 * MINUTE)
        return await lock_month(
            self.plant.database, self.figures, self.key, ("gdansk", "2026-10", self.span), act
        )

    async def late(self) -> None:
        await self.plant.counts(UPS, 2700.0, (31, 75), first=150.0)
        done = await self.plant.settle(210)
        assert done.corrected == 2  # beyond the lock

    async def pending(self, minute: float | None = None):
        as_of = None if minute is None else START + minute * MINUTE
        async with self.plant.database.read() as connection:
            return await load_pending(connection, ["gdansk"], None, as_of)

    async def restate(self, at: float, reason: str = "the gateway was found"):
        what = ("gdansk", "2026-10", self.span)
        act = Act("Ewa", START + at * MINUTE, reason)
        return await restated(self.plant.database, self.figures, self.key, what, act)

    async def differences(self):
        return await differences(self.plant, self.key)
