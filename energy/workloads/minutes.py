"""Reads what the GPUs of a site told, minute by minute, from the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from energy.interval import QUARTER, QUARTER_MS, Period
from energy.workloads.pieces import GAP_MS, Minutes, in_order
from runtime.clock import MILLISECOND, from_ms, to_ms
from telemetry.catalogue import GPU
from telemetry.frame import Ints, Mask
from telemetry.rollup import ALL_ROLLUPS, FELL, HOUR_MS, MINUTE_MS, REGISTER
from telemetry.store import AT, Readings, SeriesQuery

MINUTE = ALL_ROLLUPS["gpu_1m"].measurement
HOUR = ALL_ROLLUPS["gpu_1h"].measurement
_PLACE = GPU.labels[1:]
_FIRST = f"{REGISTER}_first"
_FIELDS = (_FIRST, FELL, "power_w")

LONG = timedelta(hours=6)
"""A period of which the surroundings weigh little: they are read with it."""

MOST_NODES = 500
"""Names of nodes that one question lists at most; for more it asks for all."""

_NEAR = 2 * MINUTE_MS

LOOK_BACK = timedelta(hours=24)
"""A GPU that told anything within so much time is expected to go on."""


@dataclass(frozen=True)
class Told:
    """The places (hall/rack/node/number) of a site's GPUs, in order, and the minutes that they told.

    ``lately`` are by hour (its beginning in ms) those, by number, that told anything in the day before it, or
    in it before ``minutes`` begin.
    """

    places: list[str]
    minutes: Minutes
    lately: Mapping[int, Ints]

    def quarter(self, quarter: int) -> Told:
        """What concerns one quarter (a number since 1970): nothing depends on what else was asked for.

        Its GPUs are those that tell anything up to its end in its hour, or did in the day before that.
        """
        start, end = quarter * QUARTER_MS, (quarter + 1) * QUARTER_MS
        hour = start // HOUR_MS * HOUR_MS
        at_ms, gpu = self.minutes.at_ms, self.minutes.gpu
        here = np.zeros(len(self.places), dtype=np.bool_)
        here[gpu[(at_ms >= hour) & (at_ms < end)]] = True
        here[self.lately[hour]] = True
        near = (at_ms >= start - GAP_MS) & (at_ms <= end + GAP_MS)
        if not here.all():
            near &= here[gpu]
        minutes = self.minutes if near.all() else self.minutes.where(near)
        rank = np.cumsum(here, dtype=np.int32) - np.int32(1)
        places = [self.places[number] for number in np.flatnonzero(here).tolist()]
        return Told(places, replace(minutes, gpu=rank[minutes.gpu]), {})


async def gpu_minutes(store: Readings, site: str, period: Period) -> Told:
    """What the GPUs told from a gap before ``period`` until one after it. Raises StoreError.

    Also the places of those that told nothing in it but did in its hour or a day before. Of a short period of
    a large site the surroundings are read for those alone that told nothing just before its ends.
    """
    short = period.end - period.start < LONG
    around = (_NEAR if short else GAP_MS) * MILLISECOND
    begin = period.start if period.end - period.start <= QUARTER else _hour(period.start)
    rows = await _read(store, site, Period(begin - around, period.end + around))
    lately = await _lately(store, site, period)
    places = {*(place for told in lately.values() for place in told), *rows.number}
    lacking = await asyncio.to_thread(_lacking, rows, places, period) if short else set()
    if lacking:
        await _with_surroundings(store, site, period, (rows, lacking))
    return await asyncio.to_thread(_sorted, rows, sorted(places), lately)


class _Rows:
    """Minutes as they were read, in narrow columns; ``number`` is the GPU's by its place."""

    def __init__(self) -> None:
        self.number: dict[str, int] = {}
        nothing = np.empty(0, dtype=np.float64)
        self.parts = [
            Minutes(nothing.astype(np.int32), nothing.astype(np.int64), nothing, nothing > 0, nothing)
        ]

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the rows of ``batch``; of neighbours of one GPU the place is made once."""
        changed = np.zeros(batch.num_rows, dtype=np.bool_)
        changed[0] = True
        for label in _PLACE:
            values = batch[label]
            changed[1:] |= pc.not_equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False)
        starts = np.flatnonzero(changed)
        names = _places(pa.table(batch.select(_PLACE).take(pa.array(starts)))).to_pylist()
        numbers = [self.number.setdefault(name, len(self.number)) for name in names]
        gpu = np.repeat(np.array(numbers, dtype=np.int32), np.diff(np.append(starts, batch.num_rows)))
        at_ms, register, fell, power = (batch[name].to_numpy(zero_copy_only=False) for name in (AT, *_FIELDS))
        self.parts.append(Minutes(gpu, at_ms, register, fell > 0, power))

    def keep(self, rows: Callable[[Minutes], Mask]) -> None:
        """Forget the others."""
        self.parts = [part.where(rows(part)) for part in self.parts]

    def taken(self) -> Minutes:
        """All of them; none is left."""
        parts, self.parts = self.parts, []
        return Minutes(
            *(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Minutes))
        )


async def _read(store: Readings, site: str, period: Period, nodes: Sequence[str] | None = None) -> _Rows:
    where = {"site": [site]} if nodes is None else {"site": [site], "node": nodes}
    query = SeriesQuery(MINUTE, period.start, period.end, where, _FIELDS)
    rows = _Rows()
    async with aclosing(store.raw(query)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            if batch.num_rows:
                await asyncio.to_thread(rows.add, batch)
    return rows


def _lacking(rows: _Rows, places: Collection[str], period: Period) -> set[str]:
    """The GPUs without a minute at one of the ends of ``period``."""
    first, end = to_ms(period.start) + MINUTE_MS, to_ms(period.end)
    begun, ended = (np.zeros(len(rows.number), dtype=np.bool_) for _ in range(2))
    for part in rows.parts:
        begun[part.gpu[part.at_ms < first]] = True
        ended[part.gpu[part.at_ms >= end]] = True
    told = begun & ended
    return {place for place in places if place not in rows.number or not told[rows.number[place]]}


async def _with_surroundings(
    store: Readings, site: str, period: Period, what: tuple[_Rows, set[str]]
) -> None:
    """Put what ``lacking`` told around the period in the place of what is known of them."""
    rows, lacking = what
    names = sorted({place.split("/")[2] for place in lacking})
    around = GAP_MS * MILLISECOND
    wide = Period(period.start - around, period.end + around)
    more = await _read(store, site, wide, names if len(names) <= MOST_NODES else None)
    await asyncio.to_thread(_replace, rows, more, lacking)


def _replace(rows: _Rows, more: _Rows, lacking: set[str]) -> None:
    """Let the rows of ``lacking`` in ``rows`` be those of ``more``."""
    numbers = [
        np.array([one.number[p] for p in lacking if p in one.number], np.int32) for one in (rows, more)
    ]
    rows.keep(lambda part: ~np.isin(part.gpu, numbers[0]))
    more.keep(lambda part: np.isin(part.gpu, numbers[1]))
    here = np.array([rows.number.setdefault(place, len(rows.number)) for place in more.number], np.int32)
    rows.parts += [replace(part, gpu=here[part.gpu]) for part in more.parts]


def _sorted(rows: _Rows, places: list[str], lately: Mapping[int, Collection[str]]) -> Told:
    rank = {place: number for number, place in enumerate(places)}
    known = rows.taken()
    numbers = np.array([rank.get(place, -1) for place in rows.number], np.int32)
    known = replace(known, gpu=numbers[known.gpu])
    if not in_order(known.gpu, known.at_ms):
        known = known.where(np.lexsort((known.at_ms, known.gpu)))
    expected = {hour: np.array([rank[place] for place in told], np.int32) for hour, told in lately.items()}
    return Told(places, known, expected)


async def _lately(store: Readings, site: str, period: Period) -> dict[int, list[str]]:
    """By every hour of ``period`` the places that told anything in the whole hours of the day before it."""
    first = to_ms(period.start) // HOUR_MS * HOUR_MS
    hours = range(first, to_ms(period.end), HOUR_MS)
    since, until = from_ms(first) - LOOK_BACK, from_ms(hours[-1])
    query = SeriesQuery(HOUR, since, until, {"site": [site]}, ("power_w", REGISTER))
    if period.end - period.start <= QUARTER:  # of a large site: the newest row of each GPU is quickest
        found = await _newest(store, query)
        if to_ms(period.start) > first:
            found |= await _newest(store, replace(query, measurement=MINUTE, start=until, end=period.start))
        return {first: sorted(found)}
    by_hour: dict[int, set[str]] = {hour: set() for hour in hours}
    async with aclosing(store.raw(query)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            if batch.num_rows:
                await asyncio.to_thread(_add_hours, by_hour, batch)
    return {hour: sorted(told) for hour, told in by_hour.items()}


async def _newest(store: Readings, query: SeriesQuery) -> set[str]:
    table = await store.latest(query)
    return set(_places(table).to_pylist()) if table.num_rows else set()


def _add_hours(found: Mapping[int, set[str]], batch: pa.RecordBatch) -> None:
    table = pa.table(batch)
    table = table.filter(pc.or_(pc.is_valid(table["power_w"]), pc.is_valid(table[REGISTER])))
    names, at_ms = np.array(_places(table).to_pylist(), dtype=object), table[AT].to_numpy()
    for hour, told in found.items():
        told.update(names[(at_ms >= hour - LOOK_BACK // MILLISECOND) & (at_ms < hour)].tolist())


def _hour(at: datetime) -> datetime:
    return from_ms(to_ms(at) // HOUR_MS * HOUR_MS)


def _places(table: pa.Table) -> pa.ChunkedArray:
    levels = [table[label].cast(pa.string()) for label in _PLACE]
    return pc.binary_join_element_wise(*levels, "/")
