"""The report of a month that is over, made again after the site's configuration has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from energy.configuration.site import SiteOptions
from energy.interval import month
from energy.settlement.marker import Marker
from reports.monthly import build
from runtime.clock import ManualClock
from tests.unit.energy.plant import QUARTER, Plant
from tests.unit.reports.ledger import (
    DAY_AFTER,
    GDANSK,
    METERS,
    NAME,
    OCTOBER,
    SITES,
    TARGETS,
    material,
    played,
)

CHANGED = SiteOptions.model_validate(
    {
        **GDANSK.model_dump(),
        "meter": [{**METERS[0], "id": "main-2"}, {**METERS[1], "category": "pue2"}],
        "supply": [{"id": "wind-2", "kind": "ppa_wind", "zone": "PL", "certificates": "sold"}],
        "water": [],
        "grid": "DE",
    }
)


@pytest.fixture
async def plants(tmp_path: Path) -> AsyncIterator[list[Plant]]:
    """The month as it was played, first."""
    found = [await played(tmp_path)]
    yield found
    for plant in found:
        await plant.close()


async def test_a_site_that_has_left_is_in_the_months_in_which_it_was_there(
    plants: list[Plant], tmp_path: Path
) -> None:
    [old] = plants
    sites = {"gdansk": SITES["gdansk"]}
    of_gdansk = tuple(target for target in TARGETS if target.site == "gdansk")
    whole = replace(material(old), targets=of_gdansk)
    before = [await build(of, NAME, DAY_AFTER, whole) for of in ("all", "kaunas")]
    new = Plant(tmp_path, sites, old.registry)
    new.marker = Marker(new.database, new.registry, sites, ManualClock(DAY_AFTER))
    new.use(old.store)
    plants.append(new)
    await new.open()
    made = replace(material(new), sites=sites, targets=of_gdansk)

    after = [await build(of, NAME, DAY_AFTER, made) for of in ("all", "kaunas")]

    assert {line.site for line in after[0].figures.meters} == {"gdansk", "kaunas"}
    assert after == before
    with pytest.raises(ValueError, match="no site 'riga' is configured"):
        await build("riga", NAME, DAY_AFTER, made)


async def test_it_is_the_same_to_the_byte(plants: list[Plant], tmp_path: Path) -> None:
    [old] = plants
    before = [await build(of, NAME, DAY_AFTER, material(old)) for of in ("gdansk", "all")]
    sites = {**SITES, "gdansk": CHANGED}
    new = Plant(tmp_path, sites, old.registry)
    new.marker = Marker(new.database, new.registry, sites, ManualClock(DAY_AFTER))
    new.use(old.store)
    plants.append(new)
    await new.open()
    made = replace(material(new), sites=sites)

    after = [await build(of, NAME, DAY_AFTER, made) for of in ("gdansk", "all")]

    assert [report.checksum for report in after] == [report.checksum for report in before]
    assert after == before
    assert {line.id for line in after[0].figures.meters} >= {"main-1", "wind", "tap"}

    at = [OCTOBER.end + timedelta(hours=1) + n * QUARTER for n in range(40)]
    await new.feed(new.frame("meter/gdansk/main-2", at, {"energy_wh": [2000.0 * n for n in range(40)]}))
    await new.ledger.settle(OCTOBER.end + timedelta(hours=10))
    november = await build("gdansk", "2026-11", DAY_AFTER, made)
    assert {line.id for line in november.figures.meters} >= {"main-1", "main-2", "wind", "wind-2", "tap"}
    assert november.figures.period.start == month("2026-11", GDANSK.tz).start
