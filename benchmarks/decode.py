"""CPU per message of the native decoder, from bytes to column lists: ``python -m benchmarks.decode``."""

from __future__ import annotations

import json
import sys
from time import process_time_ns

import msgspec

from collectors.decoders.native import NativeDecoder
from collectors.source import Message
from telemetry.batch import Batch
from telemetry.series import SeriesRegistry

NODES = 1_000
ROUNDS = 30

_GPU = {"power_w": 703.1, "util": 98, "temp_c": 61.0, "mem_temp_c": 74.5, "energy_j": 912345678}
_HEAD = {"ts": 1764000000123, "seq": 1017}
_OBJECTS = {**_HEAD, "gpus": [{"i": i, **_GPU} for i in range(8)]}
_ARRAYS = {**_HEAD, **{name: [value] * 8 for name, value in _GPU.items()}}
_METER = {"ts": 1764000000123, "power_w": 412300.0, "energy_wh": 88123456}


def _compact(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


FORMS = {
    "8 GPUs, JSON objects": ("dc/v1/gdansk/a/r1/n%d/gpu", _compact(_OBJECTS)),
    "8 GPUs, JSON arrays": ("dc/v1/gdansk/a/r1/n%d/gpu", _compact(_ARRAYS)),
    "8 GPUs, MessagePack objects": ("dc/v1/gdansk/a/r1/n%d/gpu", msgspec.msgpack.encode(_OBJECTS)),
    "8 GPUs, MessagePack arrays": ("dc/v1/gdansk/a/r1/n%d/gpu", msgspec.msgpack.encode(_ARRAYS)),
    "meter, JSON": ("dc/v1/gdansk/meter/m%d", _compact(_METER)),
}
"""Name of a form -> topic pattern and payload."""


def microseconds(topic: str, payload: bytes) -> float:
    """CPU time per message, the best of :data:`ROUNDS` rounds over :data:`NODES` topics."""
    messages = [Message(topic % n, payload) for n in range(NODES)]
    decoder = NativeDecoder(SeriesRegistry())
    best = float("inf")
    for _ in range(ROUNDS):
        batch = Batch()
        start = process_time_ns()
        decoder.decode(messages, batch, 0)
        best = min(best, (process_time_ns() - start) / NODES / 1_000)
        assert not batch.rejected, batch.rejected
    return best


if __name__ == "__main__":
    for name, (pattern, content) in FORMS.items():
        sys.stdout.write(f"{name:30} {len(content):5} bytes {microseconds(pattern, content):6.2f} µs\n")
