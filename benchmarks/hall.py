"""GPUs with their readings and rollups in columns, as noisy as real ones, for the benchmarks of stores."""

from __future__ import annotations

import numpy as np

from telemetry.catalogue import GPU, Measurement
from telemetry.frame import Floats, Frame
from telemetry.rollup import ROLLUPS
from telemetry.series import SeriesRegistry

GPUS = 8
_POOL = 4_000_000
_SPREAD = {"power_w": (600.0, 80.0), "util": (70.0, 20.0), "temp_c": (60.0, 5.0), "mem_temp_c": (70.0, 5.0)}


class Hall:
    """``nodes`` nodes of 8 GPUs, 32 nodes a row of racks, in 8 halls; ``T0`` is the start of an hour.

    Readings have a tenth as their last digit and registers whole joules, so that they compress as theirs do.
    """

    T0 = 1_764_547_200_000

    def __init__(self, registry: SeriesRegistry, nodes: int) -> None:
        self._registry = registry
        labels = [
            ("site", f"h{n % 8}", f"r{n // 32}", f"n{n}", str(g)) for n in range(nodes) for g in range(GPUS)
        ]
        self.gpus = np.array([registry.id(GPU, one) for one in labels], dtype=np.int32)
        self.racks = self._groups("rack_1m", sorted({one[:3] for one in labels}))
        self.sites = self._groups("site_1m", [("site",)])
        self._random = np.random.default_rng(1)
        self._pool = self._random.normal(0.0, 1.0, _POOL + len(self.gpus))
        self._register = 9e8 + self._random.integers(0, 10**9, len(self.gpus)).astype(np.float64)

    def readings(self, second: int) -> Frame:
        """What all GPUs tell in one second."""
        n = len(self.gpus)
        self._register = self._register + 600 + self._random.integers(0, 100, n)
        columns = {name: self._noise(n, *spread).round(1) for name, spread in _SPREAD.items()}
        columns["util"] = columns["util"].round().clip(0, 100)
        at_ms = self.T0 + second * 1000 + np.arange(n) // GPUS * 900 // max(1, n // GPUS)
        return Frame(GPU, self.gpus, at_ms, {**columns, "energy_j": self._register})

    def minute(self, minute: int) -> list[Frame]:
        """The rollups of one minute: GPUs, racks, the site."""
        at_ms = self.T0 + minute * 60_000
        return [
            self._gpus(at_ms),
            self._grouped("rack_1m", self.racks, at_ms),
            self._grouped("site_1m", self.sites, at_ms),
        ]

    def hour(self, hour: int) -> list[Frame]:
        """The rollups of racks and site for one hour."""
        at_ms = self.T0 + hour * 3_600_000
        return [
            self._grouped("rack_1h", self.racks, at_ms),
            self._grouped("site_1h", self.sites, at_ms),
        ]

    def _gpus(self, at_ms: int) -> Frame:
        n = len(self.gpus)
        columns: dict[str, Floats] = {}
        for name, (level, spread) in _SPREAD.items():
            columns[name] = (self._noise(n, level, spread / 8) * 600).round() / 600
            for end, away in (("min", -2.3), ("max", 2.3), ("last", 0.0)):
                columns[f"{name}_{end}"] = self._noise(n, level + away * spread, spread / 3).round(1)
            columns[f"{name}_count"] = np.full(n, 60.0)
        first = self._register + 600
        self._register = first + 35_400 + self._random.integers(0, 800, n)
        columns |= {"energy_j": self._register, "energy_j_first": first, "energy_j_count": np.full(n, 60.0)}
        columns["energy_wh"] = (self._register - first) / 3600
        return Frame(ROLLUPS["gpu_1m"], self.gpus, np.full(n, at_ms, dtype=np.int64), columns)

    def _grouped(self, name: str, series: np.ndarray, at_ms: int) -> Frame:
        measurement = ROLLUPS[name]
        n = len(series)
        columns = {field: self._noise(n, 20_000.0, 900.0) for field in measurement.field_names}
        return Frame(measurement, series, np.full(n, at_ms, dtype=np.int64), columns)

    def _groups(self, name: str, labels: list[tuple[str, ...]]) -> np.ndarray:
        measurement: Measurement = ROLLUPS[name]
        return np.array([self._registry.id(measurement, one) for one in labels], dtype=np.int32)

    def _noise(self, n: int, level: float, spread: float) -> Floats:
        start = int(self._random.integers(0, _POOL))
        return np.asarray(self._pool[start : start + n] * spread + level, dtype=np.float64)
