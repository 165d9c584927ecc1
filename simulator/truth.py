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

TruthStep = Literal["PT15M", "PT1H", "P1D", "P1M"]

_QUARTER_MS = 15 * 60 * 1000
_UTILITY = ("main-1", "main-2")
_IT = ("ups-a", "ups-b")


@dataclass(frozen=True)
class TruthRow:
    """The true figures of one site over ``start <= t < end`` (aware UTC); energies in Wh.

    ``contracted_wh`` is on-site renewable energy consumed plus power purchase agreements, ``matched_wh`` what
    of it was used in the hour in which it was made; ``hourly_matched`` is the share of E_DC.
    """

    start: datetime
    end: datetime
    edc_wh: int
    eit_wh: int
    contracted_wh: int
    matched_wh: float

    @property
    def pue(self) -> float:
        """E_DC / E_IT."""
        return self.edc_wh / self.eit_wh

    @property
    def hourly_matched(self) -> float:
        """Share of E_DC that contracted renewable energy of the same UTC hour covered, 0..1."""
        return self.matched_wh / self.edc_wh


@dataclass(frozen=True)
class _Quarters:
    start_ms: Ints
    edc_wh: Ints
    eit_wh: Ints
    contracted_wh: Ints
    matched_wh: Floats

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
        )


class Truth:
    """The true figures of ``site``; every energy is a difference of whole-Wh registers at quarter-hours."""

    def __init__(self, site: Site) -> None:
        self._site = site
        kinds = site.plan.supplies()
        self._onsite = [name for name, kind in kinds.items() if kind in ("onsite_solar", "onsite_wind")]
        self._ppa = [name for name, kind in kinds.items() if kind.startswith("ppa_")]

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
        # Matching needs whole hours, also when the period asked for begins or ends inside one.
        begin = max(to_ms(start) // HOUR_MS * HOUR_MS, self._site.epoch_ms)
        beyond = -(-to_ms(end) // HOUR_MS) * HOUR_MS
        edges = np.arange(begin, beyond + 1, _QUARTER_MS, dtype=np.int64)

        bought = self._sum(_UTILITY, edges)
        sold = self._sum([f"{name}/export" for name in _UTILITY], edges)
        made = self._sum(self._onsite, edges)
        edc = bought - sold + made
        contracted = np.maximum(0, made - sold) + self._sum(self._ppa, edges)
        matched = _match(edc, contracted)
        return _Quarters(edges[:-1], edc, self._sum(_IT, edges), contracted, matched)

    def _sum(self, names: tuple[str, ...] | list[str], edges: Ints) -> Ints:
        if not names:
            return np.zeros(len(edges) - 1, dtype=np.int64)
        return np.asarray(np.diff(self._site.energy_wh(names, edges), axis=1).sum(axis=0))


def _match(edc: Ints, contracted: Ints) -> Floats:
    """Per hour the smaller of need and supply, dealt to its quarters in proportion to their need."""
    need = edc.reshape(-1, 4).sum(axis=1)
    matched = np.minimum(need, contracted.reshape(-1, 4).sum(axis=1))
    share = matched / np.maximum(need, 1)
    return np.asarray(edc * np.repeat(share, 4))


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
