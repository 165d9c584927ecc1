"""Arrow answers of a store as what the API gives out: series of points, and CSV."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from telemetry.catalogue import Measurement
from telemetry.frame import Millis
from telemetry.store import AT

_POINTS_AT_ONCE = 20_000
"""Points encoded between two looks at the event loop."""

Batch: TypeAlias = pa.RecordBatch | pa.Table


@dataclass
class _Series:
    at: list[Millis] = field(default_factory=list)
    columns: dict[str, list[pa.ChunkedArray | pa.Array]] = field(default_factory=dict)


class SeriesRows:
    """Collects batches, in any order, into one series per combination of labels."""

    def __init__(self, measurement: Measurement, labels: Sequence[str], fields: Sequence[str]) -> None:
        self._measurement, self._labels, self._fields = measurement, tuple(labels), tuple(fields)
        self._series: dict[tuple[str, ...], _Series] = {}

    def add(self, batch: Batch) -> None:
        """Take the rows of ``batch``."""
        if batch.num_rows == 0:
            return
        bounds = [*_starts(batch, self._labels), batch.num_rows]
        names = [batch.column(label).take(pa.array(bounds[:-1])).to_pylist() for label in self._labels]
        keys = zip(*names, strict=True) if names else iter([()])
        at = batch.column(AT).to_numpy()
        for key, first, last in zip(keys, bounds, bounds[1:], strict=False):
            series = self._series.setdefault(tuple(str(part) for part in key), _Series())
            series.at.append(at[first:last])
            for name in self._fields:
                series.columns.setdefault(name, []).append(batch.column(name).slice(first, last - first))

    def encoded(self, step: str | None) -> Iterator[bytes]:
        """The JSON body in pieces: ``{"step", "series": [{"labels", "field", "unit", "points"}]}``."""
        yield b'{"step":' + msgspec.json.encode(step) + b',"series":['
        separator = b""
        for key, series in sorted(self._series.items()):
            labels = dict(zip(self._labels, key, strict=True))
            at = np.concatenate(series.at)
            order = None if bool((at[1:] >= at[:-1]).all()) else np.argsort(at, kind="stable")
            for name in self._fields:
                values = pa.chunked_array(_chunks(series.columns[name]))
                unit = self._measurement.field(name).unit
                yield separator + msgspec.json.encode({"labels": labels, "field": name, "unit": unit})[:-1]
                yield b',"points":['
                yield from _points(at, values, order)
                yield b"]}"
                separator = b","
        yield b"]}"


def _chunks(arrays: Sequence[pa.ChunkedArray | pa.Array]) -> list[pa.Array]:
    return [chunk for array in arrays for chunk in getattr(array, "chunks", [array])]


def _points(at: Millis, values: pa.ChunkedArray, order: npt.NDArray[np.intp] | None) -> Iterator[bytes]:
    if order is not None:
        at, values = at[order], values.take(pa.array(order))
    for first in range(0, len(at), _POINTS_AT_ONCE):
        part = slice(first, first + _POINTS_AT_ONCE)
        pairs = list(zip(at[part].tolist(), values[part].to_pylist(), strict=True))
        yield (b"," if first else b"") + msgspec.json.encode(pairs)[1:-1]


def _starts(batch: Batch, labels: Sequence[str]) -> list[int]:
    """Where a row's labels differ from those of the row before."""
    changed = np.zeros(batch.num_rows - 1, dtype=np.bool_)
    for label in labels:
        column = batch.column(label)
        differ = pc.not_equal(column.slice(1), column.slice(0, batch.num_rows - 1))
        changed |= np.array(differ, dtype=np.bool_)
    return [0, *(np.flatnonzero(changed) + 1).tolist()]


async def csv_rows(
    batches: AsyncIterator[Batch], labels: Sequence[str], fields: Sequence[str]
) -> AsyncIterator[bytes]:
    """CSV with a header: labels, ``at`` (ISO 8601, UTC), ``at_ms``, fields; missing values are empty."""
    header = [*labels, "at", AT, *fields]
    yield (",".join(header) + "\r\n").encode()
    async for batch in batches:
        if batch.num_rows:
            yield _csv(batch, labels, fields)


def _csv(batch: Batch, labels: Sequence[str], fields: Sequence[str]) -> bytes:
    at = batch.column(AT)
    # Arrow prints %S with the fraction of the column's unit: milliseconds.
    told = pc.strftime(at.cast(pa.timestamp("ms", tz="UTC")), format="%Y-%m-%dT%H:%M:%S+00:00")
    columns = [*(batch.column(n) for n in labels), told, at, *(batch.column(n) for n in fields)]
    out = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
    table = pa.table(columns, names=[*labels, "at", AT, *fields])
    pyarrow.csv.write_csv(table, out, write_options=options)
    return out.getvalue().replace(b"\n", b"\r\n")
