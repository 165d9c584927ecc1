"""Certificates of a locked month: what happens to them later waits for a signed restatement."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, text

from energy.carbon.amounts import write_amounts
from energy.carbon.choice import default_use
from energy.carbon.hours import Mix, hour_of, write_hours
from energy.carbon.uses import record_uses
from energy.certificates.act import Act
from energy.certificates.book import Book, Order
from energy.certificates.selection import Selection
from energy.interval import Step
from energy.proof import locking
from energy.proof.basis import WORDS
from energy.proof.desk import ProofDesk
from energy.proof.key import SigningKey
from energy.settlement.ledger import Ledger
from runtime.database import Database
from tests.unit.energy.certificates.settled import MWH, OCTOBER, Month, load
from tests.unit.energy.certificates.vault import AT, CANCELLED, hour, wind
from tests.unit.energy.plant import site

DAY = timedelta(days=1)
LATER = Act("Anna", AT + 2 * DAY, "TGE 2026/11/78")


class Locked(Month):
    """An October of 100 MWh, and who locks and restates it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, site())
        self.ledger: Ledger = self.plant.ledger
        self.desk = ProofDesk(
            self.plant.database, self.figures, self.ledger, SigningKey(folder / "ledger.key")
        )

    async def lock(self) -> None:
        await self.desk.lock("gdansk", "2026-10", locking.Act("Ola", AT + DAY))

    async def restate(self, days: float = 3):
        act = locking.Act("Ewa", AT + days * DAY, "the certificates came")
        return await self.desk.restate("gdansk", "2026-10", act)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Locked]:
    made = Locked(tmp_path)
    await made.settle(load(100))
    await made.vault.take(wind(1, 60), hour(1, 50_000, "2026-10-05T10"))
    yield made
    await made.plant.close()


async def test_a_cancellation_after_the_lock_waits_and_a_restatement_applies_it_line_by_line(here):
    await here.vault.book.allocate(Order("PL", "gdansk", "2026-10"), CANCELLED)
    await here.lock()
    before = await here.row()
    hours = await here.figures.kpi("gdansk", OCTOBER, Step.HOUR)
    carbon = await here.figures.factors("gdansk", OCTOBER)
    assert (before.ref, before.hourly_matched, before.state) == (0, 0, "settled")
    await here.vault.book.cancel(Selection(site="gdansk", period=OCTOBER), LATER.at, LATER)
    assert await here.row() == before
    assert await here.row(as_of=LATER.at) == before
    assert await here.figures.kpi("gdansk", OCTOBER, Step.HOUR) == hours
    assert await here.figures.factors("gdansk", OCTOBER) == carbon
    (waiting,) = await here.desk.pending("all")
    assert (waiting.intervals, waiting.adds_wh, waiting.since) == (0, 60 * MWH + 50_000, LATER.at)
    assert {(one.before, one.after) for one in waiting.certificates} == {("allocated", "cancelled")}
    assert [one.numbers for one in waiting.certificates] == ["GC-1 to GC-50000", "PL-000001 to PL-000060"]
    assert waiting.because == ["certificates of PL cancelled: 60.05 MWh, TGE 2026/11/78"]
    proposal = await here.desk.proposal("gdansk", "2026-10")
    lines = {line["figure"]: line for line in proposal.figures}
    made = json.loads((await here.restate()).document)
    after = await here.row()
    assert (after.ref, after.state) == (pytest.approx(0.6 + 0.0005), "final")
    assert after.revision == before.revision + 1
    assert lines["ref"]["difference"] == pytest.approx(after.ref)
    assert lines["hourly_matched"]["after"] == after.hourly_matched > 0
    assert {line["figure"]: line for line in made["figures"]} == lines
    assert [one["after"] for one in made["certificates"]] == ["cancelled", "cancelled"]
    assert made["because"] == list(waiting.because)
    assert await here.row(as_of=AT + DAY) == before
    assert await here.desk.pending("all") == []
    assert (await here.desk.check(locking.Act("Ola", AT + 4 * DAY), whole=True)).sound


async def test_a_locked_month_with_all_certificates_cancelled_is_final_and_stays_so(here):
    await here.cancel()
    await here.lock()
    row = await here.row()
    assert (row.state, row.ref) == ("final", pytest.approx(0.6005))
    await here.vault.take(wind(101, 120))
    await here.vault.book.allocate(Order("PL", "gdansk", "2026-10"), LATER)
    assert await here.row() == row
    (waiting,) = await here.desk.pending("gdansk")
    assert ([(c.before, c.after) for c in waiting.certificates], waiting.adds_wh) == (
        [(None, "allocated")],
        0,
    )
    assert waiting.because == ["certificates PL-000101 to PL-000120 of PL: not of this month, now allocated"]
    await here.vault.book.release(Selection(site="gdansk", period=OCTOBER), LATER)
    assert await here.desk.pending("gdansk") == []


async def test_what_is_revoked_and_released_after_the_lock_counts_until_it_is_restated(here):
    await here.cancel()
    await here.lock()
    before = await here.row()
    parts = tuple(claim.part for claim in (await here.vault.claims.claimed("gdansk", OCTOBER)).claims)
    void = Act("Anna", LATER.at, "TGE 2026/11/79", "void")
    await here.vault.book.revoke(Selection(parts=parts), void)
    await here.vault.book.release(Selection(parts=parts), void)
    assert await here.row() == before
    (waiting,) = await here.desk.pending("gdansk")
    assert {(one.before, one.after) for one in waiting.certificates} == {("cancelled", None)}
    assert waiting.adds_wh == -60 * MWH - 50_000
    await here.restate()
    assert (await here.row()).ref == 0


async def test_what_serves_a_year_is_held_by_no_month_and_changes_none(here):
    await here.lock()
    before = await here.row()
    await here.vault.book.allocate(Order("PL", "gdansk", "2026", bundles=(1,)), LATER)
    year = (await here.vault.claims.claimed("gdansk", OCTOBER)).claims
    assert {(claim.state, claim.numbers) for claim in year if not claim.timed} == {
        ("allocated", "PL-000001 to PL-000060")
    }
    assert await here.row() == before
    assert await here.desk.pending("gdansk") == []


async def test_what_is_entered_after_the_lock_was_not_known_before_it_whatever_time_was_noted(here):
    """Somebody notes the time, waits behind a lock, and is let in afterwards."""
    await here.vault.book.allocate(Order("PL", "gdansk", "2026-10"), CANCELLED)
    await here.lock()
    before = await here.row()
    early = Act("Anna", AT + DAY - timedelta(hours=1), "TGE 2026/11/78")
    await here.vault.book.cancel(Selection(site="gdansk", period=OCTOBER), early.at, early)
    assert await here.row() == before
    (lock,) = await here.desk.locks("gdansk")
    assert await here.row(as_of=lock.at) == before
    (waiting,) = await here.desk.pending("gdansk")
    assert waiting.since > lock.at
    await here.restate()
    assert (await here.row()).state == "final"
    assert await here.row(as_of=lock.at) == before
    asked: list[str] = []
    engine = here.plant.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    assert await here.desk.pending("all") == []
    assert sum(one.startswith("SELECT") for one in asked) == 1, (
        "one question for all the months that there are"
    )
    assert (await here.desk.check(locking.Act("Ola", AT + 4 * DAY), whole=True)).sound


async def test_a_lock_and_a_cancellation_at_once_agree_on_which_was_first(here):
    await here.vault.book.allocate(Order("PL", "gdansk", "2026-10"), CANCELLED)
    database = Database(here.plant.database.url)  # as another process has it
    book = Book(database, here.plant.sites, here.vault.rules)
    early = Act("Anna", AT + DAY - timedelta(hours=1), "TGE 2026/11/78")
    october = Selection(site="gdansk", period=OCTOBER)
    await asyncio.gather(here.lock(), book.cancel(october, early.at, early))
    await database.close()
    row, waiting, (lock,) = (
        await here.row(),
        await here.desk.pending("gdansk"),
        await here.desk.locks("gdansk"),
    )
    assert bool(waiting) == (row.state != "final")
    assert await here.row(as_of=lock.at) == row
    assert (await here.desk.check(locking.Act("Ola", AT + 4 * DAY), whole=True)).sound


async def test_a_check_finds_what_imports_were_traced_by_changed(here):
    first, use = hour_of(OCTOBER.start), replace(default_use(), grid="entsoe", basis="consumption")
    async with here.plant.database.begin() as connection:
        await write_hours(connection, ("DE-LU", "entsoe", "production"), {first: Mix(generation="{}")}, AT)
        for zone, origin in (("PL", "DE-LU"), ("DE-LU", "")):
            await write_amounts(connection, (zone, origin), {first: 5.0}, AT)
    await record_uses(here.plant.database, {"gdansk": use}, AT)
    await here.lock()
    check = locking.Act("Ola", AT + 4 * DAY)
    assert (await here.desk.check(check, whole=False)).sound
    for change in (
        "grid_hour SET generation = '{ }'",
        "grid_hour SET generation = '{}'",
        "grid_amount SET mwh = 6.0 WHERE origin = ''",
        "grid_amount SET mwh = 5.0",
        "grid_amount SET mwh = 4.0 WHERE origin <> ''",
    ):
        async with here.plant.database.begin() as connection:
            await connection.execute(text(f"UPDATE {change}"))
        told = (await here.desk.check(check, whole=False)).differences
        sound = "{}'" in change or "5.0" in change
        assert [WORDS["traced"] in one.told for one in told] == ([] if sound else [True])


CHANGED = {
    "the certificates that serve it": "certificate_part SET volume_wh = volume_wh + 1",
    "the hours of the grid": "grid_hour SET known_at = known_at + 1",
    "the factor sets": "carbon_use SET known_at = known_at - 1",
    "the plans of the site": "energy_roster SET tables = replace(tables, 'main-1', 'main-2')",
}
"""What somebody changes who has the database open, by how a check tells of it."""


async def test_a_check_finds_what_a_locked_month_rests_on_changed_and_what_it_comes_to(here):
    await here.cancel()
    database = here.plant.database
    async with database.begin() as connection:
        mix = {hour_of(OCTOBER.start) + 5: Mix(carbon_g_per_kwh=600.0)}
        await write_hours(connection, ("PL", "mqtt", "told"), mix, AT)
    await record_uses(database, {"gdansk": default_use()}, AT)
    await here.lock()
    check = locking.Act("Ola", AT + 4 * DAY)
    assert (await here.desk.check(check, whole=True)).sound
    found: set[str] = set()
    for words, statement in CHANGED.items():
        async with database.begin() as connection:
            await connection.execute(text(f"UPDATE {statement}"))
        found.add(words)
        told = (await here.desk.check(check, whole=False)).differences
        assert {name for name in CHANGED for one in told if name in one.told} == found
    told = (await here.desk.check(check, whole=True)).differences
    (figures,) = [one.told for one in told if "comes to other figures than were signed" in one.told]
    assert "co2_g" in figures
