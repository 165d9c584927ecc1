"""Rules about meters that come and go by the dates of the configuration, and about sums of feeders."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from energy.configuration.site import SiteOptions
from runtime.clock import to_ms
from telemetry.catalogue import METER
from telemetry.frame import Frame
from telemetry.live import LiveState
from telemetry.series import SeriesRegistry
from tests.unit.alerts.test_rules import AT, Ingest, ask, device, reading

BEFORE, AFTER = (AT - timedelta(hours=1)).isoformat(), (AT + timedelta(hours=1)).isoformat()


def gdansk(meters, **more):
    table = {"name": "G", "zone": "UTC", "grid": "PL", "meter": meters, **more}
    return {"gdansk": SiteOptions.model_validate(table)}


def powers(**watts):
    """The live state in which each meter told its power just now."""
    registry = SeriesRegistry()
    found = LiveState(registry)
    for name, power in watts.items():
        series = registry.id(METER, ("gdansk", name.replace("_", "-")))
        columns = {f.name: np.array([power if f.name == "power_w" else np.nan]) for f in METER.fields}
        found.update(Frame(METER, np.array([series], np.int32), np.array([to_ms(AT)], np.int64), columns))
    return found


@pytest.mark.parametrize("dated", [{"valid_until": BEFORE}, {"valid_from": AFTER}])
async def test_a_meter_that_is_not_there_by_its_dates_is_not_silent(dated):
    sites = gdansk([{"id": "main-1", "role": "utility"}, {"id": "old", "role": "utility", **dated}])
    devices = [device("gdansk/meter/main-1"), device("gdansk/meter/old", None)]
    verdicts = await ask("silent_source", reading(sites=sites, ingest=Ingest(devices=devices)))
    assert not any(verdict.active for verdict in verdicts.values())


async def test_a_meter_that_is_there_by_its_dates_is_missed():
    sites = gdansk([{"id": "main-1", "role": "utility", "valid_from": BEFORE, "valid_until": AFTER}])
    devices = [device("gdansk/meter/main-1", None)]
    verdicts = await ask("silent_source", reading(sites=sites, ingest=Ingest(devices=devices)))
    assert verdicts["silent/gdansk/meter"].active


async def test_the_contract_is_held_against_what_makes_the_inlet():
    feeders = [{"id": "feed-a", "role": "other"}, {"id": "feed-b", "role": "other"}]
    old = {"id": "main-1", "role": "utility", "valid_until": BEFORE}
    virtual = [{"id": "main", "role": "utility", "plus": ["feed-a", "feed-b"], "valid_from": BEFORE}]
    sites = gdansk([old, *feeders], virtual=virtual, contracted_kw=100)
    read = reading(sites=sites, live=powers(main_1=500_000.0, feed_a=40_000.0, feed_b=70_000.0))
    verdict = (await ask("power_contract", read))["contract/gdansk"]
    assert (verdict.value, verdict.active) == (110.0, True)
