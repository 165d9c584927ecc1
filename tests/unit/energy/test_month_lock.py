"""A locked month changes only by a signed restatement, line by line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from energy.interval import Period
from energy.proof.act import Act
from energy.proof.document import load_restatements
from energy.proof.key import SigningKey
from energy.proof.locking import lock_month
from energy.proof.restating import propose, restate
from energy.proof.tables import PENDING
from energy.settlement.registers import ESTIMATED, OK
from tests.unit.energy.plant import MINUTE, START, Plant, site
from tests.unit.energy.proving import FIRST, UPS, Locked, change, differences, everything


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    """On SQLite alone; test_proof_everywhere has what differs by database."""
    opened = Plant(tmp_path, {"gdansk": site()})
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey(tmp_path / "ledger.key")


@pytest.fixture
def locked(plant: Plant, key: SigningKey) -> Locked:
    return Locked(plant, key)


async def test_a_locked_month_takes_no_rows_until_it_is_restated_line_by_line(locked):
    lock = await locked.lock()
    assert locked.key.signed(lock.document, lock.signature)
    (before,) = await locked.figures.kpi("gdansk", locked.span)
    await locked.late()
    assert await locked.figures.kpi("gdansk", locked.span) == [before]
    waiting = await locked.pending()
    assert [one.quarter - FIRST for one in waiting] == [2, 3, 4, 5, 6, 7]
    assert [one.quality for one in waiting] == [OK] * 3 + [ESTIMATED] * 3
    assert {one.why for one in waiting} == {"ups-a: 45 late readings"}
    made = await locked.restate(220)
    assert await locked.pending() == []
    assert [await locked.pending(minute) for minute in (205, 215, 225)] == [[], waiting, []]
    told = json.loads(made.document)
    (meter,) = told["meters"]
    assert (meter["meter"], meter["intervals"]) == ("ups-a", 6)
    lines = {line["figure"]: line for line in told["figures"]}
    (after,) = await locked.figures.kpi("gdansk", locked.span)
    assert (lines["eit_wh"]["before"], lines["eit_wh"]["after"]) == (before.eit_wh, after.eit_wh)
    assert lines["pue"]["difference"] == pytest.approx(after.pue - before.pue)
    assert lines["edc_wh"]["difference"] == 0
    assert await locked.figures.kpi("gdansk", locked.span, as_of=lock.at) == [before]
    assert await locked.differences() == []
    with pytest.raises(ValueError, match="nothing waits for 2026-10 of gdansk"):
        await locked.restate(230)


async def test_restatements_follow_one_another(locked):
    await locked.lock()
    await locked.late()
    await locked.restate(220)
    await locked.plant.counts(UPS, 2700.0, (76, 100), first=150.0)
    await locked.plant.settle(230)
    again = await locked.restate(240, "it was wrong again")
    assert again.number == 2
    async with locked.plant.database.read() as connection:
        first, second = await load_restatements(connection, "gdansk", "2026-10")
    assert second.told["previous"] != first.told["previous"]
    assert await locked.differences() == []


async def test_a_month_is_locked_once_and_when_it_is_settled(locked):
    await locked.lock()
    act = Act("Ola", START + 300 * MINUTE)
    database, key = locked.plant.database, locked.key
    later = Period(locked.span.end, locked.span.end + timedelta(hours=18))
    with pytest.raises(ValueError, match="2026-10 is locked already"):
        await lock_month(database, locked.figures, key, ("gdansk", "2026-10", locked.span), act)
    with pytest.raises(ValueError, match="2026-11 is not all settled yet"):
        await lock_month(database, locked.figures, key, ("gdansk", "2026-11", later), act)
    with pytest.raises(ValueError, match="2026-11 of gdansk is not locked"):
        await propose(database, locked.figures, "gdansk", ("2026-11", locked.span))
    with pytest.raises(ValueError, match="who: tell who does this"):
        Act("", START)
    await locked.late()
    with pytest.raises(ValueError, match="reason: tell why"):
        await locked.restate(220, "")


async def test_what_is_found_again_as_it_was_waits_no_longer(locked):
    await locked.lock()
    await locked.late()
    waiting = await locked.pending()
    assert len(waiting) == 6
    async with locked.plant.database.read() as connection:
        rows = (await connection.execute(select(PENDING))).all()
    assert {row.site for row in rows} == {"gdansk"}
    await locked.plant.counts(UPS, 3000.0, (31, 75))
    await locked.plant.settle(220)
    assert {one.amount for one in await locked.pending()} <= {750}
    assert await locked.pending(215) == waiting


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE energy_lock SET who = 'Eve'", "its row and its document differ: who"),
        ("UPDATE energy_lock SET document = replace(document, 'Ola', 'Eve')", "the signature is not of it"),
        ("DELETE FROM energy_lock", "the lock is gone"),
        ("UPDATE energy_restatement SET reason = 'none'", "its row and its document differ: reason"),
        ("UPDATE energy_restatement SET document = 'x'", "its document cannot be read"),
    ],
)
async def test_a_changed_lock_or_restatement_is_found(locked, statement, told):
    await locked.lock()
    await locked.late()
    await locked.restate(220)
    await change(locked.plant, statement)
    assert told in " ".join(one.told for one in await locked.differences())


async def test_a_row_in_a_locked_month_without_a_restatement_is_found_before_any_seal(locked):
    await locked.lock()
    one = f"quarter = {FIRST + 1} AND register = (SELECT min(register) FROM energy_ledger)"
    cause = "(SELECT max(id) FROM energy_cause)"
    await change(
        locked.plant,
        "INSERT INTO energy_ledger (register, quarter, revision, amount, quality, settled_at, cause) SELECT"
        f" register, quarter, 2, 5, 0, settled_at, {cause} FROM energy_ledger WHERE {one}",
    )
    (found,) = await locked.differences()
    assert (found.what, found.meter) == ("lock", "main-1")
    assert found.told == "revision 2 was written to the locked month 2026-10"
    await change(locked.plant, "DELETE FROM energy_ledger WHERE revision = 2")
    await change(locked.plant, f"UPDATE energy_ledger SET amount = 1 WHERE {one}")
    (found,) = await locked.differences()
    assert found.told == "lock of 2026-10: the month does not read as it was signed"


async def test_documents_of_another_key_are_named(locked, tmp_path):
    await locked.lock()
    lost = SigningKey(tmp_path / "other.key")
    (found,) = await differences(locked.plant, lost)
    assert "here is no key: restore other.key" in found.told
    lost.sign("")
    (found,) = await differences(locked.plant, lost)
    assert f"was signed by key {locked.key.name}, here is {lost.name}" in found.told


class Killed(Exception):
    """The end, in the middle of a transaction."""


class Dies(SigningKey):
    """A key over which the process ends, after the cause was written and before what it causes."""

    def sign(self, document: str) -> str:
        raise Killed


async def test_who_dies_before_the_commit_has_done_nothing(locked, key):
    """Rows, cause, document and what waits change in one transaction, or not at all."""
    dying = Dies(key.path)
    await locked.lock()
    await locked.late()
    proposal = await propose(locked.plant.database, locked.figures, "gdansk", ("2026-10", locked.span))
    before = await everything(locked.plant)
    act = Act("Ewa", START + 220 * MINUTE, "found")
    later = Period(locked.span.end, locked.span.end + timedelta(minutes=15))
    with pytest.raises(Killed):
        await restate(locked.plant.database, dying, proposal, act)
    with pytest.raises(Killed):
        await lock_month(locked.plant.database, locked.figures, dying, ("gdansk", "2026-11", later), act)
    assert await everything(locked.plant) == before
    assert await locked.differences() == []
