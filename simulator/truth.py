"""What the figures must come to: computed from the true registers, whatever the instruments say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from runtime.clock import from_ms, to_ms
from simulator.noise import HOUR_MS, Floats, Ints
from simulator.site import Site
from simulator.supply import ROUND_TRIP_PERCENT
from simulator.true_store import Hour, TrueStore

TruthStep = Literal["PT15M", "PT1H", "P1D", "P1M"]

_QUARTER_MS = 15 * 60 * 1000
_UTILITY = ("main-1", "main-2")
_IT = ("ups-a", "ups-b")


@dataclass(frozen=True)
class TruthRow:
    """The true figures of one site over ``start <= t < end`` (aware UTC); energies in Wh.

    ``load_wh`` is E_DC less what charged the battery plus what left it; ``contracted_wh`` is on-site
    renewable energy consumed plus power purchase agreements. ``matched_wh`` is what of them was used in the
    hour in which it was made or out of the battery, ``stored_wh`` the latter; ``hourly_matched`` is the share
    of the load.
    """

    start: datetime
    end: datetime
    edc_wh: int
    eit_wh: int
    contracted_wh: int
    matched_wh: float
    load_wh: int
    stored_wh: float

    @property
    def pue(self) -> float:
        """E_DC / E_IT."""
        return self.edc_wh / self.eit_wh

    @property
    def hourly_matched(self) -> float:
        """Share of the load that contracted renewable energy of its UTC hour or the battery covered, 0..1."""
        return self.matched_wh / self.load_wh


@dataclass(frozen=True)
class _Quarters:
    start_ms: Ints
    edc_wh: Ints
    eit_wh: Ints
    contracted_wh: Ints
    matched_wh: Floats
    load_wh: Ints
    stored_wh: Floats

    def row(self, start_ms: int, end_ms: int) -> TruthRow:
        first, last = np.searchsorted(self.start_ms, [start_ms, end_ms])
        cut = slice(int(first), int(last))
        return TruthRow(
            from_ms(start_ms),
            from_ms(end_ms),
            int(self.edc_wh[cut].sum()),
            int(self.eit_wh[cut].sum()),
            int(self.contracted_wh[cut].sum()),
            float(self.matched_wh[cut].sum()),
            int(self.load_wh[cut].sum()),
            float(self.stored_wh[cut].sum()),
        )


class Truth:
    """The true figures of ``site``; every energy is a difference of whole-Wh registers at quarter-hours."""

    def __init__(self, site: Site) -> None:
        self._site = site
        kinds = site.plan.supplies()
        self._onsite = [name for name, kind in kinds.items() if kind in ("onsite_solar", "onsite_wind")]
        self._ppa = [name for name, kind in kinds.items() if kind.startswith("ppa_")]
        self._batteries = [name for name, kind in kinds.items() if kind == "battery"]

    def period(self, start: datetime, end: datetime) -> TruthRow:
        """The figures of one period whose ends are quarter-hours; raises ValueError for other ends."""
        return self._quarters(start, end).row(to_ms(start), to_ms(end))

    def rows(self, start: datetime, end: datetime, step: TruthStep) -> list[TruthRow]:
        """The period cut at quarter-hours, UTC hours, or days or months in the site's zone."""
        quarters = self._quarters(start, end)
        cuts = [to_ms(at) for at in _cuts(start, end, step, ZoneInfo(self._site.plan.place.zone))]
        return [quarters.row(a, b) for a, b in pairwise(cuts)]

    def month(self, name: str) -> TruthRow:
        """The civil month ``2026-10`` in the site's zone."""
        year, number = (int(part) for part in name.split("-"))
        zone = ZoneInfo(self._site.plan.place.zone)
        first = datetime(year, number, 1, tzinfo=zone)
        following = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=zone)
        return self.period(first.astimezone(UTC), following.astimezone(UTC))

    def energy_wh(self, name: str, start: datetime, end: datetime) -> int:
        """True energy of one register (``main-1``, ``main-1/export``, ``battery-1/charge``) in a period."""
        ends = np.array([to_ms(start), to_ms(end)], dtype=np.int64)
        first, last = self._site.energy_wh([name], ends)[0]
        return int(last - first)

    def _quarters(self, start: datetime, end: datetime) -> _Quarters:
        if to_ms(start) % _QUARTER_MS or to_ms(end) % _QUARTER_MS:
            raise ValueError(f"{start} to {end}: truth is known from quarter-hour to quarter-hour")
        # Matching needs whole hours, also when the period asked for begins or ends inside one; what a battery
        # gives was charged before, but not before the month of UTC.
        begin = max(to_ms(_reached_back(start)), self._site.epoch_ms)
        beyond = -(-to_ms(end) // HOUR_MS) * HOUR_MS
        edges = np.arange(begin, beyond + 1, _QUARTER_MS, dtype=np.int64)

        bought = self._sum(_UTILITY, edges)
        sold = self._sum([f"{name}/export" for name in _UTILITY], edges)
        made = self._sum(self._onsite, edges)
        edc = bought - sold + made
        contracted = np.maximum(0, made - sold) + self._sum(self._ppa, edges)
        charged = self._sum([f"{name}/charge" for name in self._batteries], edges)
        given = self._sum([f"{name}/discharge" for name in self._batteries], edges)
        drawn = -(-given * 100 // ROUND_TRIP_PERCENT)
        load = edc - charged + drawn
        fed = np.clip(sold - made, 0, given)
        onsite = np.maximum(0, made - sold)
        stored = _released(edges, _hourly(load, contracted, charged, drawn, given - fed))
        matched = _match(load, onsite, stored, contracted - onsite)
        return _Quarters(edges[:-1], edc, self._sum(_IT, edges), contracted, matched[0], load, matched[1])

    def _sum(self, names: tuple[str, ...] | list[str], edges: Ints) -> Ints:
        if not names:
            return np.zeros(len(edges) - 1, dtype=np.int64)
        return np.asarray(np.diff(self._site.energy_wh(names, edges), axis=1).sum(axis=0))


def _reached_back(start: datetime) -> datetime:
    return start.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _hourly(*quarters: Ints) -> Ints:
    """(hours, columns): sums of each column by the hour."""
    return np.column_stack([column.reshape(-1, 4).sum(axis=1) for column in quarters])


def _released(edges: Ints, hours: Ints) -> Ints:
    """Wh that the batteries gave in each hour and that renewable surplus of earlier hours had charged.

    They are traced as one: the simulator's sites have one at most.
    """
    store, told, month = TrueStore(), [], None
    for start_ms, row in zip(edges[:-1:4].tolist(), hours.tolist(), strict=True):
        at = from_ms(start_ms)
        if (at.year, at.month) != month:
            store, month = TrueStore(), (at.year, at.month)
        told.append(store.pass_hour(Hour(*row)))
    return np.array(told, dtype=np.int64)


def _match(load: Ints, onsite: Ints, stored: Ints, ppa: Ints) -> tuple[Floats, Floats]:
    """Per hour the smaller of need and supply, dealt to its quarters in proportion to their need.

    All of it, and the part that came out of the store: after on-site plants, before contracts.
    """
    need, behind, bought = (column.reshape(-1, 4).sum(axis=1) for column in (load, onsite, ppa))
    matched = np.minimum(need, behind + stored + bought)
    of_store = np.minimum(need - np.minimum(need, behind), stored)
    dealt = (load * np.repeat(part / np.maximum(need, 1), 4) for part in (matched, of_store))
    first, second = (np.asarray(part) for part in dealt)
    return first, second


def _cuts(start: datetime, end: datetime, step: TruthStep, zone: ZoneInfo) -> Iterator[datetime]:
    at = start.astimezone(UTC)
    while at < end:
        yield at
        at = min(_following(at, step, zone), end.astimezone(UTC))
    yield at


def _following(at: datetime, step: TruthStep, zone: ZoneInfo) -> datetime:
    if step == "PT15M":
        return at + timedelta(minutes=15)
    if step == "PT1H":
        return at.replace(minute=0) + timedelta(hours=1)
    local = at.astimezone(zone)
    if step == "P1D":
        tomorrow = local.date() + timedelta(days=1)
        return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone).astimezone(UTC)
    year, month = local.year + local.month // 12, local.month % 12 + 1
    return datetime(year, month, 1, tzinfo=zone).astimezone(UTC)
