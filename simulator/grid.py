"""The mix of a bidding zone: how much of its power is renewable, carbon-free, and what the rest emits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.noise import HOUR_MS, Floats, Ints, key, smooth
from simulator.supply import wind_w
from simulator.weather import Place, local_hours, weather


@dataclass(frozen=True)
class GridZone:
    """A bidding zone: shares of load that its steady plants, all its wind and all its sun can carry.

    ``nuclear`` is carbon-free but not renewable; ``fossil_g_per_kwh`` is what the remainder emits.
    """

    name: str
    place: Place
    steady: float
    wind: float
    solar: float
    nuclear: float
    fossil_g_per_kwh: float

    def mix(self, seed: int, times_ms: Ints) -> dict[str, Floats]:
        """The fields of ``dc/v1/grid/{zone}``, one value per time: of what is made there, in direct grams."""
        source = key(seed, "grid", self.name)
        sky = weather(source, self.place, times_ms)
        hour, _ = local_hours(self.place.zone, times_ms)
        demand = 0.86 + 0.16 * (0.5 - 0.5 * np.cos(2 * np.pi * (hour - 4.0) / 24.0))
        blowing = wind_w(sky.wind_ms, 1_000_000) / 1_000_000
        shining = sky.sun * (1.0 - 0.6 * sky.cloud)
        steady = self.steady * (0.95 + 0.1 * smooth(source, times_ms, 6 * HOUR_MS))
        renewable = np.clip((steady + self.wind * blowing + self.solar * shining) / demand, 0.0, 0.97)
        carbon_free = np.clip(renewable + self.nuclear / demand, 0.0, 0.99)
        carbon = (1.0 - carbon_free) * self.fossil_g_per_kwh + 15.0
        return {
            "renewable_share": np.round(renewable, 4),
            "carbon_free_share": np.round(carbon_free, 4),
            "carbon_g_per_kwh": np.round(carbon, 1),
            "consumption_based": np.zeros(len(times_ms)),
            "lifecycle": np.zeros(len(times_ms)),
        }


POLAND = GridZone("pl", Place(52.2, 19.4, "Europe/Warsaw"), 0.11, 0.30, 0.45, 0.0, 810.0)
LITHUANIA = GridZone("lt", Place(55.3, 23.9, "Europe/Vilnius", 7.4), 0.22, 0.55, 0.40, 0.08, 430.0)
