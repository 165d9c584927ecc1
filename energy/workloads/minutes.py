"""Reads what the GPUs of a site told, minute by minute, from the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, fields, replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from energy.interval import Period
from energy.workloads.pieces import GAP_MS, Minutes, in_order
from runtime.clock import MILLISECOND, to_ms
from telemetry.catalogue import GPU
from telemetry.frame import Mask
from telemetry.rollup import ALL_ROLLUPS, FELL, MINUTE_MS, REGISTER
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
    """The places (hall/rack/node/number) of a site's GPUs, and the minutes that they told."""

    places: list[str]
    minutes: Minutes


async def gpu_minutes(store: Readings, site: str, period: Period) -> Told:
    """What the GPUs told from a gap before ``period`` until one after it. Raises StoreError.

    Also the places of those that told nothing in it but did a day before. Of a short period of a large site
    the surroundings are read for those alone that told nothing just before its ends.
    """
    short = period.end - period.start < LONG
    around = (_NEAR if short else GAP_MS) * MILLISECOND
    rows = await _read(store, site, Period(period.start - around, period.end + around))
    expected = await _expected(store, site, period)
    places = {*expected, *rows.number}
    lacking = await asyncio.to_thread(_lacking, rows, places, period) if short else set()
    if lacking:
        await _with_surroundings(store, site, period, (rows, lacking))
    return await asyncio.to_thread(_sorted, rows, sorted(places))


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


def _sorted(rows: _Rows, places: list[str]) -> Told:
    rank = {place: number for number, place in enumerate(places)}
    known = rows.taken()
    numbers = np.array([rank.get(place, -1) for place in rows.number], np.int32)
    known = replace(known, gpu=numbers[known.gpu])
    if not in_order(known.gpu, known.at_ms):
        known = known.where(np.lexsort((known.at_ms, known.gpu)))
    return Told(places, known)


async def _expected(store: Readings, site: str, period: Period) -> list[str]:
    recent = SeriesQuery(HOUR, period.start - LOOK_BACK, period.end, {"site": [site]}, ("power_w", REGISTER))
    table = await store.latest(recent)
    return list(_places(table).to_pylist()) if table.num_rows else []


def _places(table: pa.Table) -> pa.ChunkedArray:
    levels = [table[label].cast(pa.string()) for label in _PLACE]
    return pc.binary_join_element_wise(*levels, "/")
