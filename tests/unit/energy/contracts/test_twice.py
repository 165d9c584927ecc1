"""Files of volumes that were told before: of one plant for two contracts, or of one contract once more."""

from __future__ import annotations

import pytest

from energy.certificates.sheet import Source
from energy.contracts.form import VolumeForm
from energy.contracts.importing import import_volumes
from energy.contracts.plant import plant_of
from energy.proof.act import Act
from tests.unit.energy.contracts.test_shares import WIND, two
from tests.unit.energy.plant import MINUTE, QUARTER, START


@pytest.mark.parametrize(("plant", "refused"), [(None, True), ("baltica", False)])
async def test_one_file_tells_of_one_plant(database, plant, refused):
    supply = WIND | {"share": 0.5, "plant": plant}
    sites = two(supply, supply)

    async def imported(where: str, name: str, amounts: list[float]):
        rows = [f"{(START + q * QUARTER).isoformat()},{amount}" for q, amount in enumerate(amounts)]
        source = Source(name, "\n".join(["start,kwh", *rows, ""]).encode())
        what = source, VolumeForm(minutes=15)
        return await import_volumes(database, plant_of(sites, where, "wind"), what, Act("Eva", later, ""))

    later, told = START + 600 * MINUTE, [10.0 + q for q in range(20)]
    assert (await imported("gdansk", "a.csv", told)).taken
    same, copied = await imported("kaunas", "a.csv", told), await imported("kaunas", "b.csv", told[:16])
    if refused:
        assert [found.taken for found in (same, copied)] == [False, False]
        assert "same file was imported by Eva for sites.gdansk.supply 'wind'" in str(same.wrong[0])
        assert "was told the very amounts by another file" in str(copied.wrong[0])
        assert 'plant = "..."' in str(copied.wrong[0])
        # A base load is as it is at many a contract.
        assert (await imported("kaunas", "flat.csv", [10.0] * 20)).taken
    else:
        assert same.taken
        assert (copied.known, copied.wrong) == (None, ())


async def test_a_file_whose_volumes_another_one_restated_can_be_told_again(database):
    sites = two(WIND, WIND | {"volume": "mqtt", "max_power_kw": 1})

    async def imported(name: str, kwh: float, minutes: int):
        source = Source(name, f"start,kwh\n{START.isoformat()},{kwh}\n".encode())
        act = Act("Eva", START + minutes * MINUTE, "")
        return await import_volumes(
            database, plant_of(sites, "gdansk", "wind"), (source, VolumeForm(minutes=15)), act
        )

    assert (await imported("a.csv", 1, 20)).fresh == 1
    assert (await imported("b.csv", 2, 30)).restated == 1
    again = await imported("a.csv", 1, 40)
    assert (again.taken, again.restated, again.known) == (True, 1, None)
    assert (await imported("a.csv", 1, 50)).known == (START + 40 * MINUTE, "Eva")
