"""The load of the ledger's benchmarks: sites of many meters, and what their registers told over a year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from energy.configuration.device import Device, devices
from energy.configuration.site import SiteOptions
from energy.interval import Period
from runtime.clock import to_ms
from telemetry.catalogue import GRID
from telemetry.frame import Floats, Frame, Millis
from telemetry.series import SeriesRegistry

ZONE = "Europe/Warsaw"
START = datetime(2024, 12, 31, 23, tzinfo=UTC)
"""The year 2025 begins in :data:`ZONE`."""

_HOUR_MS = 3_600_000
_INSTALLED = 24 * 19_000
"""The hour since 1970, a midnight, in which every register began."""

_EVEN = np.ones(24)
_HOURS = {
    "pv": np.clip(np.sin((np.arange(24) - 5.0) * np.pi / 12), 0, None),
    "charge_wh": (np.arange(24) // 3 == 4).astype(np.float64),
    "discharge_wh": (np.arange(24) // 3 == 6).astype(np.float64),
}
"""How the energy of a day falls on its hours (UTC), by device or field; of all others evenly."""

_DAILY_WH = {"utility": 1.2e7, "onsite_solar": 2e6, "ppa_wind": 4e6, "battery": 4e5}
_OTHERS_WH = 1.5e5


def site(meters: int) -> SiteOptions:
    """An inlet, IT meters and a few for cooling below it, a roof, a contract and a battery."""
    below = [
        {"id": f"m-{n}", "parent": "main-1", "max_power_kw": 100.0}
        | ({"role": "it", "category": "pue2"} if n % 10 else {"role": "cooling"})
        for n in range(meters - 1)
    ]
    return SiteOptions.model_validate(
        {
            "name": "Gdańsk",
            "zone": ZONE,
            "grid": "PL",
            "meter": [{"id": "main-1", "role": "utility"}, *below],
            "supply": [
                {"id": "pv", "kind": "onsite_solar", "max_power_kw": 2000.0},
                {"id": "wind", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 2000.0},
                {"id": "battery", "kind": "battery", "max_power_kw": 2000.0, "capacity_kwh": 8000.0},
            ],
        }
    )


class Readings:
    """What every device of ``sites`` tells each ``period``, the same whenever it is asked."""

    def __init__(self, registry: SeriesRegistry, sites: Mapping[str, SiteOptions], period: timedelta) -> None:
        self._registry, self._sites = registry, sites
        self._period_ms = period // timedelta(milliseconds=1)

    def of(self, key: str, span: Period) -> list[Frame]:
        """The readings of one site in ``span``, its end not included, one frame of each device."""
        at = np.arange(to_ms(span.start), to_ms(span.end), self._period_ms, dtype=np.int64)
        return [self._frame(device, at) for device in devices(key, self._sites[key])]

    def grid(self, span: Period) -> Iterator[Frame]:
        """The hours of the zone of every site."""
        at = np.arange(to_ms(span.start), to_ms(span.end), _HOUR_MS, dtype=np.int64)
        for zone in sorted({site.grid for site in self._sites.values()}):
            series = np.full(len(at), self._registry.id(GRID, (zone,)), dtype=np.int32)
            shares = {"renewable_share": np.full(len(at), 0.3), "carbon_free_share": np.full(len(at), 0.4)}
            yield Frame(GRID, series, at, {**shares, "carbon_g_per_kwh": 500.0 + at // _HOUR_MS % 24 * 10.0})

    def _frame(self, device: Device, at: Millis) -> Frame:
        daily = _DAILY_WH.get(device.role, _OTHERS_WH)
        columns = {}
        for channel in device.channels:
            if channel.required:
                shape = _HOURS.get(device.id, _HOURS.get(channel.field, _EVEN))
                columns[channel.field] = _counted(at, daily, shape)
                if channel.sign:
                    columns["power_w"] = daily * (shape / shape.sum())[at // _HOUR_MS % 24]
        series = self._registry.id(device.measurement, (device.site, device.id))
        return Frame(device.measurement, np.full(len(at), series, dtype=np.int32), at, columns)


def _counted(at: Millis, daily_wh: float, shape: Floats) -> Floats:
    """The register at each time: it gains ``daily_wh`` a day, in each hour what ``shape`` gives it."""
    done = np.concatenate(([0.0], np.cumsum(shape))) / shape.sum()
    hours = at / _HOUR_MS - _INSTALLED
    counted: Floats = np.rint(daily_wh * (hours // 24 + np.interp(hours % 24, np.arange(25.0), done)))
    return counted
