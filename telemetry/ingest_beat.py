"""What an ingest process tells the others of itself, with each sign of life."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from runtime.clock import to_ms
from telemetry.follower import Follower
from telemetry.journal import Journal
from telemetry.status import IngestStatus


@dataclass(frozen=True)
class IngestBeat:
    """How one ingest process stands.

    Attributes:
        status: as it would answer itself.
        whole: by name of a rollup, from when to when, in ms, the store has all of its rows.
        backlog_over: whether nothing is known to be still on its way from the broker.
        through_ms: a moment of the database's clock: all that was committed before it is in the store that is
            read, and marked for the ledger; None while that is not known.
        newest_ms: time of the newest row that was committed, None before the first.
        problems: why it is not ready, for people.
        topics: the MQTT filters that it takes; none from a version that did not tell them.
    """

    status: IngestStatus
    whole: Mapping[str, tuple[int, int]]
    backlog_over: bool
    through_ms: int | None = None
    newest_ms: int | None = None
    problems: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()

    def encoded(self) -> str:
        """As text, for :meth:`decoded`."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decoded(cls, told: str) -> IngestBeat | None:
        """What was :meth:`encoded`; None for what another version told that is not understood."""
        try:
            return _decoder.decode(told)
        except msgspec.MsgspecError:
            return None


_decoder = msgspec.json.Decoder(IngestBeat)


class Through:
    """Finds until when all that was committed is stored and marked, from sign to sign of life."""

    def __init__(self, journal: Journal, followers: Sequence[Follower]) -> None:
        self._journal, self._followers = journal, tuple(followers)
        self._waiting: deque[tuple[int, int]] = deque()
        self._through_ms: int | None = None

    def after(self, at: datetime | None) -> int | None:
        """The moment reached, when the last sign was given ``at`` a time; called once after each.

        What was committed before that sign lies below the journal's end of now.
        """
        if at is not None and (not self._waiting or self._waiting[-1][0] < to_ms(at)):
            self._waiting.append((to_ms(at), self._journal.head))
        taken = min(follower.position for follower in self._followers)
        while self._waiting and self._waiting[0][1] <= taken:
            self._through_ms = self._waiting.popleft()[0]
        return self._through_ms
