"""One simulated site, read like the real one: every device's fields at any times since the epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulator.load import PPM
from simulator.noise import SECOND_MS, Floats, Ints, Keys, key, uniform
from simulator.plan import SitePlan
from simulator.plant import Plant
from simulator.registers import Reading, Registers

Values = npt.NDArray[np.int64] | npt.NDArray[np.float64]
Fields = dict[str, Values]
"""Field name -> one value per time; for a node's GPUs, shape (times, gpus)."""

METERS = ("main-1", "main-2", "ups-a", "ups-b", "cooling-1", "cooling-2", "aux")
_CHILLERS = ("chiller-1", "chiller-2")
_BATTERY = "battery-1"


@dataclass(frozen=True)
class Device:
    """Who publishes: ``source`` is its topic without ``dc/v1/``, ``measurement`` a name of the catalogue."""

    source: str
    measurement: str
    site: str | None

    @property
    def topic(self) -> str:
        """Where it publishes."""
        return f"dc/v1/{self.source}"

    @property
    def name(self) -> str:
        """Its last level that names it: meter, source, unit, station or zone; the node of a GPU message."""
        levels = self.source.split("/")
        return levels[-2] if self.measurement == "gpu" else levels[-1]


class Site:
    """A :class:`Plant` with meters on it. Registers count from ``epoch_ms``, a midnight UTC."""

    def __init__(
        self, plan: SitePlan, seed: int, epoch_ms: int, calms: Sequence[tuple[int, int]] = ()
    ) -> None:
        self.plan = plan
        self.epoch_ms = epoch_ms
        self._seed = seed
        self._plant = Plant(plan, seed, calms)
        self._pools = plan.pool_count
        # Names of the rows come from a day, so that there is one list of what a plant has.
        self._rows = {
            name: self._pools + number
            for number, name in enumerate([*self._plant.day(epoch_ms // 86_400_000).rates, "soc"])
        }
        self._registers = Registers(epoch_ms, self._day)
        self.devices = self._all_devices()
        self._nodes = {d.source: n for n, d in enumerate(d for d in self.devices if d.measurement == "gpu")}
        self._start_j = np.floor(4e9 * uniform(self._plant.gpus.keys, np.array([[7]], dtype=np.int64)))

    def _day(self, number: int) -> Ints:
        day = self._plant.day(number)
        soc = np.rint(day.soc * PPM).astype(np.int64)
        return np.concatenate([day.load, np.stack([*day.rates.values(), soc])])

    def _all_devices(self) -> list[Device]:
        site = self.plan.name
        named = [(f"meter/{name}", "meter") for name in METERS]
        named += [(f"supply/{name}", "supply") for name in self.plan.supplies()]
        named += [(f"cooling/{name}", "cooling") for name in _CHILLERS]
        if self.plan.reuses_heat:
            named += [("water/makeup", "water"), ("heat/district", "heat")]
        named += [("weather/roof", "weather")]
        named += [("/".join((*node, "gpu")), "gpu") for node in self.plan.node_names()]
        return [Device(f"{site}/{path}", measurement, site) for path, measurement in named]

    @property
    def names(self) -> tuple[str, ...]:
        """Every plant row that has a register: meters, their exports, supplies, chillers, water and heat."""
        return tuple(name for name in self._rows if name != "soc")

    def energy_wh(self, names: Sequence[str], times_ms: Ints) -> Ints:
        """Registers of plant rows by name (``main-1``, ``main-1/export``, ``battery-1/charge``), in whole Wh.

        Shape (names, times). Each starts at its own number at the epoch, as a meter that was there before.
        """
        start = [self._start(name) for name in names]
        return self._reading(names, times_ms).per_hour() + np.array(start, dtype=np.int64)[:, None]

    def power_w(self, names: Sequence[str], times_ms: Ints) -> Ints:
        """Power of plant rows by name, constant within each minute; shape (names, times)."""
        return self._reading(names, times_ms).rate

    def profile(self, times_ms: Ints, measurements: Sequence[str] | None = None) -> dict[Device, Fields]:
        """What every device (of these measurements) tells at these times, free of any metering fault."""
        devices = [d for d in self.devices if measurements is None or d.measurement in measurements]
        plain = {d: self._fields(d, times_ms) for d in devices if d.measurement != "gpu"}
        nodes = [d for d in devices if d.measurement == "gpu"]
        return plain | self._gpu_fields(nodes, times_ms)

    def read(self, device: Device, times_ms: Ints) -> Fields:
        """What one device tells at these times."""
        if device.measurement == "gpu":
            return self._gpu_fields([device], times_ms)[device]
        return self._fields(device, times_ms)

    def _start(self, name: str) -> int:
        if name.endswith("/export"):
            return 0
        return int(40_000_000 * uniform(key(self._seed, self.plan.name, name), np.zeros(1, np.int64))[0])

    def _reading(self, names: Sequence[str], times_ms: Ints) -> Reading:
        return self._registers.read([self._rows[name] for name in names], times_ms)

    def _fields(self, device: Device, times_ms: Ints) -> Fields:
        if device.measurement == "weather":
            sky = self._plant.sky(times_ms)
            return {"temp_c": np.round(sky.temp_c, 2), "humidity": np.round(100 * sky.humidity, 1)}
        if device.name == _BATTERY:
            return self._battery_fields(times_ms)
        energy = self.energy_wh([device.name], times_ms)[0]
        if device.measurement == "water":
            return {"volume_m3": energy / 1000}
        if device.measurement == "heat":
            return {"energy_wh": energy, "temp_c": np.round(self._plant.inlet_c(times_ms) + 24.0, 2)}
        power = self._metered(device.name, times_ms)
        if device.measurement == "cooling":
            return self._chiller_fields(power, energy, times_ms)
        if f"{device.name}/export" not in self._rows:
            return {"power_w": power, "energy_wh": energy}
        export = f"{device.name}/export"
        sent = self._metered(export, times_ms)
        exported = self.energy_wh([export], times_ms)[0]
        return {"power_w": np.round(power - sent, 1), "energy_wh": energy, "export_wh": exported}

    def _battery_fields(self, times_ms: Ints) -> Fields:
        charge, discharge = f"{_BATTERY}/charge", f"{_BATTERY}/discharge"
        taken, given = self.energy_wh([charge, discharge], times_ms)
        power = self._metered(discharge, times_ms) - self._metered(charge, times_ms)
        soc = self.power_w(["soc"], times_ms)[0] / PPM
        return {
            "power_w": np.round(power, 1),
            "energy_wh": given,
            "charge_wh": taken,
            "discharge_wh": given,
            "soc": np.round(soc, 4),
        }

    def _chiller_fields(self, power_w: Floats, energy_wh: Ints, times_ms: Ints) -> Fields:
        supply = self._plant.inlet_c(times_ms) - 4.0
        lift = 6.0 + 0.15 * (supply - 18.0)
        heat_kw = self.power_w(["ups-a"], times_ms)[0] / 1000
        return {
            "power_w": power_w,
            "supply_c": np.round(supply, 2),
            "return_c": np.round(supply + lift, 2),
            "flow_m3h": np.round(heat_kw / (1.163 * lift), 2),
            "energy_wh": energy_wh,
        }

    def _metered(self, name: str, times_ms: Ints) -> Floats:
        """The power that an instrument shows: the minute's power, flickering by the second within 0.4 %."""
        flicker = self._flicker(key(self._seed, self.plan.name, name, "flicker"), times_ms)
        shown: Floats = self.power_w([name], times_ms)[0] * (1.0 + 0.004 * flicker)
        return np.round(shown, 1)

    @staticmethod
    def _flicker(source: Keys, times_ms: Ints) -> Floats:
        return 2.0 * uniform(source, times_ms // SECOND_MS) - 1.0

    def _gpu_fields(self, devices: Sequence[Device], times_ms: Ints) -> dict[Device, Fields]:
        """All nodes at once, arrays of shape (nodes, times, gpus) in between."""
        if not devices:
            return {}
        gpus = self._plant.gpus
        nodes = np.array([self._nodes[d.source] for d in devices])
        pools, where = np.unique(gpus.pool[nodes], return_inverse=True)
        reading = self._registers.read(pools, times_ms)
        busy_s = reading.whole * 60.0 + reading.rate * (reading.within_ms / 1000.0)
        load = (reading.rate / PPM)[where][:, :, None]
        idle, span = gpus.idle_w[nodes][:, None, :], gpus.span_w[nodes][:, None, :]

        flicker = self._flicker(gpus.keys[nodes][:, None, :], times_ms[None, :, None])
        power = (idle + span * load) * (1.0 + 0.02 * flicker)
        util = np.clip(100.0 * load**0.6 + 3.0 * flicker * (load > 0.05), 0.0, 100.0)
        inlet = self._plant.inlet_c(times_ms)[None, :, None]
        temp = inlet + 4.0 + 0.050 * power + gpus.warm_c[nodes][:, None, :]
        since_s = ((times_ms - self.epoch_ms) / 1000.0)[None, :, None]
        energy = np.floor(
            self._start_j[nodes][:, None, :] + idle * since_s + span * busy_s[where][:, :, None] / PPM
        )
        columns: dict[str, Values] = {
            "power_w": np.round(power, 1),
            "util": np.rint(util).astype(np.int64),
            "temp_c": np.round(temp, 1),
            "mem_temp_c": np.round(temp + 8.0 + 5.0 * load, 1),
            "energy_j": energy.astype(np.int64),
        }
        return {d: {f: v[n] for f, v in columns.items()} for n, d in enumerate(devices)}
