"""Where the energy comes from: panels, wind farms and a battery, in whole watts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.noise import Floats, Ints
from simulator.weather import Weather

ROUND_TRIP_PERCENT = 88
"""What a battery gives back of what it took."""

_SOC_FLOOR = 0.1
_CUT_IN_MS, _RATED_MS = 3.0, 11.0


def solar_w(sky: Weather, peak_w: float) -> Ints:
    """Panels of ``peak_w``: follow the sun's height, thinned by cloud, a little worse when warm."""
    clear = np.minimum(1.0, 1.1 * sky.sun**1.1)
    through = 1.0 - 0.75 * sky.cloud**3.4
    warm = 1.0 - 0.004 * (sky.temp_c + 25.0 * clear - 25.0)
    return np.rint(peak_w * clear * through * np.clip(warm, 0.8, 1.1)).astype(np.int64)


def wind_w(wind_ms: Floats, rated_w: float) -> Ints:
    """Farms of ``rated_w`` together: nothing below 3 m/s, all of it from 11 m/s on."""
    part = np.clip((wind_ms - _CUT_IN_MS) / (_RATED_MS - _CUT_IN_MS), 0.0, 1.0)
    return np.rint(rated_w * part * part * (3.0 - 2.0 * part)).astype(np.int64)


@dataclass(frozen=True)
class BatteryDay:
    """One UTC day of a battery by the minute: W in, W out, and state of charge 0..1."""

    charge_w: Ints
    discharge_w: Ints
    soc: Floats


def battery_day(capacity_wh: float, limit_w: Ints, surplus_w: Ints) -> BatteryDay:
    """Charge at night and from the sun, give it back in the evening; empty again before midnight UTC.

    ``limit_w`` is the most that the battery may take or give in each minute (shape (1440,)), ``surplus_w``
    the on-site generation that charging may follow. Each day ends where it began, so that a day depends on
    no other.
    """
    minute = np.arange(len(limit_w))
    night = np.where((minute >= 0) & (minute < 4 * 60), limit_w, 0)
    before_evening = minute < 16 * 60
    may_charge = np.where(before_evening, np.minimum(limit_w, night + surplus_w), 0)
    may_discharge = np.where((minute >= 16 * 60) & (minute < 20 * 60), limit_w, 0)

    room = min(capacity_wh * (1.0 - _SOC_FLOOR) * 60, float(may_charge.sum()))
    room = min(room, float(may_discharge.sum()) * 100 / ROUND_TRIP_PERCENT)
    charge = _scaled(may_charge, room)
    discharge = _scaled(may_discharge, float(charge.sum()) * ROUND_TRIP_PERCENT / 100)
    stored = np.cumsum(charge) - np.cumsum(discharge) * (100 / ROUND_TRIP_PERCENT)
    soc = _SOC_FLOOR + stored / (60 * capacity_wh) if capacity_wh > 0 else np.zeros(len(limit_w))
    return BatteryDay(charge, discharge, np.clip(soc, 0.0, 1.0))


def _scaled(shape: Ints, total: float) -> Ints:
    whole = float(shape.sum())
    return np.floor(shape * (total / whole)).astype(np.int64) if whole > 0 else np.zeros_like(shape)
