"""Telemetry over time, raw or in steps, as JSON or CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, get_args

import pyarrow as pa
from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, create_model
from starlette.responses import StreamingResponse

from dashboards.api import asked
from dashboards.api.asked import Asked
from dashboards.here import HouseHere
from dashboards.house import House
from dashboards.problem import RESPONSES, Problem
from dashboards.rows import SeriesRows, csv_rows
from dashboards.times import iso_duration, parse_step
from telemetry.catalogue import MEASUREMENTS, Kind, Measurement
from telemetry.store import Aggregate, SeriesQuery, WindowQuery

router = APIRouter(prefix="/api/v1", tags=["series"], responses=RESPONSES)

MOST_ROWS = 1_000_000
LONGEST = timedelta(days=3_660)
LABELS = tuple(dict.fromkeys(label for measurement in MEASUREMENTS.values() for label in measurement.labels))
"""What a series can be asked for by: each is a parameter."""
EACH, ONE = "none", "all"
Names = list[str]


class SeriesOptions(Asked):
    """Names may be repeated or separated by commas.

    Without ``step``: the rows as they came. ``group`` names labels: series that agree in them become one,
    watts by sum, degrees by mean; ``all`` makes one of all, ``none`` (the default) keeps each apart. ``agg``
    is over time within each series: ``last`` by default for registers, ``mean`` for the others.
    """

    measurement: str = Field(description=", ".join(MEASUREMENTS))
    field: Names = Field([], description="all of the measurement's fields if none is named")
    from_: str = Field("now-1h", alias="from", description="ISO 8601, epoch ms, now-6h; inclusive")
    to: str = Field("now", description="exclusive")
    step: str | None = Field(None, description="PT15M, 15m or 900 (seconds)")
    agg: str | None = Field(None, description=", ".join(get_args(Aggregate)))
    group: Names = Field([])


if TYPE_CHECKING:
    SeriesAsked = SeriesOptions
else:  # a measurement is one entry of the catalogue: its labels are listed nowhere else
    SeriesAsked = create_model(
        "SeriesAsked",
        __base__=SeriesOptions,
        __doc__=SeriesOptions.__doc__,
        **{label: (Names, Field([])) for label in LABELS},
    )


class SeriesShown(BaseModel):
    """One field of one series (or group): pairs of time (ms) and value; null is missing."""

    labels: dict[str, str]
    field: str
    unit: str
    points: list[tuple[int, float | None]]


class SeriesAnswer(BaseModel):
    """``step`` as an ISO 8601 duration, null for raw rows; steps are named by their start."""

    step: str | None
    series: list[SeriesShown]


@dataclass(frozen=True)
class _Question:
    """What was asked, understood."""

    select: SeriesQuery
    fields: tuple[str, ...]
    window: WindowQuery | None

    @property
    def labels(self) -> tuple[str, ...]:
        """The label columns of the answer."""
        group = None if self.window is None else self.window.group_by
        return self.select.measurement.labels if group is None else group


@router.get("/series", response_model=SeriesAnswer)
async def series(house: HouseHere, query: Annotated[SeriesAsked, Query()]) -> StreamingResponse:
    """Series that match the labels, over [from, to)."""
    question = await _bounded(house, _question(house, query))
    rows = SeriesRows(question.select.measurement, question.labels, question.fields)
    async for batch in _batches(house, question):
        rows.add(batch)
    step = None if question.window is None else iso_duration(question.window.step)
    return StreamingResponse(rows.encoded(step), media_type="application/json")


@router.get(
    "/series.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def series_csv(house: HouseHere, query: Annotated[SeriesAsked, Query()]) -> StreamingResponse:
    """The same question, one line per series and time."""
    question = await _bounded(house, _question(house, query))
    body = csv_rows(_batches(house, question), question.labels, question.fields)
    name = f"{question.select.measurement.name}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(body, media_type="text/csv; charset=utf-8", headers=headers)


def _question(house: House, query: SeriesAsked) -> _Question:
    measurement = MEASUREMENTS.get(query.measurement)
    if measurement is None:
        known = ", ".join(MEASUREMENTS)
        wrong = f"measurement: there is no {query.measurement[:60]!r}; choose from {known}"
        raise Problem(400, wrong, "measurement")
    fields = _chosen("field", query.field, measurement.field_names) or measurement.field_names
    period = asked.period(house, query.from_, query.to, LONGEST)
    select = SeriesQuery(measurement, period.start, period.end, _where(query, measurement), fields)
    return _Question(select, fields, _window(query, select))


def _window(query: SeriesAsked, select: SeriesQuery) -> WindowQuery | None:
    if query.step is None:
        for name, value in (("agg", query.agg), ("group", query.group)):
            if value:
                raise Problem(400, f"{name}: raw rows have none; name a step too, for example step=15m", name)
        return None
    try:
        step = parse_step(query.step)
    except ValueError as error:
        raise Problem(400, f"step: {error}", "step") from None
    if (select.end - select.start) / step > MOST_ROWS:
        raise Problem(400, f"step: more than {MOST_ROWS} steps; take a longer one", "step")
    return WindowQuery(select, step, _aggregate(query, select), _group(query, select.measurement))


def _aggregate(query: SeriesAsked, select: SeriesQuery) -> Aggregate:
    names: tuple[Aggregate, ...] = get_args(Aggregate)
    if query.agg is None:
        registers = all(select.measurement.field(name).kind is Kind.COUNTER for name in select.fields)
        return "last" if registers else "mean"
    for name in names:
        if query.agg == name:
            return name
    raise Problem(400, f"agg: there is no {query.agg[:60]!r}; choose from {', '.join(names)}", "agg")


def _group(query: SeriesAsked, measurement: Measurement) -> tuple[str, ...] | None:
    wanted = _split(query.group)
    if not wanted or wanted == [EACH]:
        return None
    if wanted == [ONE]:
        return ()
    return _chosen("group", wanted, (*measurement.labels,), f"{ONE}, {EACH}")


def _where(query: SeriesAsked, measurement: Measurement) -> dict[str, list[str]]:
    where = {}
    for label in LABELS:
        wanted = _split(getattr(query, label))
        if wanted and label not in measurement.labels:
            known = ", ".join(measurement.labels)
            raise Problem(400, f"{label}: a {measurement.name} has none; its labels are {known}", label)
        if wanted:
            where[label] = wanted
    return where


def _chosen(name: str, given: list[str], known: tuple[str, ...], others: str = "") -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(_split(given)))
    for value in wanted:
        if value not in known:
            choices = ", ".join([*known, *([others] if others else [])])
            raise Problem(400, f"{name}: there is no {value[:60]!r}; choose from {choices}", name)
    return wanted


def _split(values: list[str]) -> list[str]:
    return [part for value in values for part in value.split(",") if part]


async def _bounded(house: House, question: _Question) -> _Question:
    """``question`` itself. Raises Problem 400, saying how to narrow, when its answer would be too long."""
    select, window = question.select, question.window
    # One count per series or group: cheap beside the answer, and the same for every store.
    counting = WindowQuery(select, LONGEST, "count", None if window is None else window.group_by)
    table = await house.store.window(counting)
    if window is not None:
        if table.num_rows * ((select.end - select.start) / window.step) > MOST_ROWS:
            wrong = f"step: more than {MOST_ROWS} points; take a longer step, a shorter time or a group"
            raise Problem(400, wrong, "step")
        return question
    rows = sum(max((row[name] or 0 for name in select.fields), default=0) for row in table.to_pylist())
    if rows > MOST_ROWS:
        wrong = (
            f"from: {rows:.0f} rows, more than {MOST_ROWS}; ask for a shorter time, fewer labels or a step"
        )
        raise Problem(400, wrong, "from")
    return question


async def _batches(house: House, question: _Question) -> AsyncIterator[pa.RecordBatch | pa.Table]:
    if question.window is not None:
        yield await house.store.window(question.window)
        return
    async for batch in house.store.raw(question.select):
        yield batch
