"""Reads over ``/query``: InfluxQL in, Arrow out."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pyarrow as pa

from runtime.errors import StoreError
from telemetry.catalogue import Measurement
from telemetry.influx import influxql
from telemetry.influx.options import InfluxOptions
from telemetry.series import SeriesRegistry
from telemetry.store import AT, SeriesQuery, WindowQuery

_STATEMENTS = 50
"""Series asked for in one request of a raw query."""

_CHUNK_ROWS = 10_000
_OK = 200
_LONGEST = 300

Row = tuple[tuple[str, ...], list[Any]]
"""Label values; time in milliseconds and one value per field."""


class InfluxReader:
    """Questions to one database over ``http``, which has the login."""

    def __init__(self, http: aiohttp.ClientSession, options: InfluxOptions, registry: SeriesRegistry) -> None:
        self._http = http
        self._url = f"{options.url}/query"
        name, policy = options.database_and_policy
        self._params = {"db": name, "epoch": "ms"} | ({"rp": policy} if policy else {})
        self._registry = registry

    async def latest(self, query: SeriesQuery) -> pa.Table:
        """The newest row of each series."""
        found = await self._rows(query.measurement, influxql.latest(query))
        return _table(query.measurement.labels, influxql.fields(query), found)

    async def window(self, query: WindowQuery) -> pa.Table:
        """Aggregates in steps, put together over the series of each group."""
        measurement = query.select.measurement
        names = influxql.fields(query.select)
        series = _table(measurement.labels, names, await self._rows(measurement, influxql.window(query)))
        if query.group_by is None:
            return series
        keys = [*query.group_by, AT]
        how = [(f, "sum" if query.adds_up(f) else "mean") for f in names]
        grouped = series.group_by(keys).aggregate(how).rename_columns([*keys, *names])
        return grouped.sort_by([(key, "ascending") for key in keys]).combine_chunks()

    async def raw(self, query: SeriesQuery) -> AsyncGenerator[pa.RecordBatch, None]:
        """All rows: series after series in the order of their labels, each streamed."""
        names = influxql.fields(query)
        numbers = self._registry.matching(query.measurement, query.where)
        series = sorted(self._registry.key(number)[1] for number in numbers)
        for first in range(0, len(series), _STATEMENTS):
            text = influxql.rows(query, series[first : first + _STATEMENTS])
            async for found in self._stream(text):
                rows = list(_read(query.measurement, found))
                if rows:
                    for batch in _table(query.measurement.labels, names, rows).to_batches():
                        yield batch

    async def command(self, text: str) -> Sequence[Mapping[str, Any]]:
        """The series that a statement such as SHOW or DELETE answers. Raises StoreError."""
        return [one async for one in self._series(text)]

    async def _rows(self, measurement: Measurement, text: str) -> list[Row]:
        rows = [row async for one in self._series(text) for row in _read(measurement, one)]
        return sorted(rows, key=lambda row: (row[0], row[1][0]))

    async def _series(self, text: str) -> AsyncIterator[Mapping[str, Any]]:
        async with self._ask(text, {}) as answer:
            for one in _results(await answer.json(content_type=None)):
                yield one

    async def _stream(self, text: str) -> AsyncIterator[Mapping[str, Any]]:
        chunked = {"chunked": "true", "chunk_size": str(_CHUNK_ROWS)}
        async with self._ask(text, chunked) as answer:
            rest = b""
            async for piece in answer.content.iter_any():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    for one in _results(json.loads(line)) if line.strip() else ():
                        yield one
            for one in _results(json.loads(rest)) if rest.strip() else ():
                yield one

    @asynccontextmanager
    async def _ask(self, text: str, more: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with self._http.post(self._url, data={**self._params, **more, "q": text}) as answer:
                if answer.status != _OK:
                    told = " ".join((await answer.text(errors="replace")).split())[:_LONGEST]
                    raise StoreError(f"{self._url} answered {answer.status} {told}")
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise StoreError(f"{self._url} cannot be reached: {error or type(error).__name__}") from error
        except json.JSONDecodeError as error:
            raise StoreError(f"{self._url} sent no JSON: {error}") from error


def _results(content: Any) -> Iterator[Mapping[str, Any]]:
    trouble = content.get("error")
    for result in content.get("results", ()):
        trouble = trouble or result.get("error")
        yield from result.get("series", ())
    if trouble:
        raise StoreError(f"the query failed: {trouble}")


def _read(measurement: Measurement, series: Mapping[str, Any]) -> Iterator[Row]:
    tags = series.get("tags", {})
    labels = tuple(str(tags.get(label) or "") for label in measurement.labels)
    for values in series["values"]:
        yield labels, values


def _table(labels: Sequence[str], names: Sequence[str], rows: Sequence[Row]) -> pa.Table:
    columns: dict[str, pa.Array] = {
        label: pa.array([row[0][k] for row in rows], pa.string()) for k, label in enumerate(labels)
    }
    columns[AT] = pa.array([row[1][0] for row in rows], pa.int64())
    for k, field in enumerate(names, start=1):
        told = [None if row[1][k] is None else float(row[1][k]) for row in rows]
        columns[field] = pa.array(told, pa.float64())
    return pa.table(columns)
