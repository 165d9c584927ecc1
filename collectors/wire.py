"""Payloads of the native wire contract as msgspec types, generated from the catalogue where speed allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from telemetry.catalogue import GPU, MEASUREMENTS, Measurement

NAN = math.nan
"""The one NaN that stands for "not sent": compared by identity on the hot path."""

GPUS_PER_NODE = 128
"""GPU numbers of a node go from 0 to one less than this."""

# Years 1970 to 9999: every accepted time fits int64, datetime and JSON's safe integers.
Stamp = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
GpuNumber = Annotated[int, Meta(ge=0, lt=GPUS_PER_NODE)]


class Gpu(msgspec.Struct, gc=False):
    """One GPU of the object form. No nulls: they take the tolerant types, which cost more."""

    i: GpuNumber
    power_w: float = NAN
    util: float = NAN
    temp_c: float = NAN
    mem_temp_c: float = NAN
    energy_j: float = NAN


class GpuObjects(msgspec.Struct, gc=False):
    """A GPU message in the form of one object per GPU, as nearly all are."""

    gpus: Annotated[list[Gpu], Meta(min_length=1, max_length=GPUS_PER_NODE)]
    ts: Stamp | None = None
    seq: int | None = None
    power_w: None = None
    util: None = None
    temp_c: None = None
    mem_temp_c: None = None
    energy_j: None = None


@dataclass(frozen=True)
class Format:
    """How to read one measurement's payloads, and which names it knows.

    ``values`` takes a payload (or one GPU of it) to a tuple in the catalogue's order, None where missing.
    """

    json: Callable[[bytes], Any]
    msgpack: Callable[[bytes], Any]
    values: Callable[[Any], tuple[Any, ...]]
    names: frozenset[str]


_HEAD: list[tuple[str, Any, Any]] = [("ts", Stamp | None, None), ("seq", int | None, None)]


def _format(payload: type[Any], measurement: Measurement, extra: tuple[str, ...] = ()) -> Format:
    names = measurement.field_names
    # attrgetter of one name gives the value itself, not a tuple of one.
    one = attrgetter(names[0])
    return Format(
        msgspec.json.Decoder(payload).decode,
        msgspec.msgpack.Decoder(payload).decode,
        attrgetter(*names) if len(names) > 1 else lambda p: (one(p),),
        frozenset(("ts", "seq", *names, *extra)),
    )


def _device_format(measurement: Measurement) -> Format:
    fields: list[tuple[str, Any, Any]] = [(name, float | None, None) for name in measurement.field_names]
    return _format(msgspec.defstruct(measurement.name.title(), _HEAD + fields, gc=False), measurement)


def _gpu_format() -> Format:
    fields: list[tuple[str, Any, Any]] = [(name, float | None, None) for name in GPU.field_names]
    one = msgspec.defstruct("TolerantGpu", [("i", GpuNumber), *fields], gc=False)
    objects = Annotated[list[one], Meta(max_length=GPUS_PER_NODE)] | None  # type: ignore[valid-type]
    array = Annotated[list[float | None], Meta(max_length=GPUS_PER_NODE)] | None
    arrays: list[tuple[str, Any, Any]] = [(name, array, None) for name in GPU.field_names]
    return _format(
        msgspec.defstruct("TolerantNode", [*_HEAD, ("gpus", objects, None), *arrays]), GPU, ("gpus",)
    )


FORMATS: Mapping[str, Format] = {
    name: _gpu_format() if measurement is GPU else _device_format(measurement)
    for name, measurement in MEASUREMENTS.items()
}
"""Measurement name -> how its payloads are read."""

GPU_NAMES = frozenset(("i", *GPU.field_names))
"""What one object of a GPU message may tell."""

decode_gpu_objects = msgspec.json.Decoder(GpuObjects).decode
"""The fast way for the commonest message; ValidationError means "try the tolerant way", not "bad"."""

decode_any_json = msgspec.json.Decoder().decode
"""JSON without types, to see which names were sent."""

decode_any_msgpack = msgspec.msgpack.Decoder(strict=False).decode
"""MessagePack without types, to see which names were sent."""
