"""The certificates of the demo."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import fsum
from pathlib import Path

from commands.showcase import ORDERS, furnish
from energy.certificates.desk import Certificates
from runtime.database import Database
from settings import resolve
from simulator.demo import Demo

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


async def test_no_site_cancels_more_certificates_than_it_can_have_used(tmp_path: Path) -> None:
    demo = Demo.open(tmp_path, NOW)
    configuration = resolve(demo.settings(1883, 8080))
    await furnish(configuration, NOW)
    settings = configuration.settings
    database = Database(settings.service.database_url)
    desk = Certificates(database, settings.sites, settings.certificates)
    hours = timedelta(days=31) / timedelta(hours=1)
    used = {name: 0.7 * site.plan.rated_it_w * hours for name, site in demo.model.sites.items()}
    for site, (registry, _mwh) in ORDERS.items():
        found = await desk.holdings.holdings(NOW + timedelta(seconds=1), registry)
        cancelled = fsum(one.wh for one in found if one.state == "cancelled" and one.site == site)
        assert 0 < cancelled < used[site], site
        assert {"cancelled", "expired", "held"} <= {str(one.state) for one in found}, site
    await database.close()
