"""A store whose questions in steps are answered from rollups as far as those tell the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from runtime.clock import MILLISECOND
from telemetry.plan import Leg, Split, Whole, legs, one_process
from telemetry.rollup import told_by
from telemetry.store import AT, Aggregate, Readings, SeriesQuery, WindowQuery

_TOGETHER: Mapping[Aggregate, str] = {
    "min": "min",
    "max": "max",
    "first": "first",
    "last": "last",
    "sum": "sum",
    "count": "sum",
}
"""How parts of one step become the whole; a mean is made of sums."""


class PlannedStore:
    """Reads ``store``; ``whole`` tells which rollup rows it has. A :class:`telemetry.store.Readings`.

    ``split`` tells of which sites there are no rows, since nobody has all of their GPUs: they are put
    together from their halls.
    A rollup whose late rows are still to be repaired answers as it stands, for a few seconds.
    """

    def __init__(self, store: Readings, whole: Whole, split: Split = one_process) -> None:
        self._store, self._whole, self._split = store, whole, split

    async def latest(self, query: SeriesQuery) -> pa.Table:
        """The newest row of each series within the range that tells any of the query's fields."""
        return await self._store.latest(query)

    async def raw(self, query: SeriesQuery) -> AsyncIterator[pa.RecordBatch]:
        """All rows, in batches."""
        async with aclosing(self._store.raw(query)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                yield batch

    async def window(self, query: WindowQuery) -> pa.Table:
        """Aggregates in steps; steps without rows are absent."""
        found = legs(query, self._whole, self._split)
        if len(found) == 1 and found[0].rollup is None:
            return await self._store.window(query)
        step = query.step // MILLISECOND
        shared = {leg.start_ms // step * step for leg in found[1:] if leg.start_ms % step}
        pieces = [piece for leg in found for piece in _pieces(leg, shared, step)]
        apart = [piece.start_ms // step * step in shared for piece in pieces]
        told = await asyncio.gather(
            *(
                self._part(query, p) if part else self._ask(query, p)
                for p, part in zip(pieces, apart, strict=True)
            )
        )
        tables = [table for table, part in zip(told, apart, strict=True) if not part]
        parts = [table for table, part in zip(told, apart, strict=True) if part]
        if parts:
            tables.append(_grouped(query, _whole_steps(query, parts)))
        labels = query.select.measurement.labels if query.group_by is None else query.group_by
        order = [(name, "ascending") for name in (*labels, AT)]
        return pa.concat_tables(tables).sort_by(order).combine_chunks()

    async def _ask(self, query: WindowQuery, leg: Leg) -> pa.Table:
        """``query`` answered from ``leg``, its columns named as those of the measurement."""
        asked, columns = leg.ask(query)
        if leg.in_parts(query):
            return await self._put_together(query, asked)
        table = await self._store.window(asked)
        labels = table.column_names[: table.column_names.index(AT) + 1]
        return pa.table(
            [table[label] for label in labels] + [table[column] for column in columns.values()],
            names=[*labels, *columns],
        )

    async def _put_together(self, query: WindowQuery, asked: WindowQuery) -> pa.Table:
        """The groups of ``query`` from rows of their parts: sums, and means that weigh who told them."""
        measurement, names = query.select.measurement, asked.select.fields
        weight = {n: told_by(measurement.field(n)) for n in names if not measurement.field(n).additive}
        fields = (*names, *dict.fromkeys(weight.values()))
        parts = replace(asked, select=replace(asked.select, fields=fields), group_by=None)
        table = await self._store.window(parts)
        for name, told in weight.items():
            place = table.column_names.index(name)
            table = table.set_column(place, name, pc.multiply(table[name], table[told]))
        keys = [*(query.group_by or ()), AT]
        table = _aggregated(table, keys, [(name, "sum") for name in fields])
        for name, told in weight.items():
            table = table.set_column(
                table.column_names.index(name), name, pc.divide(table[name], table[told])
            )
        return table.select([*keys, *names])

    async def _part(self, query: WindowQuery, leg: Leg) -> pa.Table:
        """What ``leg`` tells of a step that others share, series by series; of a mean its sums and counts."""
        apart = replace(query, group_by=None)
        table = await self._ask(apart, leg)
        if query.aggregate != "mean":
            return table
        keys = table.column_names[: table.column_names.index(AT) + 1]
        names = table.column_names[len(keys) :]
        counts = await self._ask(replace(apart, aggregate="count"), leg)
        counts = counts.rename_columns([*keys, *(f"{name}#" for name in names)])
        both = table.join(counts, keys, join_type="inner")
        for name in names:
            total = pc.multiply(both[name], both[f"{name}#"])
            both = both.set_column(both.column_names.index(name), name, total)
        return both


def _pieces(leg: Leg, shared: set[int], step: int) -> list[Leg]:
    """``leg`` cut where it shares its first or its last step with another."""
    first, last = leg.start_ms // step * step, (leg.end_ms - 1) // step * step
    cuts = {leg.start_ms, leg.end_ms}
    if first in shared:
        cuts.add(min(first + step, leg.end_ms))
    if last in shared:
        cuts.add(max(last, leg.start_ms))
    edges = sorted(cuts)
    return [replace(leg, start_ms=a, end_ms=b) for a, b in pairwise(edges)]


def _whole_steps(query: WindowQuery, parts: Sequence[pa.Table]) -> pa.Table:
    """One row per series and step of ``parts``, which stand in the order of time."""
    keys = [*query.select.measurement.labels, AT]
    names = list(query.select.fields or query.select.measurement.field_names)
    how = _TOGETHER.get(query.aggregate, "sum")
    columns = names if query.aggregate != "mean" else [*names, *(f"{name}#" for name in names)]
    together = _aggregated(pa.concat_tables(parts), keys, [(name, how) for name in columns])
    if query.aggregate != "mean":
        return together
    means = [pc.divide(together[name], together[f"{name}#"]) for name in names]
    return pa.table([*(together[key] for key in keys), *means], names=[*keys, *names])


def _grouped(query: WindowQuery, table: pa.Table) -> pa.Table:
    if query.group_by is None:
        return table
    names = query.select.fields or query.select.measurement.field_names
    how = [(name, "sum" if query.adds_up(name) else "mean") for name in names]
    return _aggregated(table, [*query.group_by, AT], how)


def _aggregated(table: pa.Table, keys: Sequence[str], how: Sequence[tuple[str, str]]) -> pa.Table:
    options: Any = list(how)
    # In one thread: first and last need the order.
    found = table.group_by(list(keys), use_threads=False).aggregate(options)
    return found.select([*keys, *(f"{name}_{by}" for name, by in how)]).rename_columns(
        [*keys, *(name for name, _ in how)]
    )
