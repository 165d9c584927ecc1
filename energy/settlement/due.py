"""What there is to settle: intervals that have ended, and earlier ones that late readings opened again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from energy.configuration.device import Device
from energy.settlement.readings import Span
from energy.tables import DIRTY, SETTLEMENT, insert_into

_DAY = 96
_MOST_DAYS = 8
_AT_ONCE = 500_000
"""Readings of all devices, as often as they report, that one job may hold beyond a day's: about 50 MB."""

_SAME = ("site", "measurement", "meter", "first", "touched")
"""What a mark must still be to be forgotten."""

_MARKED = ("site", "measurement", "meter", "first", "until", "readings")
"""What is told of a mark when it is written."""

_Name = tuple[str, str]
"""Measurement and id of a device."""


@dataclass(frozen=True)
class Mark:
    """One row of the marker: quarters that so many ``readings`` touched.

    ``touched`` counts how often the row was written: whoever settled it by what he read of it forgets it only
    if it is still that. No place in a journal could tell, as several may mark one site.
    """

    site: str
    device: _Name
    span: Span
    touched: int
    readings: int = 0


@dataclass(frozen=True)
class Job:
    """Devices of one site and measurement that share a span, some days at most, to be settled together."""

    devices: tuple[Device, ...]
    span: Span


async def load_marks(connection: AsyncConnection) -> list[Mark]:
    """Everything marked and not yet settled."""
    rows = await connection.execute(select(DIRTY))
    return [
        Mark(r.site, (r.measurement, r.meter), Span(r.first, r.until), r.touched, r.readings) for r in rows
    ]


def by_site(marks: Iterable[Mark]) -> Mapping[str, list[Mark]]:
    """``marks`` sorted by the site that they belong to."""
    sorted_marks: dict[str, list[Mark]] = defaultdict(list)
    for mark in marks:
        sorted_marks[mark.site].append(mark)
    return sorted_marks


def late(marks: Iterable[Mark], watermark: int | None) -> Mapping[_Name, int]:
    """How many readings touched quarters before the ``watermark``, by device; none at first."""
    found: dict[_Name, int] = defaultdict(int)
    for mark in marks:
        if watermark is not None and mark.span.first < watermark:
            found[mark.device] += mark.readings
    return found


def jobs(
    devices: Sequence[Device],
    marks: Iterable[Mark],
    watermark: int | None,
    due: int,
    ends: Mapping[_Name, int],
) -> list[Job]:
    """The work for one site up to quarter ``due``, earliest first; nothing before its first reading.

    ``ends`` are the quarters up to which removed devices were configured.
    """
    until = {(d.measurement.name, d.id): min(due, ends.get((d.measurement.name, d.id), due)) for d in devices}
    known = {(d.measurement.name, d.id): d for d in devices}
    spans = _marked([mark for mark in marks if mark.device in known], watermark, until)
    begin = watermark
    if begin is None:
        begin = min((s.first for found in spans.values() for s in found), default=due)
    if begin < due:
        for name in known:
            if begin < until[name]:
                spans[name].append(Span(begin, until[name]))
    shared: dict[tuple[int, int, str], list[Device]] = defaultdict(list)
    long = _stretches(devices)
    for name, found in spans.items():
        for span in _cut(_merged(found), begin, long[name[0]]):
            shared[span.first, span.until, name[0]].append(known[name])
    return [Job(tuple(group), Span(key[0], key[1])) for key, group in sorted(shared.items(), key=_order)]


def _marked(
    marks: Iterable[Mark], watermark: int | None, until: Mapping[_Name, int]
) -> dict[_Name, list[Span]]:
    spans: dict[_Name, list[Span]] = defaultdict(list)
    for mark in marks:
        due = until[mark.device]
        if mark.span.first < due:
            spans[mark.device].append(Span(mark.span.first, min(mark.span.until, due)))
        elif watermark is not None:
            # Not due itself, but it may be the later reading for which ended intervals were waiting.
            spans[mark.device].append(Span(due - 1, due))
    return spans


async def clear(connection: AsyncConnection, marks: Iterable[Mark], due: int) -> None:
    """Forget marks that were settled up to ``due``, unless another reading has touched them since.

    What of a mark lies beyond ``due`` stays marked.
    """
    settled = [mark for mark in marks if mark.span.first < due]
    rests = [
        _row(replace(mark, span=Span(due, mark.span.until), readings=0))
        for mark in settled
        if mark.span.until > due
    ]
    if rests:
        await add_marks(connection, rests)
    if settled:
        await connection.execute(
            delete(DIRTY).where(*(DIRTY.c[name] == bindparam(f"old_{name}") for name in _SAME)),
            [{f"old_{name}": _row(mark)[name] for name in _SAME} for mark in sorted(settled, key=_place)],
        )


async def add_marks(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of the marks' table (:data:`_MARKED`); of two with one beginning the wider counts.

    They are written in one order by all: two writers at once would otherwise wait for one another.
    """
    statement = insert_into(connection, DIRTY)
    new = statement.excluded
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["site", "measurement", "meter", "first"],
            set_={
                "until": case((new.until > DIRTY.c.until, new.until), else_=DIRTY.c.until),
                "touched": DIRTY.c.touched + 1,
                "readings": DIRTY.c.readings + new.readings,
            },
        ),
        [
            {name: row[name] for name in _MARKED} | {"touched": 1}
            for row in sorted(rows, key=lambda r: (r["site"], r["measurement"], r["meter"], r["first"]))
        ],
    )


async def advance(connection: AsyncConnection, site: str, due: int, at: datetime) -> None:
    """Everything of ``site`` before ``due`` is settled."""
    row = insert_into(connection, SETTLEMENT).values(site=site, until=due, settled_at=at)
    await connection.execute(row.on_conflict_do_nothing())


def _place(mark: Mark) -> tuple[str, str, str, int]:
    return mark.site, *mark.device, mark.span.first


def _row(mark: Mark) -> dict[str, Any]:
    return {
        "site": mark.site,
        "measurement": mark.device[0],
        "meter": mark.device[1],
        "first": mark.span.first,
        "until": mark.span.until,
        "touched": mark.touched,
        "readings": mark.readings,
    }


def _order(item: tuple[tuple[int, int, str], list[Device]]) -> tuple[int, int, str]:
    return item[0]


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda s: s.first):
        if merged and span.first <= merged[-1].until:
            merged[-1] = Span(merged[-1].first, max(merged[-1].until, span.until))
        else:
            merged.append(span)
    return merged


def _stretches(devices: Iterable[Device]) -> dict[str, int]:
    """How many quarters of each measurement are settled together where nothing was settled before."""
    daily: dict[str, float] = defaultdict(float)
    for device in devices:
        daily[device.measurement.name] += timedelta(days=1) / device.period
    return {name: _DAY * max(1, min(_MOST_DAYS, int(_AT_ONCE / rows))) for name, rows in daily.items()}


def _cut(spans: Iterable[Span], new: int, stretch: int) -> Iterable[Span]:
    """Cut at midnight UTC, so that the same days of different devices are read together.

    Corrections are cut into days, and what is ``new`` into stretches.
    """
    for span in spans:
        first = span.first
        while first < span.until:
            size = _DAY if first < new else stretch
            until = min(span.until, (first // size + 1) * size)
            yield Span(first, until)
            first = until
