"""The completeness ledger counts what the ingest counts, over kills, and knows what is missing."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ByteSize

from collectors.source import Message
from runtime.clock import ManualClock, from_ms
from telemetry import completeness
from telemetry.catalogue import METER as METER_ROWS
from telemetry.completeness_book import FULL, NOTHING, SPOKE
from telemetry.completeness_lines import SourceHour
from telemetry.intake_sources import SLICE, IntakeSources
from telemetry.journal import JournalOptions
from telemetry.series import SeriesRegistry
from tests.fakes.frames import T0
from tests.fakes.intake import IntakeRig, intake

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
NODE, METER = "gdansk/a/r1/n01/gpu", "gdansk/meter/main-1"


def at(hours: float) -> ManualClock:
    return ManualClock(from_ms(T0) + hours * HOUR)


def node(second: float, seq: int | None = None, source: str = NODE, gpus: int = 2) -> Message:
    """A message of a node, so many seconds after T0."""
    told: dict[str, object] = {"ts": T0 + round(1000 * second)}
    if seq is not None:
        told["seq"] = seq
    told["gpus"] = [{"i": i, "power_w": 700 + second % 60} for i in range(gpus)]
    return Message(f"dc/v1/{source}", json.dumps(told).encode())


def meter(second: float | None, watts: float = 1.0, source: str = METER, dup: bool = False) -> Message:
    told = {"power_w": watts} | ({} if second is None else {"ts": T0 + round(1000 * second)})
    return Message(f"dc/v1/{source}", json.dumps(told).encode(), dup=dup)


def of(lines: Sequence[SourceHour], source: str) -> list[SourceHour]:
    return [line for line in lines if line.source == source]


async def check_sums(rig: IntakeRig) -> None:
    """The sum over all sources and hours is what the ingest counts."""
    await rig.tend()
    lines, status = await rig.lines(), await rig.ingest.status()
    rejected: Counter[str] = Counter()
    for line in lines:
        rejected.update(line.rejected)
    assert dict(rejected) == dict(status.rejected)
    for name in ("received", "rows", "missed", "unstamped", "session_gaps"):
        assert sum(getattr(line, name) for line in lines) == getattr(status, name), name
    assert sum(line.duplicate for line in lines) == status.duplicates
    assert sum(line.late for line in lines) == status.late
    assert status.rows == status.stored_rows + status.duplicates


@dataclass(frozen=True)
class Hear:
    messages: list[Message]
    gaps: int


@dataclass(frozen=True)
class Pass:
    time: timedelta


class Tend: ...


class Kill: ...


_SECONDS = st.sampled_from([0, 1, 2, 3, 1800, 3599, 3600, 7300, -3600, -90_000, 500_000, -90 * 86_400])
_NODES = st.builds(
    node, _SECONDS, st.none() | st.integers(0, 9), st.sampled_from([NODE, "kaunas/a/r1/n02/gpu"])
)
_METERS = st.builds(
    meter,
    st.none() | _SECONDS,
    st.sampled_from([1.0, 2.0, 9e12]),
    st.sampled_from([METER, "berlin/meter/m"]),
    st.booleans(),
)
_BAD = st.sampled_from(
    [
        Message(f"dc/v1/{METER}", b"?"),
        Message(f"dc/v1/{NODE}", b'{"gpus":[{"i":0}]}'),
        Message("elsewhere", b"{}"),
        Message(f"dc/v1/{METER}/status", b"online"),
        Message(f"dc/v1/{METER}/status", b"gone"),
        Message("dc/v1/gdansk/meter/never-good", b"{}"),
    ]
)
_HEAR = st.builds(Hear, st.lists(_NODES | _METERS | _BAD, max_size=8), st.integers(0, 1))
_STEPS = st.lists(
    _HEAR
    | _HEAR
    | st.builds(Pass, st.sampled_from([SECOND, 50 * MINUTE, 3 * HOUR]))
    | st.builds(Tend)
    | st.builds(Kill),
    max_size=12,
)


async def play(folder: Path, steps: list[Hear | Pass | Tend | Kill]) -> None:
    clock = at(0.5)
    lives: list[list[Hear | Pass | Tend]] = [[]]
    for step in steps:
        if isinstance(step, Kill):
            lives.append([])
        else:
            lives[-1].append(step)
    for number, life in enumerate(lives):
        async with intake(folder, clock, {METER: MINUTE}) as rig:
            for step in life:
                if isinstance(step, Hear):
                    await rig.hear(step.messages, step.gaps)
                elif isinstance(step, Pass):
                    clock.advance(step.time)
                else:
                    await rig.ledger.tend()
            if number == len(lives) - 1:
                await check_sums(rig)


@settings(max_examples=40, deadline=None)
@given(_STEPS)
def test_the_sum_over_sources_is_what_the_ingest_counts_whatever_happens(
    steps: list[Hear | Pass | Tend | Kill],
) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), steps))


async def test_an_hour_tells_what_each_source_sent_and_what_became_of_it(tmp_path: Path) -> None:
    async with intake(tmp_path, at(0.9)) as rig:
        await rig.hear([node(1, 1), node(2, 2), node(5, 5), meter(1), meter(2), meter(2)])
        await rig.hear([node(4, 4), Message(f"dc/v1/{METER}", b"?"), meter(3, 9e12), meter(None)], 1)
        await rig.tend()
        lines = await rig.lines()
        (gpu,) = of(lines, NODE)
        assert (gpu.hour, gpu.received, gpu.rows, gpu.late, gpu.duplicate) == (from_ms(T0), 4, 8, 2, 0)
        assert (gpu.missed, gpu.missing, gpu.expected) == (1, 1, None), "what came late is not missing"
        (main,) = of(lines, METER)
        assert (main.received, main.rows, main.duplicate, main.late, main.unstamped) == (6, 4, 1, 0, 1)
        assert main.rejected == {"undecodable": 1, "out_of_range": 1}
        assert [line.session_gaps for line in of(lines, "")] == [1]
        await check_sums(rig)


async def every_second(rig: IntakeRig, start: int, stop: int, source: str = NODE) -> None:
    for first in range(start, stop, 600):
        await rig.hear([node(s, source=source, gpus=1) for s in range(first, min(stop, first + 600))])


async def test_a_cadence_is_learned_and_a_new_source_is_expected_from_its_first_message(
    tmp_path: Path,
) -> None:
    clock = at(1.5)
    async with intake(tmp_path, clock) as rig:
        await every_second(rig, 1200, 3600)
        await rig.hear([node(s) for s in range(3600, 5400) if not 4000 <= s < 4100])
        await rig.tend()
        first, now = of(await rig.lines(), NODE)
        assert (first.expected, first.received, first.missing) == (2400, 2400, 0)
        assert (now.expected, now.received, now.missing) == (1799, 1700, 99), "the newest may be on its way"


async def test_who_is_silent_is_expected_for_whole_hours_and_after_a_week_no_more(tmp_path: Path) -> None:
    clock = at(1)
    async with intake(tmp_path, clock, {METER: MINUTE}) as rig:
        await every_second(rig, 0, 3600)
        await rig.tend()
    async with intake(tmp_path, clock, {METER: MINUTE}) as rig:
        clock.advance(2.5 * HOUR)
        lines = await rig.lines()
        assert of(lines, NODE)[-1].hour == from_ms(T0) + 3 * HOUR, "also of this hour, before it has ended"
        await rig.tend()
        told = [(line.expected, line.received, line.missing) for line in of(await rig.lines(), NODE)]
        assert told == [(3600, 3600, 0), (3600, 0, 3600), (3600, 0, 3600), (1799, 0, 1799)]
        silent = [(line.expected, line.missing) for line in of(await rig.lines(), METER)]
        assert silent == [(60, 60), (60, 60), (29, 29)], "from the start of the service on, not before"
        clock.advance(timedelta(days=9))
        await rig.tend()
        lines = await rig.lines()
        assert of(lines, NODE)[-1].hour == from_ms(T0) + timedelta(days=7)
        assert of(lines, METER)[-1].hour == from_ms(T0) + timedelta(days=9, hours=3)
    async with intake(tmp_path, clock, {METER: MINUTE}) as rig:
        lines = await rig.lines()
        assert of(lines, NODE)[-1].hour == from_ms(T0) + timedelta(days=7), "forgotten over a restart too"


async def test_what_comes_for_an_ended_hour_is_added_to_it(tmp_path: Path) -> None:
    clock = at(1)
    async with intake(tmp_path, clock) as rig:
        await every_second(rig, 0, 3000)
        clock.advance(6 * HOUR)
        await rig.tend()
    async with intake(tmp_path, clock) as rig:
        await rig.hear([node(s, gpus=1) for s in range(3000, 3600)])
        await rig.hear([node(s, gpus=1) for s in range(3600, 3700)])
        await rig.tend()
        first, second, *_ = of(await rig.lines(), NODE)
        assert (first.expected, first.received, first.missing) == (3600, 3600, 0)
        assert (second.expected, second.received, second.missing) == (3600, 100, 3500)
        await check_sums(rig)


async def test_hours_of_a_history_are_held_to_the_rhythm_at_which_it_was_told(tmp_path: Path) -> None:
    clock = at(8.2)
    async with intake(tmp_path, clock) as rig:
        for hour in range(0, 8, 2):
            quiet = range(4, 6) if hour == 4 else ()
            times = [300 * n for n in range(12 * hour, 12 * hour + 24) if 300 * n // 3600 not in quiet]
            await rig.hear([node(s, gpus=1) for s in times])
        for first in range(8 * 3600, 8 * 3600 + 700, 5):
            await rig.hear([node(s, gpus=1) for s in range(first, first + 5)])
        await rig.tend()
        told = [(line.expected, line.received, line.missing) for line in of(await rig.lines(), NODE)]
        assert told[:8] == [(12, 12, 0)] * 4 + [(12, 0, 12)] * 2 + [(12, 12, 0)] * 2
        expected, received, missing = told[8]
        assert expected is not None
        assert (received, missing) == (700, max(0, expected - 700))
        # The first live message comes five minutes after the last of the history, and stands for them.
        assert 719 - 300 <= expected <= 719
        assert rig.view.shares(clock.now())[NODE][-9:-1] == [FULL] * 4 + [0, 0] + [FULL] * 2
    async with intake(tmp_path, clock) as rig:
        again = [(line.expected, line.received, line.missing) for line in of(await rig.lines(), NODE)]
        assert again[:8] == told[:8], "and over a restart"


async def test_a_buffer_that_is_emptied_at_a_slower_rhythm_fills_the_gap_that_it_is_about(
    tmp_path: Path,
) -> None:
    clock = at(1)
    async with intake(tmp_path, clock) as rig:
        await every_second(rig, 0, 3600)
        clock.advance(5 * HOUR)
        await every_second(rig, 5 * 3600, 6 * 3600)
        await rig.tend()
        gap = [(line.expected, line.received, line.missing) for line in of(await rig.lines(), NODE)][1:5]
        assert gap == [(3600, 0, 3600)] * 4
        told = [s for s in range(3600, 5 * 3600, 60) if not 7200 <= s < 9000]
        for first in range(0, len(told), 40):
            await rig.hear([node(s, gpus=1) for s in told[first : first + 40]])
        await rig.tend()
        lines = of(await rig.lines(), NODE)
        filled = [(line.expected, line.received, line.missing) for line in lines]
        assert filled[1:5] == [(60, 60, 0), (60, 30, 30), (60, 60, 0), (60, 60, 0)]
        assert filled[0] == filled[5] == (3600, 3600, 0)
        await check_sums(rig)


async def test_a_message_that_came_twice_stands_for_no_other(tmp_path: Path) -> None:
    async with intake(tmp_path, at(1.1), {NODE: 10 * SECOND}) as rig:
        await rig.hear([node(s, seq=s // 10) for s in range(0, 1800, 10)] * 2)
        await rig.tend()
        line, _ = of(await rig.lines(), NODE)
        assert (line.expected, line.received, line.duplicate, line.missing) == (360, 360, 360, 180)


async def test_what_the_store_finds_to_have_come_twice_empties_the_hour_again(tmp_path: Path) -> None:
    clock = at(1.1)
    async with intake(tmp_path, clock, {METER: 10 * SECOND}) as rig:
        half = [meter(s) for s in range(0, 1800, 10)]
        await rig.hear(half)
        await rig.hear([meter(s) for s in range(3600, 3900, 10)])
        await rig.hear(half)
        await rig.tend()
        first, _ = of(await rig.lines(), METER)
        assert (first.received, first.duplicate, first.kept, first.missing) == (360, 180, 180, 180)
        await rig.tend()
        assert rig.view.shares(clock.now())[METER][-2] == FULL // 2
        clock.advance(4 * HOUR)
        await rig.tend()
        await rig.hear(half)
        await rig.tend()
        await rig.tend()
        assert rig.view.shares(clock.now())[METER][-6] == FULL // 2, "also of hours that have left memory"
    async with intake(tmp_path, clock, {METER: 10 * SECOND}) as rig:
        assert rig.view.shares(clock.now())[METER][-6] == FULL // 2
        await check_sums(rig)


@pytest.mark.parametrize("bad", ["?", '{"ts":%d,"power_w":1e12}'])
async def test_what_is_refused_fills_no_hour(tmp_path: Path, bad: str) -> None:
    clock = at(1)
    async with intake(tmp_path, clock) as rig:
        for first in range(0, 3600, 60):
            clock.set(from_ms(T0) + first * SECOND)
            await rig.hear([meter(s) for s in range(first, first + 60)])
        for first in range(3600, 7200, 60):
            clock.set(from_ms(T0) + first * SECOND)
            told = [f"{bad}" % (T0 + 1000 * s) if "%" in bad else bad for s in range(first, first + 60)]
            refused = [Message(f"dc/v1/{METER}", one.encode()) for one in told]
            await rig.hear([meter(s) for s in range(first, first + 60, 6)] + refused[1::6] + refused[2::6])
        clock.advance(5 * MINUTE)
        await rig.tend()
        whole, hour, *_ = of(await rig.lines(), METER)
        assert (whole.expected, whole.kept, whole.missing) == (3600, 3600, 0)
        assert (hour.expected, hour.received, hour.kept, hour.missing) == (3600, 1800, 600, 3000)
        assert sum(hour.rejected.values()) == 1200
        assert rig.view.shares(clock.now())[METER][-3:-1] == [FULL, FULL // 6]
        await check_sums(rig)


async def test_of_a_message_with_some_refused_rows_the_others_count(tmp_path: Path) -> None:
    async with intake(tmp_path, at(1), {NODE: 10 * SECOND}) as rig:
        told = '{"ts":%d,"gpus":[{"i":0,"power_w":%s},{"i":1,"power_w":9e9}]}'
        watts = ["700"] * 90 + ["9e9"] * 90
        messages = [told % (T0 + 10_000 * k, power) for k, power in enumerate(watts)]
        await rig.hear([Message(f"dc/v1/{NODE}", one.encode()) for one in messages])
        await rig.tend()
        line, *_ = of(await rig.lines(), NODE)
        assert (line.received, line.rows, line.kept) == (180, 90, 90)
        assert sum(one.rejected.get("out_of_range", 0) for one in await rig.lines()) == 270


_OUTAGES: dict[str, Callable[[int], bool]] = {
    "half the hour lost, then 1 in 10 while it mends": lambda s: s < 1700 or (s >= 3500 and s % 10 == 0),
    "20 min lost, irregular when it comes back": lambda s: s < 2400 or s in {3601, 3603, 3610, 3633, 3660},
    "every 2nd message": lambda s: s % 2 == 0,
    "1 in 5, at random": lambda s: s * 7919 % 1009 < 200,
    "1 in 60": lambda s: s % 60 == 0,
    "all": lambda _: False,
}


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("what", _OUTAGES)
async def test_an_outage_never_lowers_what_is_expected(tmp_path: Path, what: str, declared: bool) -> None:
    clock = at(0)
    came, hour = _OUTAGES[what], range(3600, 7200)
    left = [s for s in range(7400) if s < 3600 or came(s - 3600)]
    async with intake(tmp_path, clock, {METER: SECOND} if declared else {}) as rig:
        for first in range(0, 7400, 100):
            clock.set(from_ms(T0) + (first + 100) * SECOND)
            await rig.hear([meter(s) for s in left if first <= s < first + 100])
            if first % 600 == 0:
                await rig.tend()
        clock.set(from_ms(T0) + 2 * HOUR + 5 * MINUTE)
        await rig.tend()
        line = of(await rig.lines(), METER)[1]
        lost = len(hour) - len(set(left) & set(hour))
        assert (line.expected, line.received, line.missing) == (3600, 3600 - lost, lost)
        assert rig.view.shares(clock.now())[METER][-2] == FULL * (3600 - lost) // 3600


async def test_what_the_counter_shows_to_be_lost_is_missing_in_the_hours_in_which_it_was_sent(
    tmp_path: Path,
) -> None:
    async with intake(tmp_path, at(3)) as rig:
        await rig.hear([node(60 * m, seq=m, gpus=1) for m in (*range(50), *range(130, 180))])
        await rig.hear([node(60 * 55, seq=55, gpus=1)])
        await rig.tend()
        told = [(line.received, line.missed, line.missing) for line in of(await rig.lines(), NODE)]
        assert told[:3] == [(51, 9, 9), (0, 60, 60), (50, 10, 10)]
        await check_sums(rig)


async def test_a_count_that_goes_on_far_ahead_lost_what_its_rhythm_had_room_for(tmp_path: Path) -> None:
    clock = at(1)
    async with intake(tmp_path, clock) as rig:
        await rig.hear([node(s, seq=s, gpus=1) for s in range(600)])
        clock.advance(40 * HOUR)
        await rig.hear([node(40 * 3600 + s, seq=40 * 3600 + s, gpus=1) for s in range(60)])
        await rig.hear([node(s, seq=s * 10**6, source="g/a/r1/n3/gpu") for s in (1, 2)])
        await check_sums(rig)
        lines = await rig.lines()
        told = [(line.received, line.missed) for line in of(lines, NODE)]
        assert told[:41] == [(600, 3000), *[(0, 3600)] * 39, (60, 0)]
        assert of(lines, "g/a/r1/n3/gpu")[0].missed == 1, "at least that"


async def test_a_source_that_speaks_when_it_likes_is_not_missed(tmp_path: Path) -> None:
    async with intake(tmp_path, at(1)) as rig:
        times = accumulate([1, 100, 7, 900, 30] * 3)
        await rig.hear([meter(second, source="g/meter/m") for second in times])
        await rig.tend()
        (line,) = of(await rig.lines(), "g/meter/m")
        assert (line.received, line.expected, line.missing) == (15, None, None)


async def test_days_are_shown_hour_by_hour_and_known_again_after_a_restart(tmp_path: Path) -> None:
    clock = at(3)
    async with intake(tmp_path, clock, {NODE: MINUTE}) as rig:
        await rig.hear([node(60 * s) for s in range(60)] + [node(60 * s) for s in range(120, 150)])
        await rig.hear([meter(7200, source="g/meter/m")])
        await rig.tend()
        clock.advance(30 * MINUTE)
        await rig.tend()
        shown = rig.view.shares(clock.now())
    assert list(shown[NODE][-4:]) == [FULL, 0, FULL // 2, 0]
    assert set(shown[NODE][:-4]) == {NOTHING}
    assert list(shown["g/meter/m"][-2:]) == [SPOKE, NOTHING]
    async with intake(tmp_path, clock, {NODE: MINUTE}) as rig:
        assert rig.view.shares(clock.now()) == shown


async def test_at_the_limit_of_names_nobody_is_counted_but_nothing_is_lost(tmp_path: Path) -> None:
    async with intake(tmp_path, at(1)) as rig:
        rig.registry.limit = len(rig.registry) + 2  # two meters, and no name of a source
        await rig.hear([meter(1, source=f"g/meter/m{n}") for n in range(5)])
        await check_sums(rig)
        lines = await rig.lines()
        assert [(line.source, line.received) for line in lines] == [("", 2), ("", 3)]
        assert [line.rejected for line in lines] == [{}, {"cardinality": 3}]


async def test_open_hours_beyond_the_bound_are_stored_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completeness, "MOST_CELLS", 500)
    async with intake(tmp_path, at(30)) as rig:
        for hour in range(30):
            await rig.hear([node(3600 * hour + s) for s in range(3)])
            await rig.reach()
            assert len(rig.ledger.hours) <= 3
        await check_sums(rig)
        assert [line.received for line in of(await rig.lines(), NODE)][:30] == [3] * 30


async def test_a_journal_smaller_than_a_minute_of_traffic_is_not_held_by_what_was_counted(
    tmp_path: Path,
) -> None:
    """Changes are stored each minute; before that, when they hold back much of the journal."""
    options = JournalOptions(limit=ByteSize(1 << 20))
    async with intake(tmp_path, at(0.5), options=options) as rig:
        committed, random = 0, Random(1)
        for batch in range(30):
            await rig.hear([meter(60 * batch + n / 70, 1e6 * random.random()) for n in range(4_000)])
            committed += 4_000
            await rig.reach()
            await rig.followers.trim()
        assert rig.journal.held < rig.journal.limit_bytes // 2
        await rig.tend()
        assert sum(line.received for line in await rig.lines()) == committed


async def test_a_start_with_very_many_series_leaves_others_their_turn(tmp_path: Path) -> None:
    registry = SeriesRegistry()
    size = 3 * SLICE + 1
    for number in range(size):
        registry.id(METER_ROWS, ("gdansk", f"m{number}"))
    sources = IntakeSources(registry, lambda _number, _name: None)
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(take_turns())
    await sources.learn()
    others.cancel()
    assert turns >= 4
    assert sources.name(int(sources.of_series(np.array([size - 1]))[0])) == f"gdansk/meter/m{size - 1}"
