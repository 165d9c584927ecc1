"""Events change the spans that they touch and no others, in whatever order and batches they come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text
from sqlalchemy.event import listen

from energy.workloads import rework
from energy.workloads.book import keep
from energy.workloads.kept import load_spans
from energy.workloads.opened import FOREVER, quarters
from energy.workloads.spans import LONGEST_SILENCE, Owner, Span, history
from energy.workloads.tables import JOB, WORK
from runtime.clock import MILLISECOND, to_ms
from runtime.database import Database
from telemetry.job import JobEvent, Seat

AT = datetime(2026, 10, 1, tzinfo=UTC)
START = to_ms(AT)
MINUTE_MS = 60_000
NODES = ("a/r1/n01", "a/r1/n02")
_JOBS = count()

moments = st.integers(0, 9).map(lambda n: n * MINUTE_MS) | st.integers(1, 2).map(
    lambda n: n * (LONGEST_SILENCE // MILLISECOND + n)
)
events = st.builds(
    JobEvent,
    st.just("gdansk"),
    st.just(""),
    st.sampled_from(("start", "update", "update", "stop")),
    moments,
    st.sampled_from((None, None, "acme", "be\x00ta")),
    st.none(),
    st.sampled_from((None, "Run 7")),
    st.sampled_from((None, None, NODES[:1], NODES, ())),
    st.sampled_from((None, None, 0.5)),
)


async def tell(database: Database, told: Sequence[JobEvent]) -> None:
    """One batch of events."""
    async with database.begin() as connection:
        await keep(connection, told, AT)


def named(name: str, told: Sequence[JobEvent]) -> list[JobEvent]:
    """The same events, of this job."""
    return [JobEvent(one.site, name, *(getattr(one, f) for f in one.__struct_fields__[2:])) for one in told]


async def assert_spans_are_of_history(database: Database, name: str, told: Sequence[JobEvent]) -> None:
    """The database has of the job what all of its events come to when they are heard at once."""
    wanted = history(told)
    async with database.read() as connection:
        job = (await connection.execute(select(JOB).where(JOB.c.job == name))).one()
        spans = (await load_spans(connection, {job.id: (0, None)})).get(job.id, [])
    assert tuple(spans) == wanted.spans
    assert (job.tenant, job.project, job.name) == (*wanted.now.owner, wanted.now.name)
    assert (job.flags, to_ms(job.heard)) == (int(wanted.now.flags), wanted.now.heard_ms)
    began = None if job.since is None else to_ms(job.since)
    ended = None if job.until is None else to_ms(job.until)
    ends = (wanted.spans[0].since_ms, wanted.spans[-1].until_ms) if wanted.spans else (None, None)
    assert (began, ended) == ends


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few events are read at once, so that a few make several rounds."""
    monkeypatch.setattr(rework, "PAGE", 3)


@pytest.mark.usefixtures("small_pages")
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(events, min_size=1, max_size=14), sizes=st.lists(st.integers(1, 5), min_size=14))
async def test_any_order_and_batching_of_arrival_leads_to_the_same_spans(
    database: Database, told: list[JobEvent], sizes: list[int]
) -> None:
    name = f"j{next(_JOBS)}"
    mine, done = named(name, told), 0
    for size in sizes:
        if done < len(mine):
            await tell(database, mine[done : done + size])
            done += size
            await assert_spans_are_of_history(database, name, _alive(mine[:done]))


def _alive(told: Sequence[JobEvent]) -> list[JobEvent]:
    """What is kept of the events: mere signs of life stand at the beginning of their hour."""
    hour = 60 * MINUTE_MS
    bare = [JobEvent(one.site, one.job, "update", one.at_ms) == one for one in told]
    return [
        JobEvent(one.site, one.job, "update", one.at_ms // hour * hour) if only else one
        for one, only in zip(told, bare, strict=True)
    ]


def changes(first: int, until: int, name: str = "elastic") -> list[JobEvent]:
    """A job that changes what it runs on every minute."""
    return [
        JobEvent("gdansk", name, "update" if n else "start", START + n * MINUTE_MS, members=(NODES[n % 2],))
        for n in range(first, until)
    ]


async def _rows_written(database: Database) -> int:
    async with database.begin() as connection:
        return int(await connection.scalar(text("SELECT total_changes()")) or 0)


async def test_an_event_costs_what_it_changes_however_long_the_job_has_run(tmp_path: object) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/state.sqlite")
    await database.create_all()
    costs: list[tuple[int, int]] = []
    said: list[object] = []
    listen(database.engine.sync_engine, "before_cursor_execute", lambda *what: said.append(what[2]))
    for first in (0, 300, 600):
        told = changes(first, first + 300)
        for batch in range(0, 200, 100):
            await tell(database, told[batch : batch + 100])
        said.clear()
        before = await _rows_written(database)
        await tell(database, told[200:])
        late = JobEvent("gdansk", "elastic", "update", START + 150 * MINUTE_MS + 1 + first, members=NODES)
        await tell(database, [late])
        costs.append((await _rows_written(database) - before, len(said)))
    await database.close()
    assert costs[2] == costs[1] <= costs[0]
    assert costs[0][0] < 100 * 5


async def test_what_is_opened_again_is_what_changed(database: Database) -> None:
    quarter = START // (15 * MINUTE_MS)
    await tell(database, changes(0, 60))
    await _forget_work(database)
    await tell(database, [JobEvent("gdansk", "elastic", "update", START + 16 * MINUTE_MS + 1, members=NODES)])
    assert await _forget_work(database) == [(quarter + 1, quarter + 2)]
    await tell(database, changes(60, 61))
    assert await _forget_work(database) == [(quarter + 4, FOREVER)]


async def test_a_gpu_that_is_where_it_was_and_a_count_open_no_more_than_they_change(
    database: Database,
) -> None:
    quarter = START // (15 * MINUTE_MS)

    def seated(minute: int, node: str, count: int) -> JobEvent:
        seats, counters = (Seat("GPU-7", node, 0),), {"GPU-7": count}
        at_ms = START + minute * MINUTE_MS
        return JobEvent("gdansk", "t", "update", at_ms, members=("GPU-7",), seats=seats, counters=counters)

    await tell(database, [seated(0, NODES[0], 5), seated(70, NODES[0], 9)])
    await _forget_work(database)
    await tell(database, [seated(110, NODES[0], 11)])
    assert await _forget_work(database) == [(quarter + 4, quarter + 8)]
    await tell(database, [seated(20, NODES[1], 6)])
    assert await _forget_work(database) == [(quarter, quarter + 5)]


async def _forget_work(database: Database) -> list[tuple[int, int]]:
    async with database.begin() as connection:
        rows = (await connection.execute(select(WORK))).all()
        await connection.execute(delete(WORK))
    width = 15 * MINUTE_MS
    return quarters((row.first * width, row.until * width) for row in rows)


def test_only_the_times_that_differ_are_told() -> None:
    def span(since: int, until: int | None, member: str = "a") -> Span:
        return Span(since, until, Owner("", ""), (member,), None)

    old = [span(0, 10), span(10, None, "b")]
    assert list(rework.differences(old, old)) == []
    assert list(rework.differences(old, [span(0, 12), span(12, None, "b")])) == [(10, 12)]
    assert list(rework.differences([span(5, 9)], [span(4, 9)])) == [(4, 5)]
    assert list(rework.differences([], [span(4, 9)])) == [(4, 9)]
