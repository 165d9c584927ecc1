"""A month that is played again gives the same bytes: its rows under seal, and its report."""

from __future__ import annotations

from pathlib import Path

import pytest

from energy.proof.seal import load_seals, seal_days
from reports.monthly import build
from reports.renderer import renderers
from tests.unit.reports.ledger import DAY_AFTER, NAME, material, played

Folders = pytest.TempPathFactory


async def told(folder: Path, batches: int) -> tuple[dict[int, str], list[bytes]]:
    """What is sealed of each day of a site, and its report in two formats."""
    plant = await played(folder, batches)
    await seal_days(plant.database, "gdansk", DAY_AFTER)
    async with plant.database.read() as connection:
        sealed = {seal.day: seal.content for seal in await load_seals(connection, "gdansk")}
    report = await build("gdansk", NAME, DAY_AFTER, material(plant))
    await plant.close()
    return sealed, [renderers()[name].render(report) for name in ("json", "csv")]


async def test_a_month_that_is_played_again_gives_the_same_bytes(tmp_path_factory: Folders) -> None:
    once, again = [await told(tmp_path_factory.mktemp("month"), batches) for batches in (1, 7)]
    assert once == again
    assert len(once[0]) >= 31
