"""Sites whose meters tell the numbers of published and constructed vectors, one site for each vector.

Every reading bears a time of October 2026 or before: energies of whole hours as cumulative registers, in Wh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any

from runtime.clock import to_ms
from tests.acceptance.chaos.stranger import Sent

QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
MORNING = datetime(2026, 10, 31, 8, tzinfo=UTC)
MONTHS = tuple(
    datetime(2026, *at, tzinfo=UTC) for at in ((7, 31, 22), (8, 31, 22), (9, 30, 22), (10, 31, 23))
)
"""Midnights in Warsaw: where August, September and October 2026 begin, and where October ends."""

OCTOBER, END = MONTHS[2:]
COUNTS = [990, *range(10, 110, 10)]
"""C6: every meter tells 990, then 10, 20, 30 ... a quarter-hour apart."""

RECEIVED = 2_682
"""C7: intervals of the 2,980 of October 2026 that are received."""

_INLET = {"id": "main-1", "role": "utility"}
_UPS = {"id": "ups-a", "role": "it", "category": "pue1"}
_WIND = {"id": "wind", "kind": "ppa_wind", "zone": "PL", "max_power_kw": 200_000.0}
_BATTERY = {
    "id": "bat",
    "kind": "battery",
    "round_trip": 0.85,
    "max_power_kw": 200_000.0,
    "capacity_kwh": 100_000.0,
}


def _site(meter: Sequence[dict[str, Any]], supply: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {
        "name": "Gdańsk",
        "zone": "Europe/Warsaw",
        "grid": "PL",
        "meter": list(meter),
        "supply": list(supply),
    }


SITES = {
    "c1": _site([_INLET, _UPS], [_WIND]),
    "c2": _site([{**_INLET, "period": "1h"}, {**_UPS, "period": "1h"}]),
    "c3": _site([{**_INLET, "exports": "none"}, _UPS], [_WIND, _BATTERY]),
    "c6": _site(
        [
            {**_INLET, "modulus_wh": 1000.0},
            _UPS,
            {"id": "hall-b", "role": "other", "on_decrease": "unknown"},
        ]
    ),
    "c7": _site([{**_INLET, "period": "15m"}, {**_UPS, "period": "15m"}]),
}


def readings() -> Iterator[Sent]:
    """What the meters of all sites tell; what is told last is the latest."""
    kwh, mwh = 1_000, 1_000_000
    yield from _hours("c1/meter/main-1", "energy_wh", [10 * kwh] * 4)
    yield from _hours("c1/meter/ups-a", "energy_wh", [8 * kwh] * 4)
    yield from _hours("c1/supply/wind", "energy_wh", [0, 5 * kwh, 20 * kwh, 5 * kwh])
    for hour, share in enumerate((0.2, 0.4, 0.6, 0.3)):
        yield "dc/v1/grid/PL", b'{"ts":%d,"carbon_free_share":%a}' % (to_ms(MORNING + hour * HOUR), share)
    yield from _hours("c3/meter/main-1", "energy_wh", [100 * mwh, 0])
    yield from _hours("c3/meter/ups-a", "energy_wh", [0, 80 * mwh])
    yield from _hours("c3/supply/wind", "energy_wh", [100 * mwh, 0])
    yield from _hours("c3/supply/bat", "charge_wh", [100 * mwh, 0])
    yield from _hours("c3/supply/bat", "discharge_wh", [0, 85 * mwh])
    for meter in SITES["c6"]["meter"]:
        yield from _told(f"c6/meter/{meter['id']}", "energy_wh", (MORNING, QUARTER), COUNTS)
    for meter, wh in (("main-1", 100), ("ups-a", 80)):
        counts = range(0, wh * RECEIVED + 1, wh)
        yield from _told(f"c7/meter/{meter}", "energy_wh", (OCTOBER, QUARTER), counts)
    yield from _months("c2/meter/ups-a", [1_000 * kwh, 500 * kwh, 2_200 * kwh])
    yield from _months("c2/meter/main-1", [1_300 * kwh, 600 * kwh, 2_400 * kwh])


def later(minutes: int) -> Sent:
    """A message of no site, told so many minutes after the end of October."""
    at = to_ms(END + timedelta(minutes=minutes))
    return "dc/v1/grid/PL", b'{"ts":%d,"carbon_free_share":0.5}' % at


def _hours(device: str, field: str, wh: Sequence[int]) -> Iterable[Sent]:
    """A register that gains so much in each hour of the morning, read every quarter-hour."""
    gains = (amount // 4 for amount in wh for _ in range(4))
    return _told(device, field, (MORNING, QUARTER), accumulate(gains, initial=0))


def _months(device: str, wh: Sequence[int]) -> Iterator[Sent]:
    """A register that gains so much in each of the months, evenly, read every hour."""
    until = 0
    for (first, end), gain in zip(pairwise(MONTHS), wh, strict=True):
        hours = (end - first) // HOUR
        counts = [until + gain * n // hours for n in range(hours)]
        yield from _told(device, "energy_wh", (first, HOUR), counts)
        until += gain
    yield from _told(device, "energy_wh", (END, HOUR), [until])


def _told(device: str, field: str, when: tuple[datetime, timedelta], counts: Iterable[int]) -> Iterator[Sent]:
    start, every = when
    for number, count in enumerate(counts):
        at = to_ms(start + number * every)
        yield f"dc/v1/{device}", b'{"ts":%d,"%b":%d}' % (at, field.encode(), count)
