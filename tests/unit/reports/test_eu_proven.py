"""The EU data set counts of contracts and own plants what cancelled certificates prove, and no more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from energy.certificates.mapping import MappingOptions
from energy.certificates.plants import with_plants
from energy.certificates.registry import registries
from reports.eu.data_set import DataSet, assemble
from reports.eu.measured import measure
from tests.unit.energy.certificates.settled import OCTOBER, Month, load
from tests.unit.energy.certificates.vault import wind
from tests.unit.energy.plant import site

PPA = {"id": "ppa", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 1e6}
KASZUBY = MappingOptions(registry="PL", supplies={"farma kaszuby": "gdansk/ppa", "obca farma": "none"})

Delivered = Callable[[str], Awaitable[Month]]


@pytest.fixture
async def opened() -> AsyncIterator[list[Month]]:
    months: list[Month] = []
    yield months
    for month in months:
        await month.plant.close()


@pytest.fixture
def delivered(tmp_path: Path, opened: list[Month]) -> Delivered:
    """A site that used 100 MWh and was delivered as much by a contract, with its ``certificates``."""

    async def make(certificates: str) -> Month:
        here = Month(tmp_path, site(supply=[PPA | {"certificates": certificates}]))
        here.vault.rules = with_plants(registries([KASZUBY]), here.plant.sites)
        here.vault.book._rules = here.vault.rules
        opened.append(here)
        await here.settle({**load(100), "supply/gdansk/ppa/energy_wh": 100})
        return here

    return make


async def told(here: Month, over: bool = True) -> DataSet:
    """The set of the month, as if it were a year."""
    measured = await measure(here.figures, "gdansk", OCTOBER, None, 0.9)
    return assemble("gdansk", 2026, measured, {}, over)


def of_contracts(found: DataSet) -> tuple[object, object]:
    """E_RES-PPA and REF."""
    values = {entry.item.key: entry.told.value for entry in found.entries if entry.told is not None}
    return values["eres_ppa_kwh"], pytest.approx(values["ref"])


async def test_a_contract_counts_in_the_eu_set_as_far_as_cancelled_certificates_prove_it(
    delivered: Delivered,
) -> None:
    here = await delivered("kept")
    await here.vault.take(wind(1, 100))
    awaited = await told(here)
    assert of_contracts(awaited) == (0, 0)
    assert [
        one for one in awaited.problems if one.startswith("eres_ppa_kwh: 100,000 kWh more were delivered")
    ]
    assert (await told(here, over=False)).problems == []
    await here.cancel(40)
    some = await told(here)
    assert of_contracts(some) == (40_000, 0.4)
    notes = {entry.item.key: entry.told.note for entry in some.entries if entry.told is not None}
    assert "without 60,000 kWh that no cancelled certificate proves" in notes["eres_ppa_kwh"]
    await here.cancel(60)
    whole = await told(here)
    assert (of_contracts(whole), whole.problems) == ((100_000, 1.0), [])


async def test_energy_of_which_nobody_issues_certificates_owes_no_proof(delivered: Delivered) -> None:
    found = await told(await delivered("none"))
    assert (of_contracts(found), found.problems) == ((100_000, 1.0), [])


async def test_a_guarantee_counts_in_the_place_of_energy_that_is_not_proven(delivered: Delivered) -> None:
    here = await delivered("kept")
    await here.vault.take(wind(1, 30).replace("Farma Kaszuby", "Obca Farma"))
    await here.cancel(30)
    assert (await here.row()).ref == 1
    assert of_contracts(await told(here)) == (0, 0.3)
