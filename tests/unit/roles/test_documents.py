"""The jobs that ask for documents of the grid, and the note of which factors are in use."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

from energy.carbon.hours import hour_of, load_hours
from energy.carbon.uses import load_use
from roles.documents import document_jobs, document_names, note_uses
from roles.ground import Ground
from runtime.clock import ManualClock
from runtime.database import Database
from settings import resolve
from tests.servers.entsoe import Platform
from tests.unit.energy.carbon.documents import document, series

AT = datetime(2026, 10, 5, 12, tzinfo=UTC)
METERS = [{"id": "main", "role": "utility"}, {"id": "ups", "role": "it", "category": "pue1"}]
SITE = {"name": "Gdańsk", "zone": "Europe/Warsaw", "grid": "PL", "meter": METERS}


async def test_what_a_collector_fetches_is_kept_as_hours_and_the_sets_in_use_are_noted(
    database: Database,
) -> None:
    platform = Platform(lambda _: (200, document(series("B05", AT, [500.0]))))
    await platform.start()
    collector = {"type": "entsoe", "url": platform.url, "token": platform.token, "history": "1d"}
    tables = {
        "sites": {"gdansk": SITE},
        "carbon": {"factors": "ipcc-2014-direct", "grid": "entsoe"},
        "collector": [{**collector, "zones": ["PL"]}, {**collector, "zones": ["LT"]}],
    }
    configuration = resolve(tables)
    parts = SimpleNamespace(
        configuration=configuration, settings=configuration.settings, database=database, clock=ManualClock(AT)
    )
    ground = cast(Ground, parts)
    await note_uses(ground)
    first, second = document_jobs(ground)
    assert (
        [first.name, second.name] == document_names(ground.settings) == ["grid-documents", "grid-documents-2"]
    )
    await first.run(AT)
    await platform.stop()
    async with database.read() as connection:
        use = await load_use(connection, "gdansk")
        hours = await load_hours(connection, ("PL", "entsoe"), (hour_of(AT), 1))
    assert (use.factors.id, use.grid) == ("ipcc-2014-direct", "entsoe")
    assert (hours.version.tolist(), hours.method, hours.generation) == (
        [1],
        "production",
        ('{"B05": 500.0}',),
    )
