"""Power over the last hours: site, IT and GPUs, in equal steps, with holes where something was silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import numpy as np

from dashboards.house import House
from dashboards.panels.bridge import bridged
from energy.configuration.site import SiteOptions
from energy.interval import QUARTER, Period
from energy.sums.line import Flags
from energy.tree import boundary
from energy.tree.members import Terms
from runtime.clock import MILLISECOND, from_ms, to_ms
from telemetry.catalogue import GPU, MEASUREMENTS, SUPPLY, Measurement
from telemetry.frame import Floats, Mask
from telemetry.rollup import ROLLUPS
from telemetry.store import AT, SeriesQuery, WindowQuery

STEPS = (*(timedelta(minutes=m) for m in (5, 15)), *(timedelta(hours=h) for h in (1, 6, 24)))
"""Lengths of a chart's steps: the shortest that needs no more than :data:`MOST_POINTS` is taken."""

MOST_POINTS = 1_000

_Devices: TypeAlias = list[tuple[Measurement, list[str], int]]
"""Devices whose power is added, or taken off (-1)."""

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

SELDOM = timedelta(hours=1)
"""Who speaks less often has no course of power."""

LAG = timedelta(minutes=3)
"""After so long a minute's rollup is surely there while the service runs."""


@dataclass(frozen=True)
class PowerHistory:
    """Mean W per step; ``t`` are the steps' starts in ms. NaN: at least one meter of the sum was silent, or
    no site was there.

    ``spread`` holds the least and the greatest minute of each step by name of the sum (hour, where steps are
    longer than one); only those in which all of its meters spoke are in it.
    """

    step_s: int
    t: Sequence[int]
    site: Floats
    it: Floats
    gpu: Floats
    limit_w: float | None
    spread: Mapping[str, tuple[Floats, Floats]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Columns for a chart; null for what is not known."""
        return {
            "step_s": self.step_s,
            "t": list(self.t),
            "power_w": _nulls(self.site),
            "it_w": _nulls(self.it),
            "gpu_w": _nulls(self.gpu),
            "limit_w": self.limit_w,
        } | {
            f"{name}_{end}": _nulls(column)
            for name, both in self.spread.items()
            for end, column in zip(("min", "max"), both, strict=True)
        }

    def rows(self) -> list[tuple[datetime, list[float | None]]]:
        """One row per step for a table: time, then site, IT and GPU power."""
        columns = [_nulls(self.site), _nulls(self.it), _nulls(self.gpu)]
        return [(from_ms(at), [column[i] for column in columns]) for i, at in enumerate(self.t)]


async def power_history(house: House, site: str, at: datetime, back: timedelta) -> PowerHistory:
    """Power of ``site``, or of ``all`` sites as one, from ``at - back`` to ``at``. Raises StoreError.

    Each step is told by the meters that were configured in it, of the sites that were.
    """
    step = next((s for s in STEPS if back / s < MOST_POINTS), STEPS[-1])
    period = Steps(at - back, at, step)
    short = MINUTE if step <= HOUR else HOUR
    minutes = Steps(period.start, at, short, len(period.grid) * (step // short))
    names = ("power_w", "it_w", "gpu_w")
    coarse, fine = ({name: _Sum(len(steps.grid)) for name in names} for steps in (period, minutes))
    for key, parts in (await house.figures.eras(site, Period(period.start, at))).items():
        there, there_fine = period.touching(parts), minutes.touching(parts)
        for name, loads in (("power_w", False), ("it_w", True)):
            coarse[name].add(await _told(house, key, _metered(parts, loads), period), there)
            fine[name].add(await _told(house, key, _metered(parts, loads), minutes), there_fine)
        whole = await _whole_minutes(house, key, minutes)
        fine["gpu_w"].add(whole, there_fine)
        coarse["gpu_w"].add(await _gpus(house, key, period, whole), there)
    limit = house.sites[site].contracted_kw if site in house.sites else None
    return PowerHistory(
        int(step.total_seconds()),
        period.grid.tolist(),
        coarse["power_w"].watts,
        coarse["it_w"].watts,
        coarse["gpu_w"].watts,
        None if limit is None else limit * 1000,
        {name: _spread(found.watts, len(period.grid)) for name, found in fine.items()},
    )


class _Sum:
    """What several sites have in each step, of those that are there; NaN where none is."""

    def __init__(self, steps: int) -> None:
        self._sum, self._any = np.zeros(steps), np.zeros(steps, dtype=np.bool_)

    def add(self, column: Floats, there: Flags) -> None:
        """Add what one site has where it is ``there``; elsewhere nothing of it is missing."""
        self._sum += np.where(there, column, 0.0)
        self._any |= there

    @property
    def watts(self) -> Floats:
        """The sum."""
        return np.where(self._any, self._sum, np.nan)


class Steps:
    """Equal steps that cover a range, the first from ``start`` or before; ``grid`` is their starts in ms."""

    def __init__(self, start: datetime, end: datetime, step: timedelta, count: int | None = None) -> None:
        self.step = step
        self.step_ms = step // MILLISECOND
        first = to_ms(start) // self.step_ms * self.step_ms
        last = to_ms(end) if count is None else first + count * self.step_ms
        self.grid = np.arange(first, last, self.step_ms, dtype=np.int64)
        self.start, self.end = from_ms(first), end

    @property
    def ended(self) -> Mask:
        """Which of the steps are surely there as rollups."""
        return self.grid + self.step_ms <= to_ms(self.end) - LAG // MILLISECOND

    def touching(self, parts: Sequence[tuple[Period, Any]]) -> Flags:
        """Which steps some of ``parts`` reach into."""
        found = np.zeros(len(self.grid), dtype=np.bool_)
        for part, _ in parts:
            found |= (self.grid < to_ms(part.end)) & (self.grid + self.step_ms > to_ms(part.start))
        return found

    def column(self, at_ms: Sequence[int], values: Sequence[float | None]) -> Floats:
        """``values`` laid onto the steps; NaN where rows are missing that usually come."""
        column = np.full(len(self.grid), np.nan)
        index = (np.asarray(at_ms, np.int64) - self.grid[0]) // self.step_ms
        inside = (index >= 0) & (index < len(self.grid))
        column[index[inside]] = np.asarray(values, np.float64)[inside]
        return bridged(column, SELDOM // self.step)


def _metered(parts: Sequence[tuple[Period, SiteOptions]], loads: bool) -> list[tuple[Period, _Devices]]:
    """By which devices the site's power, or its IT's, was told when."""
    found: list[tuple[Period, _Devices]] = []
    for part, options in parts:
        devices = _devices(options, loads)
        if found and found[-1][0].end == part.start and found[-1][1] == devices:
            part = Period(found.pop()[0].start, part.end)
        found.append((part, devices))
    return found


def _devices(options: SiteOptions, loads: bool) -> _Devices:
    """What adds up to the site's power, or to its IT's: meters, and what is made on site."""
    if loads:
        return _grouped(boundary.it(options))
    onsite = {(SUPPLY.name, s.id): 1 for s in options.supply if s.kind.onsite}
    offices = {source: -times for source, times in boundary.office(options).items()}
    return [*_grouped(boundary.inlet(options)), *_grouped(onsite), *_grouped(offices)]


def _grouped(terms: Terms) -> _Devices:
    found: dict[tuple[str, int], list[str]] = {}
    for (measurement, device), times in terms.items():
        found.setdefault((measurement, times), []).append(device)
    return [(MEASUREMENTS[name], ids, times) for (name, times), ids in found.items()]


async def _told(house: House, key: str, parts: Sequence[tuple[Period, _Devices]], steps: Steps) -> Floats:
    """The power of one site, each step by the devices of then; NaN where one of them was silent.

    In the quarter-hour of a change, whichever set of devices told all of a step tells it.
    """
    column = np.full(len(steps.grid), np.nan)
    for number, (part, devices) in enumerate(parts):
        followed = number + 1 < len(parts) and parts[number + 1][0].start == part.end
        reach = Period(part.start, part.end + QUARTER) if followed else part
        watts = np.full(len(steps.grid), 0.0 if devices else np.nan)
        for measurement, ids, times in devices:
            watts += times * await _summed(house, (measurement, key, ids), steps)
        known = steps.touching([(reach, None)]) & ~np.isnan(watts)
        column[known] = watts[known]
    return column


async def _summed(house: House, what: tuple[Measurement, str, Sequence[str]], steps: Steps) -> Floats:
    measurement, site, devices = what
    label = measurement.labels[-1]
    where = {"site": (site,), label: tuple(devices)}
    query = SeriesQuery(measurement, steps.start, steps.end, where, ("power_w",))
    table = await house.store.window(WindowQuery(query, steps.step))
    names = np.asarray(table.column(label).to_pylist(), dtype=object)
    at, watts = table.column(AT).to_numpy(), table.column("power_w").to_numpy()
    columns = [steps.column(at[names == device], watts[names == device]) for device in devices]
    # A plain sum keeps NaN: a silent feed must not look like a saved megawatt.
    return np.asarray(np.sum(columns, axis=0), np.float64)


async def _whole_minutes(house: House, site: str, minutes: Steps) -> Floats:
    """The GPUs' power in the minutes in which as many of them spoke as ever do; NaN in the others."""
    watts, members = await _added_up(house, site, "site", minutes)
    ended = minutes.ended
    if np.isnan(members[ended]).any():  # nobody adds up a site whose halls are told to several processes
        by_hall = await _added_up(house, site, "hall", minutes)
        missing = np.isnan(members)
        watts, members = np.where(missing, by_hall[0], watts), np.where(missing, by_hall[1], members)
    all_spoke = members == np.fmax.reduce(members, initial=np.nan)
    return np.where(all_spoke, watts, np.nan)


async def _added_up(house: House, site: str, group: str, minutes: Steps) -> tuple[Floats, Floats]:
    """Power and number of all GPUs of ``site`` in each step, from rows of ``group``; NaN without any."""
    rows = ROLLUPS[f"{group}_{'1m' if minutes.step == MINUTE else '1h'}"]
    names = ("power_w", "members")
    query = SeriesQuery(rows, minutes.start, minutes.end, {"site": (site,)}, names)
    table = await house.store.window(WindowQuery(query, minutes.step, group_by=("site",)))
    at = table.column(AT).to_numpy()
    watts, members = (minutes.column(at, table.column(name).to_numpy()) for name in names)
    return watts, members


async def _gpus(house: House, site: str, steps: Steps, whole: Floats) -> Floats:
    """The mean of whole minutes where that is all there is: readings of 100,000 GPUs take a second to add."""
    by_step = whole.reshape(len(steps.grid), -1)
    ended = steps.ended
    if ended.any() and not np.isnan(by_step[ended]).any():
        told = np.count_nonzero(~np.isnan(by_step), axis=1)
        return np.where(told > 0, np.nansum(by_step, axis=1) / np.maximum(told, 1), np.nan)
    query = SeriesQuery(GPU, steps.start, steps.end, {"site": (site,)}, ("power_w",))
    table = await house.store.window(WindowQuery(query, steps.step, group_by=("site",)))
    return steps.column(table.column(AT).to_numpy(), table.column("power_w").to_numpy())


def _spread(fine: Floats, steps: int) -> tuple[Floats, Floats]:
    by_step = fine.reshape(steps, -1)
    return np.fmin.reduce(by_step, axis=1), np.fmax.reduce(by_step, axis=1)


def _nulls(column: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in column]
