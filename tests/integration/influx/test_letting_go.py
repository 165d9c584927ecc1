"""An InfluxDB beside the first store that is away for longer than the journal has room for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from runtime.backoff import Backoff
from runtime.clock import ManualClock
from telemetry.catalogue import GPU, METER
from telemetry.influx.options import InfluxOptions
from telemetry.series import SeriesRegistry
from telemetry.store import Store
from telemetry.stores.influx import InfluxStore
from tests.fakes.mirrored import HOLD, LIMIT, Site
from tests.servers.influxdb import influxdb

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
ROWS = 1_000


async def test_a_killed_influxdb_is_let_go_and_has_everything_again_once_it_is_back(tmp_path: Path) -> None:
    server = influxdb(tmp_path)
    server.start()

    def mirror(registry: SeriesRegistry) -> Store:
        options = InfluxOptions(url=f"http://127.0.0.1:{server.port}", database="amber")
        return InfluxStore(options, registry, tmp_path, backoff=lambda: Backoff(0.001, 0.002))

    site = Site(tmp_path, ManualClock(NOON), mirror)
    try:
        async with site.running():
            await site.put(METER, 0, ROWS)
            await site.second.wait_for(1)
            server.kill()
            for second in range(1, 60):
                await site.put(METER, 20 * second, ROWS)
                await site.put(GPU, 20 * second - 86_400, ROWS)
                assert site.journal.held <= HOLD * LIMIT
            status = await site.second.status()
            assert "cannot be reached" in str(status.error)
            assert status.missed > 60
            server.start()
            await site.filled()
            assert (await site.second.status()).missed == 0
            for measurement, batches in ((METER, 60), (GPU, 59)):
                rows = await site.rows(site.mirror, measurement)
                assert rows == await site.rows(site.first, measurement)
                assert len(rows) == batches * ROWS
    finally:
        server.stop()
