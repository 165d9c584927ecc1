"""Payloads on the topics of jobs: who computes on what, from when to when."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from collectors.source import Message
from runtime.clock import to_ms
from runtime.errors import BadPayload
from telemetry.job import JobEvent, Told, by_uuid, is_gpu, is_node, members_of, seats_of

_JSON = msgspec.json.Decoder(Told)
_PACKED = msgspec.msgpack.Decoder(Told)
_LATEST_MS = 253_402_300_799_999


def job_event(topic: tuple[str, ...], message: Message, arrived_ms: int) -> JobEvent:
    """The event that ``message`` tells of the (site, job) ``topic``. Raises BadPayload that names the fault.

    Without a time of its own it happened on arrival; then a retained one is refused.
    """
    payload = message.payload
    try:
        told = (_JSON if payload[:1] == b"{" else _PACKED).decode(payload)
    except (ValueError, RecursionError) as error:
        raise BadPayload("undecodable", f"no event of a job: {error}") from None
    if told.at is None and message.retain:
        raise BadPayload("too_old", "retained without at: its age is unknown")
    members = members_of(told)
    _refuse(told, members)
    return JobEvent(
        site=topic[0],
        job=topic[1],
        kind=told.event,
        at_ms=arrived_ms if told.at is None else _at_ms(told.at),
        tenant=told.tenant,
        project=told.project,
        name=told.name,
        members=members,
        share=told.share,
        seats=seats_of(told),
        counters=by_uuid(told.counters),
    )


def _refuse(told: Told, members: tuple[str, ...] | None) -> None:
    if told.event == "start" and not members:
        raise BadPayload("no_known_field", "a start names at least one of nodes and gpus")
    for node in (*(told.nodes or ()), *(seat.node for seat in seats_of(told))):
        if not is_node(node):
            raise BadPayload("undecodable", f"{node[:80]!r} is no node; write hall/rack/node")
    for gpu in told.gpus or ():
        if isinstance(gpu, str) and "/" in gpu and not is_gpu(gpu):
            raise BadPayload(
                "undecodable", f"{gpu[:80]!r} is no GPU; write hall/rack/node/number or its UUID"
            )


def _at_ms(at: int | str) -> int:
    if isinstance(at, str):
        try:
            moment = datetime.fromisoformat(at)
        except ValueError:
            raise BadPayload("undecodable", f"at: {at[:40]!r} is no ISO 8601 time") from None
        if moment.tzinfo is None:
            raise BadPayload("undecodable", f"at: {at[:40]!r} has no offset; end it with Z or +01:00")
        try:
            return to_ms(moment.astimezone(UTC))
        except OverflowError:
            raise BadPayload("undecodable", f"at: {at[:40]!r} is out of range") from None
    if not 0 <= at <= _LATEST_MS:
        raise BadPayload("undecodable", f"at: {at} is no Unix time in milliseconds")
    return at
