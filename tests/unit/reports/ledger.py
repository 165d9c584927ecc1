"""A month of two sites in a real ledger: one with water, heat and a grid that is told, one without."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from energy.configuration.site import SiteOptions
from energy.interval import QUARTER, month
from energy.reading.reader import LedgerFigures
from energy.targets.target import TargetOptions
from reports.monthly import Material
from tests.fakes.board import MemoryBoard
from tests.unit.energy.plant import Plant

NAME = "2026-10"
HOUR = timedelta(hours=1)
SLOW = {"period": "15m"}
METERS = (
    {"id": "main-1", "role": "utility", **SLOW},
    {"id": "ups-a", "role": "it", "category": "pue1", **SLOW},
)
PROVEN = {"certificates": "none"}
"""Nobody issues any for it, so that a locked month can be final."""

GDANSK = SiteOptions.model_validate(
    {
        "name": "Gdańsk", "zone": "Europe/Warsaw", "grid": "PL", "meter": METERS,
        "supply": [{"id": "wind", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 10, **SLOW, **PROVEN}],
        "water": [{"id": "tap", **SLOW}], "heat": [{"id": "district", **SLOW}],
    }
)  # fmt: skip
KAUNAS = SiteOptions.model_validate(
    {
        "name": "Kaunas", "zone": "Europe/Vilnius", "grid": "LT", "meter": METERS,
        "water": [{"id": "well", **SLOW}],
    }
)  # fmt: skip
SITES = {"gdansk": GDANSK, "kaunas": KAUNAS}
TARGETS = (
    TargetOptions(name="green", site="gdansk"),
    TargetOptions(name="half", site="gdansk", metric="ref", goal=0.5),
    TargetOptions(name="green", site="kaunas"),
)
OCTOBER = month(NAME, GDANSK.tz)
DAY_AFTER = OCTOBER.end + timedelta(days=1)
POWERS = {
    "meter/gdansk/main-1": 9001.0, "meter/gdansk/ups-a": 7503.0, "supply/gdansk/wind": 6007.0,
    "heat/gdansk/district": 500.0, "meter/kaunas/main-1": 3000.0, "meter/kaunas/ups-a": 2500.0,
}  # fmt: skip


async def played(folder: Path, batches: int = 1) -> Plant:
    """Registers every 15 minutes and the mix of Poland every hour, all of it settled; close it afterwards.

    Each register comes in so many ``batches``.
    """
    plant = Plant(folder, SITES)
    await plant.open()
    count = (OCTOBER.end - OCTOBER.start) // QUARTER + 16
    at = [OCTOBER.start - 8 * QUARTER + n * QUARTER for n in range(count)]
    swing = 1 + 0.3 * np.sin(np.arange(count) / 13)
    registers: dict[tuple[str, str], np.ndarray] = {}
    for topic, watts in POWERS.items():
        steady = topic != "supply/gdansk/wind"
        register = np.cumsum(np.full(count, watts / 4) * (1 if steady else swing)).round()
        registers[topic, "energy_wh"] = register
    for topic in ("water/gdansk/tap", "water/kaunas/well"):
        registers[topic, "volume_m3"] = (0.012 * np.arange(count)).round(3)
    for part in np.array_split(np.arange(count), batches):
        when = at[part[0] : part[-1] + 1]
        for (topic, field), register in registers.items():
            await plant.feed(plant.frame(topic, when, {field: register[part]}))
    await _told(plant, [moment for moment in at if moment.minute == 0])
    await plant.ledger.settle(OCTOBER.end + 2 * HOUR)  # the month of UTC ends an hour later
    return plant


async def _told(plant: Plant, hours: Sequence[datetime]) -> None:
    share = 0.4 + 0.2 * np.sin(np.arange(len(hours)) / 7)
    mix = {"renewable_share": share, "carbon_free_share": share + 0.1, "carbon_g_per_kwh": 800 * (1 - share)}
    await plant.feed(plant.frame("grid/PL", hours, mix))


def material(plant: Plant) -> Material:
    """What reports of it are made of."""
    figures = LedgerFigures(plant.database, plant.store, plant.sites)
    return Material(figures, MemoryBoard(()), SITES, TARGETS)
