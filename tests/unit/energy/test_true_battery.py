"""The ledger's figures of a simulated site with a battery are the simulator's truth, to the watt-hour.

The two share no code: the simulator traces its battery parcel by parcel, in exact fractions.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from energy.configuration.site import SiteOptions
from energy.figures import KpiRow
from energy.interval import Period, Step
from energy.reading.reader import LedgerFigures
from runtime.clock import to_ms
from simulator.demo import site_settings
from simulator.model import Model
from simulator.plan import GDANSK
from simulator.truth import Truth
from tests.unit.energy.plant import Plant

EPOCH = datetime(2026, 9, 29, tzinfo=UTC)
TURN = Period(datetime(2026, 9, 30, tzinfo=UTC), datetime(2026, 10, 3, tzinfo=UTC))
"""Three days, with the turn of a month of UTC among them."""

CADENCE = timedelta(minutes=5)


async def settled(tmp_path: Path, truth_of: Model, until: datetime) -> Plant:
    """A ledger of everything that the registers of the site counted up to ``until``."""
    site = truth_of.sites["gdansk"]
    options = SiteOptions.model_validate(site_settings(GDANSK))
    plant = Plant(tmp_path, {"gdansk": options})
    await plant.open()
    at = [EPOCH + n * CADENCE for n in range((until - EPOCH) // CADENCE + 2)]
    times = np.array([to_ms(moment) for moment in at], dtype=np.int64)

    def counted(name: str) -> np.ndarray:
        return np.asarray(site.energy_wh([name], times)[0], dtype=np.float64)

    frames = []
    for meter in options.meter:
        fields = {"energy_wh": counted(meter.id)}
        if meter.role == "utility":
            fields["export_wh"] = counted(f"{meter.id}/export")
        frames.append(plant.frame(f"meter/gdansk/{meter.id}", at, fields))
    for supply in options.supply:
        names = {"energy_wh": supply.id}
        if supply.kind == "battery":
            names = {f"{way}_wh": f"{supply.id}/{way}" for way in ("charge", "discharge")}
        told = {field: counted(name) for field, name in names.items()}
        frames.append(plant.frame(f"supply/gdansk/{supply.id}", at, told))
    await plant.feed(*frames)
    await plant.ledger.settle(until + timedelta(minutes=3))
    return plant


def shares(row: KpiRow) -> tuple[float | None, float | None, float | None]:
    return row.edc_wh, row.load_wh, row.eit_wh


async def test_hours_days_and_the_whole_are_the_truth(tmp_path: Path) -> None:
    model = Model(EPOCH, (GDANSK,), seed=7)
    truth = Truth(model.sites["gdansk"])
    plant = await settled(tmp_path, model, TURN.end)
    figures = LedgerFigures(plant.database, plant.store, plant.sites)
    for step, name in ((Step.HOUR, "PT1H"), (Step.DAY, "P1D"), (None, None)):
        rows = await figures.kpi("gdansk", TURN, step)
        true = truth.rows(TURN.start, TURN.end, name) if name else [truth.period(TURN.start, TURN.end)]  # type: ignore[arg-type]
        assert [shares(row) for row in rows] == [(t.edc_wh, t.load_wh, t.eit_wh) for t in true]
        green = [(row.green_wh, row.sums["green_storage_wh"], row.hourly_matched) for row in rows]
        assert green == [
            (
                pytest.approx(t.matched_wh, abs=0.01),
                pytest.approx(t.stored_wh, abs=0.01),
                pytest.approx(t.hourly_matched, abs=1e-9),
            )
            for t in true
        ]
    assert 0 < rows[0].sums["green_storage_wh"] < rows[0].sums["battery_charged_wh"]
    await plant.close()
