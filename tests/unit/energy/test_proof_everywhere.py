"""Seals, locks and restatements in each database that the state may be kept in."""

from __future__ import annotations

from pathlib import Path

from energy.proof.disturbed import disturbed_months
from energy.proof.key import SigningKey
from energy.proof.seal import seal_days
from tests.unit.energy.plant import MINUTE, START, Plant
from tests.unit.energy.proving import FIRST, Locked, change


async def disturbed(plant: Plant) -> list[tuple[str, str]]:
    async with plant.database.read() as connection:
        return await disturbed_months(connection, ["gdansk"])


async def test_what_is_done_is_proven_and_one_changed_byte_is_found(plant: Plant, tmp_path: Path) -> None:
    locked = Locked(plant, SigningKey(tmp_path / "ledger.key"))
    await locked.lock()
    assert await disturbed(plant) == []
    await locked.late()
    assert await disturbed(plant) == [("gdansk", "2026-10")]
    await locked.restate(220)
    assert await disturbed(plant) == []
    await plant.settle(26 * 60)
    assert await seal_days(plant.database, "gdansk", START + 1500 * MINUTE) == 1
    assert await locked.differences() == []
    register = "SELECT id FROM energy_register WHERE meter = 'ups-a' AND channel = 'energy'"
    await change(
        plant,
        f"UPDATE energy_ledger SET amount = amount + 1 WHERE quarter = {FIRST + 9} AND revision = 2"
        f" AND register = ({register})",
    )
    (found,) = await locked.differences()
    assert (found.day, found.meter, found.start) == ("2026-10-05", "ups-a", "2026-10-05T02:15:00+00:00")
