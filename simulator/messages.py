"""The model as MQTT messages, in the order of their time, by the native wire contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import numpy as np

from runtime.clock import MILLISECOND, to_ms
from simulator.faults import NONSENSE
from simulator.model import Model, Published
from simulator.noise import Ints, key, uniform
from simulator.site import Fields
from telemetry.catalogue import MEASUREMENTS

Message = tuple[str, bytes]
"""Topic and payload."""

_CHUNK = timedelta(hours=2)
_ENCODER = msgspec.json.Encoder()
_PACKER = msgspec.msgpack.Encoder()


@dataclass(frozen=True)
class Cadence:
    """How often nodes and everything else speak; both begin at whole multiples since 1970, so that every
    quarter-hour has its reading."""

    node: timedelta = timedelta(minutes=15)
    other: timedelta = timedelta(minutes=5)


@dataclass(frozen=True)
class Encoding:
    """How payloads are written: one object per GPU or one array per field; JSON or MessagePack.

    ``sequence`` adds ``seq``, the number of cadences since 1970: it goes on over a restart.
    """

    gpus: Literal["objects", "columns"] = "objects"
    form: Literal["json", "msgpack"] = "json"
    sequence: bool = False


def messages(
    model: Model,
    start: datetime,
    end: datetime,
    cadence: Cadence | None = None,
    encoding: Encoding | None = None,
) -> Iterator[Message]:
    """Everything that ``model`` publishes in ``start <= t < end``, by time."""
    for chunk in chunks(model, start, end, cadence, encoding):
        for _, topic, payload in chunk:
            yield topic, payload


def chunks(
    model: Model,
    start: datetime,
    end: datetime,
    cadence: Cadence | None = None,
    encoding: Encoding | None = None,
) -> Iterator[list[tuple[int, str, bytes]]]:
    """The same as (time in ms, topic, payload), in lists of at most two hours."""
    writer = _Writer(model, cadence or Cadence(), encoding or Encoding())
    at = start
    while at < end:
        upto = min(at + _CHUNK, end)
        yield writer.between(to_ms(at), to_ms(upto))
        at = upto


class _Writer:
    def __init__(self, model: Model, cadence: Cadence, encoding: Encoding) -> None:
        self._model = model
        self._encoding = encoding
        self._encode = (_ENCODER if encoding.form == "json" else _PACKER).encode
        plain = tuple(name for name in MEASUREMENTS if name != "gpu")
        self._groups = ((("gpu",), cadence.node // MILLISECOND), (plain, cadence.other // MILLISECOND))

    def between(self, start_ms: int, end_ms: int) -> list[tuple[int, str, bytes]]:
        found: list[tuple[int, str, bytes]] = []
        for measurements, every_ms in self._groups:
            times = np.arange(-(-start_ms // every_ms) * every_ms, end_ms, every_ms, dtype=np.int64)
            if not len(times):
                continue
            for said in self._model.published(times, measurements):
                found += self._of_device(said, times, every_ms)
            if "meter" in measurements:
                found += self._nonsense(times)
        found += self._of_jobs(start_ms, end_ms)
        found.sort(key=lambda entry: entry[0])
        return found

    def _of_jobs(self, start_ms: int, end_ms: int) -> Iterator[tuple[int, str, bytes]]:
        for jobs in self._model.jobs.values():
            for at, topic, body in jobs.told(start_ms, end_ms):
                yield at, topic, self._encode(body)

    def _of_device(self, said: Published, times: Ints, every_ms: int) -> Iterator[tuple[int, str, bytes]]:
        topic, sequence = said.device.topic, self._encoding.sequence
        bodies = self._bodies(said.device.measurement, said.fields)
        for at, spoken, body in zip(times.tolist(), said.spoken.tolist(), bodies, strict=True):
            if not spoken:
                continue
            head = {"ts": at, "seq": at // every_ms} if sequence else {"ts": at}
            yield at, topic, self._encode(head | body)

    def _bodies(self, measurement: str, fields: Fields) -> Iterator[dict[str, Any]]:
        names = list(fields)
        rows = zip(*(fields[name].tolist() for name in names), strict=True)
        if measurement != "gpu" or self._encoding.gpus == "columns":
            return (dict(zip(names, row, strict=True)) for row in rows)
        return ({"gpus": _objects(names, row)} for row in rows)

    def _nonsense(self, times: Ints) -> Iterator[tuple[int, str, bytes]]:
        for fault in self._model.nonsense():
            during = times[fault.window.covers(times)]
            pick = uniform(key(self._model.seed, "nonsense", fault.source), during) * len(NONSENSE)
            for at, number in zip(during.tolist(), pick.astype(np.int64).tolist(), strict=True):
                yield at, f"dc/v1/{fault.source}", NONSENSE[number]


def _objects(names: Sequence[str], row: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
    return [
        {"i": number, **dict(zip(names, values, strict=True))}
        for number, values in enumerate(zip(*row, strict=True))
    ]
