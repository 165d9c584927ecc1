"""How a session paces its connections: soon when nobody answers, ever slower when none lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from collectors.link import Dial, Lost, Refused
from collectors.session import BrokerSession, Pace
from collectors.source import BrokerOptions, Message
from runtime.backoff import Backoff
from runtime.errors import SourceError
from tests.eventually import eventually

NEVER = Backoff(first=3_600.0, ceiling=3_600.0)


class Line:
    """A link that answers ``open`` with ``answer`` and ends as soon as it stands."""

    def __init__(self, answer: SourceError | None) -> None:
        self._answer = answer

    async def open(self) -> bool:
        if self._answer is not None:
            raise self._answer
        return True

    async def subscribe(self, topics: Sequence[str]) -> Sequence[int]:
        return [1] * len(topics)

    async def unsubscribe(self, topics: Sequence[str]) -> None:
        raise AssertionError("nothing was subscribed before")

    async def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        return None

    async def arrived(self) -> list[Message]:
        raise Lost("it has ended")

    async def acknowledge(self, messages: Sequence[Message]) -> int:
        return 0

    async def lost(self) -> SourceError:
        return Lost("it has ended")

    async def close(self) -> None:
        return None


@pytest.mark.parametrize(
    ("answer", "pace"),
    [
        (SourceError("nobody answers"), Pace(away=Backoff(first=0.0), lost=NEVER, refused=NEVER)),
        (None, Pace(away=NEVER, lost=Backoff(first=0.0), refused=NEVER)),
        (Refused("login refused"), Pace(away=NEVER, lost=NEVER, refused=Backoff(first=0.0))),
    ],
    ids=["away", "lost", "refused"],
)
async def test_each_trouble_has_a_pace_of_its_own(answer: SourceError | None, pace: Pace) -> None:
    dialled: list[Dial] = []

    def link(dial: Dial) -> Line:
        dialled.append(dial)
        return Line(answer)

    async def often() -> bool:
        return len(dialled) >= 20

    session = BrokerSession(link, BrokerOptions(protocol="5"), pace=pace)
    running = asyncio.create_task(session.run())
    await eventually(often)
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()


async def test_a_second_connection_that_does_not_last_counts_as_a_gap_until_one_lasts() -> None:
    lasting = asyncio.Event()

    class Changing(Line):
        async def lost(self) -> SourceError:
            if len(dialled) > 3:
                lasting.set()
                await asyncio.Event().wait()
            return Lost("it has ended")

    dialled: list[int] = []

    def link(_: Dial) -> Line:
        dialled.append(session.session_gaps)
        return Changing(None)

    pace = Pace(away=NEVER, lost=Backoff(first=0.0), refused=NEVER, stable=0.01)
    session = BrokerSession(link, BrokerOptions(protocol="5"), pace=pace)
    running = asyncio.create_task(session.run())
    await lasting.wait()
    assert dialled == [0, 0, 1, 2], "one that is lost is no sign of another client, two are"
    assert session.connected
    assert "second process with client id 'amberwatt-1'" in str(session.problem)

    async def calm() -> bool:
        return session.problem is None

    await eventually(calm)
    assert session.session_gaps == 2
    running.cancel()
    await asyncio.wait({running})


async def test_a_cancellation_that_a_failing_connection_swallowed_is_heeded() -> None:
    dialling = asyncio.Event()

    class Swallowing(Line):
        async def open(self) -> bool:
            dialling.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise SourceError("refused in the moment of the cancellation") from None
            return True

    pace = Pace(away=NEVER, lost=NEVER, refused=NEVER)
    session = BrokerSession(lambda _: Swallowing(None), BrokerOptions(protocol="5"), pace=pace)
    running = asyncio.create_task(session.run())
    await dialling.wait()
    running.cancel()
    async with asyncio.timeout(20):
        await asyncio.wait({running})
    assert running.cancelled()


def test_a_broker_that_is_back_is_found_within_ten_seconds() -> None:
    away = Pace().away
    assert max(away.next() for _ in range(2_000)) <= 10.0


def test_on_a_bad_line_nobody_waits_long_and_a_rival_never_makes_it_look_stable() -> None:
    pace = Pace()
    waits = [pace.lost.next() for _ in range(2_000)]
    assert waits[0] <= 0.5
    assert max(waits) <= 15.0 < pace.stable
    assert pace.away.ceiling < pace.lost.ceiling
    assert len({round(wait, 3) for wait in waits[-100:]}) > 50, "two with one name do not return in step"
