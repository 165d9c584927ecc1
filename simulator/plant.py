"""The machinery of one site, a UTC day at a time by the minute: loads, losses, cooling, supplies, feeders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulator.load import PPM, Pools
from simulator.noise import DAY_MS, HOUR_MS, MINUTE_MS, Floats, Ints, key, keys, smooth, uniform
from simulator.plan import GPU_FULL_W, GPU_IDLE_W, NODE_BASE_W, NODE_FANS, SitePlan
from simulator.supply import battery_day, solar_w, wind_w
from simulator.weather import Weather, weather

MINUTES = 1440
_CALM_WIND = 0.002
"""What is left of the wind power in a windless night."""


@dataclass(frozen=True)
class Day:
    """One UTC day by the minute: ``load`` (pools, 1440) in ppm, ``rates`` in W (water: litres an hour)."""

    load: Ints
    rates: dict[str, Ints]
    soc: Floats


@dataclass(frozen=True)
class Gpus:
    """What sets one GPU apart from the next; arrays of shape (nodes, gpus)."""

    pool: Ints
    idle_w: Floats
    span_w: Floats
    warm_c: Floats
    keys: np.typing.NDArray[np.uint64]

    @classmethod
    def of(cls, plan: SitePlan, seed: int) -> Gpus:
        """The GPUs of ``plan``: no chip is like the other."""
        names = keys(plan.node_count, seed, plan.name, "gpu")
        number = np.arange(plan.gpus, dtype=np.int64)[None, :]
        idle = GPU_IDLE_W * (0.92 + 0.16 * uniform(names, number))
        full = GPU_FULL_W * (0.955 + 0.045 * uniform(names, number + 64))
        warm = 6.0 * uniform(names, number + 128)
        pool = np.arange(plan.node_count, dtype=np.int64) // plan.nodes_per_pool
        each = names + number.astype(np.uint64) * np.uint64(1_000_003)
        return cls(pool, idle, full - idle, warm, each)


class Plant:
    """Computes days; ``calms`` are (start_ms, end_ms) in which no wind blows for this site's supplies."""

    def __init__(self, plan: SitePlan, seed: int, calms: Sequence[tuple[int, int]] = ()) -> None:
        self.plan = plan
        self.gpus = Gpus.of(plan, seed)
        self._calms = tuple(calms)
        self._sky_key = key(seed, plan.name, "sky")
        self._pools = Pools.of(plan.pool_count, plan.training_share, plan.place.zone, seed, plan.name, "pool")
        self._pool_idle_w = self._per_pool(self.gpus.idle_w)
        self._pool_span_w = self._per_pool(self.gpus.span_w)

    def _per_pool(self, watts: Floats) -> Floats:
        per_node = watts.sum(axis=1)
        return np.asarray(np.bincount(self.gpus.pool, per_node, self.plan.pool_count), dtype=np.float64)

    def sky(self, times_ms: Ints) -> Weather:
        """The weather over the site."""
        return weather(self._sky_key, self.plan.place, times_ms)

    def inlet_c(self, times_ms: Ints) -> Floats:
        """Temperature of the air or water that reaches the GPUs."""
        return 22.0 + 2.0 * smooth(self._sky_key + np.uint64(9), times_ms, 3 * HOUR_MS)

    def day(self, number: int) -> Day:
        """UTC day ``number`` since 1970; a function of seed and number alone."""
        # Always the same 1440 times: vectorised mathematics may round differently for other lengths.
        times = number * DAY_MS + np.arange(MINUTES, dtype=np.int64) * MINUTE_MS + MINUTE_MS // 2
        load = self._pools.utilisation(times)
        sky = self.sky(times)
        it = self._it_w(load)
        rates = self._house(it, sky)
        rates |= self._generation(sky, times)
        return self._feeders(load, it, rates)

    def _it_w(self, load: Ints) -> Ints:
        gpu_w = self._pool_idle_w.sum() + self._pool_span_w @ (load / PPM)
        nodes_w: Ints = np.ceil(gpu_w * NODE_FANS).astype(np.int64)
        return nodes_w + round(self.plan.node_count * NODE_BASE_W)

    def _house(self, it: Ints, sky: Weather) -> dict[str, Ints]:
        rated = self.plan.rated_it_w
        ups_a = it * 507 // 1000
        free = 0.054 + 0.0042 * np.clip(sky.temp_c - 8.0, 0.0, 26.0)
        cooling = np.rint(it * free + rated * 0.014).astype(np.int64)
        cooling_1 = cooling * 495 // 1000
        rates = {
            "ups-a": ups_a,
            "ups-b": it - ups_a,
            "cooling-1": cooling_1,
            "cooling-2": cooling - cooling_1,
            "chiller-1": cooling_1 * 88 // 100,
            "chiller-2": (cooling - cooling_1) * 88 // 100,
            "aux": np.rint(rated * (0.011 + 0.003 * np.minimum(1.0, 4 * sky.sun))).astype(np.int64),
        }
        if self.plan.reuses_heat:
            evaporated = it / 1000 * 0.05 * np.clip(sky.temp_c - 14.0, 0.0, 20.0)
            rates["makeup"] = np.rint(rated / 1000 * 0.06 + evaporated).astype(np.int64)
            wanted = 0.04 + 0.02 * np.clip(14.0 - sky.temp_c, 0.0, 12.0)
            rates["district"] = np.rint(it * wanted).astype(np.int64)
        return rates

    def _generation(self, sky: Weather, times_ms: Ints) -> dict[str, Ints]:
        rated = self.plan.rated_it_w
        blows = np.ones(len(times_ms))
        for start, end in self._calms:
            blows[(times_ms >= start) & (times_ms < end)] = _CALM_WIND
        rates = {}
        for name, ratio in self.plan.plants.items():
            windy = "wind" in name
            made = wind_w(sky.wind_ms, ratio * rated) if windy else solar_w(sky, ratio * rated)
            rates[name] = np.rint(made * blows).astype(np.int64) if windy else made
        return rates

    def _feeders(self, load: Ints, it: Ints, rates: dict[str, Ints]) -> Day:
        plan = self.plan
        nothing = np.zeros(MINUTES, dtype=np.int64)
        solar = rates.get("pv-roof", nothing)
        battery = battery_day(plan.battery_hours * plan.rated_it_w, it * 5 // 100, solar // 2)
        charge, discharge = battery.charge_w, battery.discharge_w
        if plan.battery_hours > 0:
            rates |= {"battery-1/charge": charge, "battery-1/discharge": discharge}
        loss = np.ceil(it * 0.028 + plan.rated_it_w * 0.006).astype(np.int64)
        loss_a = loss * 507 // 1000
        main_1 = rates["ups-a"] + loss_a + rates["cooling-1"] + rates["aux"] + charge - discharge
        main_2 = rates["ups-b"] + loss - loss_a + rates["cooling-2"] - solar - rates.get("wind-yard", nothing)
        for name, power in (("main-1", main_1), ("main-2", main_2)):
            rates[name] = np.maximum(power, 0)
            rates[f"{name}/export"] = np.maximum(-power, 0)
        return Day(load, rates, battery.soc)
