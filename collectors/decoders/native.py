"""The native wire contract: JSON or MessagePack of Amberwatt's own topics, straight into columns."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import msgspec

from collectors.counter import LARGEST, LARGEST_GAP, Counter
from collectors.decoder import DECODERS, CountOf, DecoderOptions, nobody_counted
from collectors.jobs import job_event
from collectors.source import Message
from collectors.topic import PREFIX, UNSEEN, Route, matcher, resolve
from collectors.wire import (
    FORMATS,
    GPU_NAMES,
    NAN,
    GpuObjects,
    decode_any_json,
    decode_any_msgpack,
    decode_gpu_objects,
)
from runtime.errors import BadPayload
from telemetry.batch import Again, Batch
from telemetry.catalogue import GPU
from telemetry.job import JOB
from telemetry.series import SeriesRegistry

LARGEST_PAYLOAD = 256 * 1024
"""Bytes; a message above this is rejected unread (``too_large``)."""

ROUTES_KEPT = 196_608
"""Topics that told something more than once and are remembered, with their publishers' counts, for good."""

ROUTES_NEW = 65_536
"""Others that are remembered: the one that told nothing for longest is forgotten first and resolved again.
Whoever invents topics drives out what others invented, and none that is in use."""

LOOK_EVERY = 256
"""Names that nobody knows are looked for in a topic's first message and in one of this many after it, which
then stands for all of them: to look at every message would double what it costs."""

_MSGPACK_MAPS = frozenset(bytes([first]) for first in (*range(0x80, 0x90), 0xDE, 0xDF))
"""How a MessagePack payload that could be of the contract begins."""

_STATUSES = {b"online": True, b"offline": False}

_TWO_PUBLISHERS = (
    "its seq goes back and forth: give each publisher a topic of its own; no loss is counted by that"
)

Rows = tuple[Sequence[int], list[list[float]]]


@DECODERS.add("native", DecoderOptions)
def native_decoder(
    options: DecoderOptions,
    registry: SeriesRegistry,
    allow: Sequence[str] = (),
    counted: CountOf = nobody_counted,
) -> NativeDecoder:
    """The decoder of the native wire contract."""
    return NativeDecoder(registry, allow, counted)


class NativeDecoder:
    """Decodes the topics and payloads of the native wire contract.

    A message is used whole or rejected whole. A retained measurement counts like any other when it tells its
    own time; without one it is rejected as ``too_old``, because arrival would make an old value look new.
    GPU messages that the publishers' ``seq`` shows to be lost before they reached us are ``batch.missed``.
    Topics that no filter of ``allow`` matches are rejected, none if it is empty.
    """

    def __init__(
        self, registry: SeriesRegistry, allow: Sequence[str] = (), counted: CountOf = nobody_counted
    ) -> None:
        self._registry = registry
        self._allow = tuple(map(matcher, allow))
        self._counted = counted
        self._routes: dict[str, Route] = {}
        self._new: dict[str, Route] = {}

    def decode(self, messages: Sequence[Message], batch: Batch, arrived_ms: int) -> None:
        """See :class:`collectors.decoder.Decoder`."""
        batch.received += len(messages)
        routes = self._routes
        for message in messages:
            try:
                route = routes.get(message.topic) or self._resolve(message.topic)
                if len(message.payload) > LARGEST_PAYLOAD:
                    raise BadPayload("too_large", f"{len(message.payload)} bytes")
                if route.status:
                    self._status(route, message.payload, batch)
                elif route.measurement is not GPU or not self._gpu_objects(route, message, batch, arrived_ms):
                    self._tolerant(route, message, batch, arrived_ms)
            except BadPayload as bad:
                known = routes.get(message.topic) or self._new.get(message.topic)
                source = None if known is None else known.source
                batch.reject(bad.reason, message.topic, bad.detail, message.payload, source)

    def _resolve(self, topic: str) -> Route:
        """The route of a topic that is not known for good."""
        route = self._new.pop(topic, None)
        if route is None:
            route = resolve(topic)
            if self._allow and not any(lets_in(topic) for lets_in in self._allow):
                raise BadPayload("topic", "no filter of [ingest] allow lets it in")
        if route.measurement is JOB:
            return route  # a job sends a handful of messages and is never heard of again
        if route.seen and len(self._routes) < ROUTES_KEPT:
            self._routes[topic] = route
            return route
        if len(self._new) >= ROUTES_NEW:
            del self._new[next(iter(self._new))]
        self._new[topic] = route
        return route

    def _gpu_objects(self, route: Route, message: Message, batch: Batch, arrived_ms: int) -> bool:
        """Decode the commonest message in the cheapest way; False when it needs the tolerant one."""
        payload = message.payload
        if payload[:1] != b"{" or b'"gpus"' not in payload or not payload.isascii():
            return False
        try:
            node: GpuObjects = decode_gpu_objects(payload)
        except (ValueError, RecursionError):
            return False
        gpus = node.gpus
        if any([gpu.power_w is NAN for gpu in gpus]):
            return False
        known = route.gpus
        try:
            series = [known[gpu.i] for gpu in gpus]
        except KeyError:
            series = [self._gpu_series(route, gpu.i) for gpu in gpus]
        rows = batch.rows(GPU)
        at_ms = node.ts if node.ts is not None else _arrival(route, message, batch, (arrived_ms, len(gpus)))
        rows.series += series
        rows.at_ms += [at_ms] * len(gpus)
        power, util, temp, mem_temp, energy = rows.columns.values()
        for gpu in gpus:
            power.append(gpu.power_w)
            util.append(gpu.util)
            temp.append(gpu.temp_c)
            mem_temp.append(gpu.mem_temp_c)
            energy.append(gpu.energy_j)
        batch.told.append(series[0])
        batch.told_ms.append(at_ms)
        self._account(route, payload, node.seq, batch)
        return True

    def _tolerant(self, route: Route, message: Message, batch: Batch, arrived_ms: int) -> None:
        """Any form, with nulls and in either encoding."""
        if route.measurement is JOB:
            batch.jobs.append(job_event(route.labels, message, arrived_ms))
            return
        form = FORMATS[route.measurement.name]
        content = _parse(form.json, form.msgpack, message.payload)
        if route.measurement is GPU:
            numbers, columns = _gpu_columns(content)
        else:
            numbers, columns = _told([0], [[value] for value in form.values(content)])
        if not numbers:
            names = ", ".join(route.measurement.field_names)
            raise BadPayload("no_known_field", f"nothing tells one of {names}")
        series = [self._series(route, number) for number in numbers]
        rows = batch.rows(route.measurement)
        told = arrived_ms, len(series)
        at_ms = content.ts if content.ts is not None else _arrival(route, message, batch, told)
        rows.series += series
        rows.at_ms += [at_ms] * len(series)
        for column, values in zip(rows.columns.values(), columns, strict=True):
            column += values
        batch.told.append(series[0])
        batch.told_ms.append(at_ms)
        self._account(route, message.payload, content.seq, batch)

    def _status(self, route: Route, payload: bytes, batch: Batch) -> None:
        online = _STATUSES.get(payload.strip())
        if online is None:
            raise BadPayload("undecodable", "a status is the plain text online or offline")
        self._registry.source(route.source)
        batch.statuses[route.source] = online

    def _series(self, route: Route, number: int) -> int:
        if route.measurement is GPU:
            return route.gpus.get(number) or self._gpu_series(route, number)
        if route.series == UNSEEN:
            route.series = self._registry.id(route.measurement, route.labels)
        return route.series

    def _gpu_series(self, route: Route, number: int) -> int:
        found = route.gpus.get(number)
        if found is None:
            found = route.gpus[number] = self._registry.id(GPU, (*route.labels, str(number)))
        return found

    def _account(self, route: Route, payload: bytes, seq: int | None, batch: Batch) -> None:
        """Take note of what the message says besides its rows, which are in ``batch`` by now."""
        # Only a GPU topic names its publisher; a gateway may share one counter between many meters.
        if seq is not None and route.measurement is GPU and -LARGEST <= seq <= LARGEST:
            series, at_ms, counter = batch.told[-1], batch.told_ms[-1], route.counter
            if counter is None:
                known = self._counted(route.source)
                counter = route.counter = Counter(seq, at_ms) if known is None else Counter.of(known)
            since_ms = counter.at_ms
            if lost := counter.take(seq, at_ms):
                batch.lose((series, since_ms, at_ms), lost, lost < LARGEST_GAP)
            batch.counted[series] = counter
        if route.seen % LOOK_EVERY == 0:
            batch.unknown_fields += _unknown(route, payload) * (LOOK_EVERY if route.seen else 1)
            if route.counter is not None and route.counter.shared():
                batch.remark("two_publishers", PREFIX + route.source, _TWO_PUBLISHERS, payload)
        route.seen += 1


def _arrival(route: Route, message: Message, batch: Batch, told: tuple[int, int]) -> int:
    """The time of arrival for the rows, so many of them, that are about to be appended."""
    arrived_ms, rows = told
    if message.retain:
        raise BadPayload("too_old", "retained without ts: its age is unknown")
    batch.unstamped[route.source] = batch.unstamped.get(route.source, 0) + 1
    if message.dup:
        batch.again.append(Again(route.measurement, len(batch.rows(route.measurement).series), rows))
    return arrived_ms


def _parse(json: Any, msgpack: Any, payload: bytes) -> Any:
    try:
        if payload[:1] != b"{":
            return _packed(msgpack, payload)
        if not payload.isascii():
            payload.decode()  # msgspec skips over what it does not use, bad UTF-8 included
        return json(payload)
    except (ValueError, RecursionError) as error:
        raise BadPayload("undecodable", str(error)) from None


def _packed(msgpack: Any, payload: bytes) -> Any:
    try:
        return msgpack(payload)
    except (ValueError, RecursionError) as error:
        if payload[:1] in _MSGPACK_MAPS:
            raise
        first = f"it begins with {payload[:1]!r}"[:40] if payload else "it is empty"
        raise BadPayload("undecodable", f"neither JSON nor MessagePack: {first} ({error})") from None


def _gpu_columns(content: Any) -> Rows:
    """Numbers and columns of the GPUs that tell anything, from either form."""
    values = FORMATS["gpu"].values
    arrays = values(content)
    sent = [array for array in arrays if array is not None]
    if content.gpus is None:
        if len({len(array) for array in sent}) > 1:
            lengths = ", ".join(str(len(array)) for array in sent)
            raise BadPayload("undecodable", f"arrays of different lengths: {lengths}")
        size = len(sent[0]) if sent else 0
        return _told(range(size), [array if array is not None else [None] * size for array in arrays])
    if sent:
        raise BadPayload("undecodable", "both gpus and arrays: send one form")
    return _told([gpu.i for gpu in content.gpus], list(zip(*map(values, content.gpus), strict=True)))


def _told(numbers: Sequence[int], columns: Sequence[Sequence[float | None]]) -> Rows:
    """Without the rows that tell nothing, NaN for single missing values. Raises BadPayload ``not_finite``."""
    if any(None in column for column in columns):
        kept = [k for k, row in enumerate(zip(*columns, strict=True)) if any(v is not None for v in row)]
        numbers = [numbers[k] for k in kept]
        columns = [[column[k] for k in kept] for column in columns]
    filled = [_finite(column) for column in columns]
    return numbers, filled


def _finite(column: Sequence[float | None]) -> list[float]:
    # JSON cannot say NaN or infinity, MessagePack can: it is no way to say "missing".
    told = [value for value in column if value is not None]
    if not all(map(isfinite, told)):
        raise BadPayload("not_finite", "NaN or infinite is no measurement; leave the field out")
    return told if len(told) == len(column) else [NAN if value is None else value for value in column]


def _unknown(route: Route, payload: bytes) -> int:
    """How many names in ``payload``, which was decoded before, the contract does not know."""
    try:
        content = decode_any_json(payload) if payload[:1] == b"{" else decode_any_msgpack(payload)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return 0
    names = FORMATS[route.measurement.name].names
    count = len(content.keys() - names)
    for gpu in content.get("gpus") or () if route.measurement is GPU else ():
        count += len(gpu.keys() - GPU_NAMES)
    return count
