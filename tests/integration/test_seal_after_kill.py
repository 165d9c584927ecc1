"""A process that is killed while it seals and locks leaves a chain that holds, and that the next one ends."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from energy.proof.check import check_site
from energy.proof.key import SigningKey
from energy.proof.seal import seal_days
from energy.proof.tables import LOCK, SEAL
from runtime.clock import to_ms
from tests.eventually import eventually
from tests.unit.energy.plant import START, Plant, site
from tests.unit.energy.proving import FIRST, MAIN, UPS, sparse

DAYS = 12
ROOT = Path(__file__).resolve().parents[2]


async def counted(plant: Plant, table) -> int:  # type: ignore[no-untyped-def]
    async with plant.database.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(table)) or 0)


@pytest.mark.parametrize("seals", [1, DAYS // 2, DAYS])
async def test_the_chain_holds_wherever_its_writer_is_killed(tmp_path: Path, seals: int) -> None:
    plant = Plant(tmp_path, {"gdansk": site()})
    await plant.open()
    await sparse(plant, MAIN, (0, 24 * DAYS + 1))
    await sparse(plant, UPS, (0, 24 * DAYS + 1), 3000.0)
    await plant.settle(60 * 24 * DAYS + 30)
    at = START + timedelta(days=DAYS, hours=1)
    key = SigningKey(tmp_path / "ledger.key")
    arguments = (
        plant.database.url, str(key.path), str(FIRST), str(FIRST + 96 * DAYS), str(to_ms(at))
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.sealing", *arguments, cwd=ROOT
    )

    async def far_enough() -> bool:
        return await counted(plant, SEAL) >= seals or process.returncode is not None

    await eventually(far_enough)
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.wait()
    found = await check_site(plant.database, "gdansk", key)
    assert found.differences == []
    made, locked = found.seals, await counted(plant, LOCK)
    assert made >= seals
    assert await seal_days(plant.database, "gdansk", at) == DAYS - made
    found = await check_site(plant.database, "gdansk", key)
    assert (found.differences, found.seals, await counted(plant, LOCK)) == ([], DAYS, locked)
    await plant.close()
