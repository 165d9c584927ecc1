"""Reads what the GPUs of a site told, minute by minute, from the store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from energy.interval import Period
from energy.workloads.pieces import GAP_MS, Minutes
from runtime.clock import MILLISECOND, to_ms
from telemetry.catalogue import GPU
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
    table = await _read(store, site, Period(period.start - around, period.end + around))
    expected = await _expected(store, site, period)
    places, lacking = await asyncio.to_thread(_known, table, expected, period if short else None)
    if lacking:
        table = await _with_surroundings(store, site, period, (table, lacking))
    return await asyncio.to_thread(_sorted, table, sorted(places))


async def _read(store: Readings, site: str, period: Period, nodes: Sequence[str] | None = None) -> pa.Table:
    where = {"site": [site]} if nodes is None else {"site": [site], "node": nodes}
    query = SeriesQuery(MINUTE, period.start, period.end, where, _FIELDS)
    parts: list[pa.Table] = [_nothing()]
    async with aclosing(store.raw(query)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            if batch.num_rows:
                parts.append(_narrow(pa.table(batch)))
    return pa.concat_tables(parts, promote_options="permissive")


def _known(table: pa.Table, expected: Sequence[str], period: Period | None) -> tuple[set[str], set[str]]:
    """All GPUs, and those without a minute at one of the ends of ``period``, if one is given."""
    places = set(expected).union(pc.unique(table["place"]).to_pylist())
    if period is None:
        return places, set()
    first = to_ms(period.start) + MINUTE_MS
    begins = table.filter(pc.less(table[AT], first))
    ends = table.filter(pc.greater_equal(table[AT], to_ms(period.end)))
    at_both = [set(pc.unique(some["place"]).to_pylist()) for some in (begins, ends)]
    return places, places - (at_both[0] & at_both[1])


async def _with_surroundings(
    store: Readings, site: str, period: Period, what: tuple[pa.Table, set[str]]
) -> pa.Table:
    table, lacking = what
    names = sorted({place.split("/")[2] for place in lacking})
    around = GAP_MS * MILLISECOND
    wide = Period(period.start - around, period.end + around)
    more = await _read(store, site, wide, names if len(names) <= MOST_NODES else None)
    return await asyncio.to_thread(_replaced, table, more, pa.array(sorted(lacking), pa.string()))


def _replaced(table: pa.Table, more: pa.Table, places: pa.Array) -> pa.Table:
    """``table`` with the rows of ``places`` from ``more``."""
    kept = table.filter(pc.invert(pc.is_in(table["place"], places)))
    return pa.concat_tables([kept, more.filter(pc.is_in(more["place"], places))])


def _sorted(table: pa.Table, places: list[str]) -> Told:
    number = pc.index_in(table["place"], pa.array(places, pa.string())).to_numpy()
    columns = [table[name].to_numpy() for name in (AT, *_FIELDS)]
    order = np.lexsort((columns[0], number))
    at_ms, register, fell, power = (column[order] for column in columns)
    gpu = number[order].astype(np.int32)
    return Told(places, Minutes(gpu, at_ms.astype(np.int64), register, fell, power))


async def _expected(store: Readings, site: str, period: Period) -> list[str]:
    recent = SeriesQuery(HOUR, period.start - LOOK_BACK, period.end, {"site": [site]}, ("power_w", REGISTER))
    table = await store.latest(recent)
    return list(_places(table).to_pylist()) if table.num_rows else []


def _narrow(table: pa.Table) -> pa.Table:
    return pa.table({"place": _places(table), **{name: table[name] for name in (AT, *_FIELDS)}})


def _places(table: pa.Table) -> pa.ChunkedArray:
    levels = [table[label].cast(pa.string()) for label in _PLACE]
    return pc.binary_join_element_wise(*levels, "/")


def _nothing() -> pa.Table:
    empty = {name: pa.array([], pa.float64()) for name in _FIELDS}
    return pa.table({"place": pa.array([], pa.string()), AT: pa.array([], pa.int64()), **empty})
