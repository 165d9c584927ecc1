"""The sky over a place: sun, temperature, cloud and wind, as functions of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from runtime.clock import from_ms
from simulator.noise import DAY_MS, HOUR_MS, Floats, Ints, Keys, drift, smooth

_YEAR_DAYS = 365.2425


@dataclass(frozen=True)
class Place:
    """A point on earth: degrees north and east, its IANA zone, and its climate's yearly mean in °C."""

    latitude: float
    longitude: float
    zone: str
    mean_c: float = 8.5
    season_c: float = 10.5


@dataclass(frozen=True)
class Weather:
    """One value per time: ``sun`` is the sine of its height (0 at night), ``cloud`` and ``humidity`` 0..1."""

    sun: Floats
    temp_c: Floats
    cloud: Floats
    wind_ms: Floats
    humidity: Floats


def weather(source: Keys, place: Place, times_ms: Ints) -> Weather:
    """The weather at ``place``: seasons and days are astronomy, the rest wanders over hours and days."""
    sun = sun_height(place, times_ms)
    cloud = drift(source + np.uint64(100), times_ms, 14 * HOUR_MS)
    season = np.cos(_year_angle(times_ms) - 2 * np.pi * 20 / _YEAR_DAYS)
    solar_day = times_ms / DAY_MS + place.longitude / 360.0
    afternoon = np.cos(2 * np.pi * (solar_day - 15 / 24))
    fronts = drift(source + np.uint64(200), times_ms, 100 * HOUR_MS) - 0.5
    gusts = smooth(source + np.uint64(300), times_ms, 5 * HOUR_MS) - 0.5
    temp_c = place.mean_c - place.season_c * season + 3.0 * (1.1 - cloud) * afternoon
    temp_c = temp_c + 15.0 * fronts + 1.5 * gusts
    long_wind = drift(source + np.uint64(400), times_ms, 60 * HOUR_MS)
    short_wind = drift(source + np.uint64(500), times_ms, 9 * HOUR_MS)
    wind_ms = 1.5 + 14.0 * (0.55 * long_wind + 0.45 * short_wind)
    humidity = np.clip(0.62 + 0.28 * cloud - 0.08 * afternoon, 0.2, 1.0)
    return Weather(np.maximum(sun, 0.0), temp_c, cloud, wind_ms, humidity)


def sun_height(place: Place, times_ms: Ints) -> Floats:
    """Sine of the sun's height over the horizon, negative at night (accurate to about a degree)."""
    declination = np.radians(23.44) * np.sin(_year_angle(times_ms) - 2 * np.pi * 81 / _YEAR_DAYS)
    hour_angle = 2 * np.pi * (times_ms / DAY_MS + place.longitude / 360.0 - 0.5)
    latitude = np.radians(place.latitude)
    return np.asarray(
        np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    )


def local_hours(zone: str, times_ms: Ints) -> tuple[Floats, Ints]:
    """Hour of the civil day (0..24) and day of the week (0 is Monday) in ``zone``."""
    hours, where = np.unique(times_ms // HOUR_MS, return_inverse=True)
    offsets = np.array([_offset_ms(zone, int(hour)) for hour in hours], dtype=np.int64)
    local = times_ms + offsets[where]
    return (local % DAY_MS) / HOUR_MS, (local // DAY_MS + 3) % 7


@lru_cache(maxsize=4096)
def _offset_ms(zone: str, hour: int) -> int:
    at: datetime = from_ms(hour * HOUR_MS).astimezone(ZoneInfo(zone))
    offset = at.utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) * 1000


def _year_angle(times_ms: Ints) -> Floats:
    return np.asarray(2 * np.pi * (times_ms / DAY_MS) / _YEAR_DAYS)
