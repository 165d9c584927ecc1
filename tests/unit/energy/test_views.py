"""Views are kept as long as nothing that they show has changed, however long ago that was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from energy.certificates.claims import Claims
from energy.reading.shelf import Shelf
from energy.reading.view import View, Views
from tests.unit.energy.arrays import FIRST
from tests.unit.energy.plant import Plant
from tests.unit.energy.proving import MAIN, UPS, sparse


async def test_a_view_is_kept_though_a_stand_knows_only_of_recent_days(plant: Plant) -> None:
    """A check that catches up asks of times long past, of whose changes a stand is not told at first."""
    await sparse(plant, MAIN, (0, 49))
    await sparse(plant, UPS, (0, 49), 3000.0)
    await plant.settle(49 * 60)
    shelf, first = Shelf(plant.database), FIRST // 96
    views = Views(plant.sites["gdansk"], shelf, Claims(plant.database))

    async def view(days: range) -> View:
        stand = (await shelf.stands(["gdansk"]))["gdansk"]
        recent = {day: told for day, told in stand.changes.items() if day > first}
        return await views.view(replace(stand, changes=recent, known_from=first + 1), days, 0)

    wide = await view(range(first, first + 2))
    assert await view(range(first + 1, first + 2)) is wide
    await sparse(plant, MAIN, (2, 3), 4004.0)
    await plant.settle(50 * 60)
    later = await view(range(first + 1, first + 2))
    assert later.balance.edc[10] != wide.balance.edc[10]
    views, shelf = Views(plant.sites["gdansk"], shelf, Claims(plant.database)), Shelf(plant.database)
    np.testing.assert_array_equal(later.balance.edc, (await view(range(first, first + 2))).balance.edc)
