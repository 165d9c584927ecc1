"""Frames as Arrow: compressed bytes for the journal, and tables for the stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from runtime.errors import StoreError
from telemetry.catalogue import Measurement
from telemetry.frame import Frame
from telemetry.store import AT
from telemetry.stored import JOURNALLED

SERIES = "series"
"""Name of the column of series ids."""

TEXT = "text"
"""Name of the column of documents, where a measurement has such."""

_MEASUREMENT = b"measurement"
_WRITE = pa.ipc.IpcWriteOptions(compression="zstd")


def table(frame: Frame) -> pa.Table:
    """``series`` int32, ``at_ms`` int64 and every field of the measurement as float64, null where missing."""
    columns = {SERIES: pa.array(frame.series), AT: pa.array(frame.at_ms)}
    for name in frame.measurement.field_names:
        column = frame.columns.get(name)
        if column is None:
            columns[name] = pa.nulls(len(frame), pa.float64())
        else:
            columns[name] = pa.array(column, from_pandas=True)
    return pa.table(columns)


def encode(frames: Sequence[Frame]) -> bytes:
    """``frames`` as consecutive Arrow IPC streams, columns compressed by zstd; missing values stay NaN."""
    sink = pa.BufferOutputStream()
    for frame in frames:
        arrays = [pa.array(frame.series), pa.array(frame.at_ms), *map(pa.array, frame.columns.values())]
        names = [SERIES, AT, *frame.columns]
        if frame.texts:
            arrays.append(pa.array(frame.texts, pa.binary()))
            names.append(TEXT)
        schema = pa.schema(
            [(name, array.type) for name, array in zip(names, arrays, strict=True)],
            {_MEASUREMENT: frame.measurement.name.encode()},
        )
        with pa.ipc.new_stream(sink, schema, options=_WRITE) as stream:
            stream.write_batch(pa.record_batch(arrays, schema=schema))
    return bytes(memoryview(sink.getvalue()))


def decode(
    payload: bytes,
    measurements: Mapping[str, Measurement] = JOURNALLED,
    wanted: Callable[[str], bool] | None = None,
) -> list[Frame]:
    """The frames that :func:`encode` wrote. Raises StoreError when the bytes are not such.

    Of measurements that are not ``wanted`` nothing is decompressed.
    """
    source = pa.BufferReader(payload)
    frames = []
    try:
        while source.tell() < source.size():
            if wanted is not None and _passed_over(source, wanted):
                continue
            with pa.ipc.open_stream(source) as stream:
                name = stream.schema.metadata[_MEASUREMENT].decode()
                frames += [_frame(measurements[name], batch) for batch in stream]
    except (pa.ArrowException, OSError, KeyError, TypeError) as error:
        raise StoreError(f"a batch of the journal cannot be decoded: {error}", permanent=True) from error
    return frames


def _passed_over(source: pa.BufferReader, wanted: Callable[[str], bool]) -> bool:
    """Go on behind the stream that begins here, or stay if it is wanted."""
    start = source.tell()
    messages = pa.ipc.MessageReader.open_stream(source)
    name = pa.ipc.read_schema(messages.read_next_message()).metadata[_MEASUREMENT].decode()
    if wanted(name):
        source.seek(start)
        return False
    for _ in messages:  # views of the payload, nothing is copied
        pass
    return True


def _frame(measurement: Measurement, batch: pa.RecordBatch) -> Frame:
    return Frame(
        measurement,
        batch.column(SERIES).to_numpy(),
        batch.column(AT).to_numpy(),
        {
            name: batch.column(name).to_numpy().astype(np.float64, copy=False)
            for name in batch.schema.names[2:]
            if name in measurement.field_names
        },
        tuple(batch.column(TEXT).to_pylist()) if TEXT in batch.schema.names else (),
    )
