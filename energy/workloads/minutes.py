"""Reads what the GPUs of a site told, minute by minute, from the store."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from energy.interval import Period
from energy.workloads.pieces import GAP_MS, Minutes
from runtime.clock import MILLISECOND
from telemetry.catalogue import GPU
from telemetry.rollup import ALL_ROLLUPS, FELL, REGISTER
from telemetry.store import AT, Readings, SeriesQuery

MINUTE = ALL_ROLLUPS["gpu_1m"].measurement
HOUR = ALL_ROLLUPS["gpu_1h"].measurement
_PLACE = GPU.labels[1:]
_FIRST = f"{REGISTER}_first"
_FIELDS = (_FIRST, FELL, "power_w")

LOOK_BACK = timedelta(hours=24)
"""A GPU that told anything within so much time is expected to go on."""


@dataclass(frozen=True)
class Told:
    """The places (hall/rack/node/number) of a site's GPUs, and the minutes that they told."""

    places: list[str]
    minutes: Minutes


async def gpu_minutes(store: Readings, site: str, period: Period) -> Told:
    """What the GPUs told from a gap before ``period`` until one after it. Raises StoreError.

    Also the places of those that told nothing in it but did a day before.
    """
    beyond = GAP_MS * MILLISECOND
    query = SeriesQuery(MINUTE, period.start - beyond, period.end + beyond, {"site": [site]}, _FIELDS)
    parts: list[pa.Table] = []
    async with aclosing(store.raw(query)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            if batch.num_rows:
                parts.append(_narrow(pa.table(batch)))
    known = set(await _expected(store, site, period))
    table = pa.concat_tables(parts, promote_options="permissive") if parts else _nothing()
    names = pc.unique(table["place"]).to_pylist()
    places = sorted(known.union(names))
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
