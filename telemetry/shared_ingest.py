"""The ingest of several processes as one, from the signs of life that each gives in the database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NoReturn

import structlog

from runtime.beats import SILENT, Beat, Beats, ProcessStatus, Standing
from runtime.clock import from_ms, to_ms
from runtime.database import DATABASE_AWAY
from telemetry.ingest_beat import IngestBeat
from telemetry.sources import SourceBook
from telemetry.status import IngestStatus, JournalStatus, SourceStatus

log = structlog.get_logger(__name__)

ROLE = "ingest"

LOST = timedelta(minutes=5)
"""A process without a sign of life for so long is waited for no more: its readings are missing until it is
back, so what they would tell is unknown, and told anew then."""

_LOOK_S = 2.0
_HURRY_S = 0.5


class SharedIngest:
    """The ingest processes of ``shards`` as pages, rules and the ledger see them.

    ``shards`` are the MQTT filters of each by name. A process that was heard of and is none of them is missed
    too, until it is one of ``retired``: broker and journal may still hold messages for it.

    Counters are sums of all that was ever heard of, so they never fall. The journal is that of the process
    whose journal is fullest, since each fills by itself, but lost are the batches of all; ``limit_bytes`` is
    its limit before any has told. Disks and stores are named after their shard. ``sources`` are known here.
    """

    def __init__(
        self,
        beats: Beats,
        shards: Mapping[str, Collection[str]],
        sources: SourceBook,
        limit_bytes: int,
        retired: Collection[str] = (),
    ) -> None:
        self._beats, self._sources, self._limit = beats, sources, limit_bytes
        self._topics = {f"{ROLE}/{shard}": frozenset(topics) for shard, topics in shards.items()}
        self._names = list(self._topics)
        self._retired = {f"{ROLE}/{shard}" for shard in retired}
        self._heard: dict[str, Beat] = {}
        self._told: dict[str, IngestBeat] = {}
        self._read_at = self._began = asyncio.get_running_loop().time()
        self.problem: str | None = None
        """Why nothing is heard of anybody, for people; None while the database answers."""
        self.newest: Callable[[datetime], None] = lambda _: None
        """Called with the time that all shards have reached, whenever they told anew."""

    async def run(self) -> NoReturn:
        """Listen to all signs of life until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(_LOOK_S)

    async def refresh(self) -> None:
        """Hear what all told last; while the database is away what was heard stays."""
        try:
            heard = {beat.process.name: beat for beat in await self._beats.read()}
        except DATABASE_AWAY as error:
            told = str(error).partition("\n")[0]
            if self.problem is None:
                log.warning("beats_not_read", error=told)
            self.problem = told
            return
        self._read_at, self.problem = asyncio.get_running_loop().time(), None
        for name, beat in heard.items():
            if beat.process.role == ROLE and (told_anew := IngestBeat.decoded(beat.told)) is not None:
                self._told[name] = told_anew
        self._heard = heard
        reached = [one.newest_ms for one in self._awaited().values() if one is not None]
        if reached and None not in reached:
            self.newest(from_ms(min(ms for ms in reached if ms is not None)))

    async def status(self) -> IngestStatus:
        """See :class:`alerts.reading.IngestView`."""
        every = [one.status for one in self._told.values()]
        told = [self._of(name) for name in self._names if name in self._told]
        rejected: Counter[str] = Counter()
        for one in every:
            rejected.update(one.rejected)
        silent = any(self._age(name) > SILENT for name in self._names)
        samples = sorted((s for one in told for s in one.samples), key=lambda s: s.at, reverse=True)
        gaps = [one.last_gap_at for one in told if one.last_gap_at is not None]
        return IngestStatus(
            **{name: sum(getattr(one, name) for one in every) for name in _COUNTERS},
            rejected=dict(sorted(rejected.items())),
            journal=self._journal([one.journal for one in told], [one.journal for one in every]),
            stores=[store for one in told for store in one.stores],
            samples=tuple(samples),
            connected=not silent and all(one.connected for one in told),
            mqtt=" and ".join(sorted({one.mqtt for one in told if one.mqtt})) or None,
            last_gap_at=max(gaps, default=None),
            disks=tuple(room for one in told for room in one.disks),
        )

    def sources(self) -> Sequence[SourceStatus]:
        """See :class:`alerts.reading.IngestView`."""
        return self._sources.statuses()

    def processes(self) -> Sequence[ProcessStatus]:
        """Every process that gave signs of life, and every shard that should, but none that is retired."""
        others = [name for name, beat in self._heard.items() if beat.process.role != ROLE]
        return [self._process(name) for name in sorted([*self._names, *others, *self._left()])]

    def whole(self, rollup: str) -> tuple[int, int]:
        """From when to when, in ms, all shards' rows of ``rollup`` can be read; empty if one has none."""
        spans = [self._told[name].whole.get(rollup, (0, 0)) for name in self._names if name in self._told]
        if len(spans) < len(self._names) or not spans:
            return 0, 0
        since = max(first for first, _ in spans)
        return since, max(since, min(last for _, last in spans))

    async def caught_up(self) -> None:
        """Return once every shard has stored and marked what it had committed when this was asked.

        Shards without a sign of life for :data:`LOST` are not waited for. Raises one of
        :data:`runtime.database.DATABASE_AWAY`.
        """
        asked_ms = to_ms(await self._beats.now())
        while True:
            await self.refresh()
            reached = [None if one is None else one.through_ms for one in self._awaited().values()]
            if self.problem is None and all(ms is not None and ms >= asked_ms for ms in reached):
                return
            await asyncio.sleep(_HURRY_S)

    @property
    def over(self) -> bool:
        """Whether no shard that is waited for knows of anything still on its way from the broker."""
        return all(one is not None and one.backlog_over for one in self._awaited().values())

    async def wait(self) -> None:
        """Return once :attr:`over`."""
        while not self.over:
            await asyncio.sleep(_HURRY_S)
            await self.refresh()

    def problems(self) -> Iterator[str]:
        """What is wrong with the shards, each with its name."""
        if self.problem is not None:
            yield f"database: {self.problem}"
        for name in self._names:
            age = self._age(name)
            if age > SILENT:
                since = f"for {age.total_seconds():.0f} s" if name in self._heard else "yet; is it running?"
                yield f"{name}: no sign of life {since}"
            elif name in self._told:
                yield from (f"{name}: {problem}" for problem in self._told_wrong(name))
        for name in self._left():
            yield f"{name}: {self._why_left(name)}"

    def _told_wrong(self, name: str) -> Iterator[str]:
        """What a shard tells of itself, and whether it works by another file than this process."""
        yield from self._told[name].problems
        theirs, ours = frozenset(self._told[name].topics), self._topics[name]
        if theirs and theirs != ours:
            yield (
                f"takes {_listed(theirs)}, and by the file of this process it should take {_listed(ours)}: "
                "messages are lost or taken twice; restart whichever was started with another file"
            )

    def _left(self) -> Sequence[str]:
        """The ingest processes that were heard of and no shard names; of retired ones those that run."""
        return [
            name
            for name, beat in self._heard.items()
            if beat.process.role == ROLE
            and name not in self._topics
            and (name not in self._retired or self._age(name) <= SILENT)
        ]

    def _why_left(self, name: str) -> str:
        """Why a process that no shard names is missed, and what is to be done."""
        shard = name.partition("/")[2]
        if self._age(name) <= SILENT:
            return (
                "runs, and by the file of this process nothing is so named: its messages may be taken twice; "
                "stop it, or restart whichever was started with another file"
            )
        return (
            f"nothing in the file is so named any more, and {self._unstored(name)}; start it once with its "
            f'old table until all is stored, then write retired_shards = ["{shard}"] into [service]'
        )

    def _unstored(self, name: str) -> str:
        if name not in self._told:
            return "what its journal and the broker hold for it is not known"
        status = self._told[name].status
        lacking = status.journal.head - min((one.position for one in status.stores), default=0)
        return f"of its journal {lacking} batches were not stored when last heard, the broker may hold more"

    def _awaited(self) -> Mapping[str, IngestBeat | None]:
        """What each shard told that is waited for; None for one that may be starting."""
        return {name: self._told.get(name) for name in self._names if self._age(name) <= LOST}

    def _age(self, name: str) -> timedelta:
        """How long there was no sign; of one that never gave any, how long we have listened."""
        now = asyncio.get_running_loop().time()
        if name not in self._heard:
            return timedelta(seconds=now - self._began)
        return self._heard[name].age + timedelta(seconds=now - self._read_at)

    def _of(self, name: str) -> IngestStatus:
        """What a shard counted, its stores and disks named after it: the same path may be two machines'."""
        status, shard = self._told[name].status, name.partition("/")[2]
        return replace(
            status,
            stores=[replace(s, name=f"{shard}/{s.name}") for s in status.stores],
            disks=tuple(replace(room, path=f"{shard}:{room.path}") for room in status.disks),
        )

    def _journal(self, told: Sequence[JournalStatus], every: Sequence[JournalStatus]) -> JournalStatus:
        """The fullest of ``told``, with the losses of all: a damaged one is damage, however empty it is."""
        empty = JournalStatus(0, 0, self._limit, 0)
        found_at = [one.lost_at for one in every if one.lost_at is not None]
        return replace(
            max(told, key=_fullness, default=empty),
            lost=sum(one.lost for one in every),
            lost_at=max(found_at, default=None),
        )

    def _process(self, name: str) -> ProcessStatus:
        beat = self._heard.get(name)
        if beat is None:
            return ProcessStatus(name, ROLE)
        told = self._told.get(name)
        ours = Standing.decoded(beat.told) if told is None else Standing(told.problems)
        if beat.process.role == ROLE and name not in self._topics:
            ours = Standing((self._why_left(name),))
            return replace(ProcessStatus.of(beat, self._age(name), ours), unnamed=True)
        if name in self._topics and told is not None:
            ours = Standing(tuple(self._told_wrong(name)))
        return ProcessStatus.of(beat, self._age(name), ours)


_COUNTERS = (
    "received", "acknowledged", "stored_rows", "duplicates", "late",
    "rows", "missed", "session_gaps", "unstamped", "unknown_fields",
)  # fmt: skip


def _fullness(journal: JournalStatus) -> float:
    return journal.bytes / max(1, journal.limit_bytes)


def _listed(topics: Collection[str]) -> str:
    return ", ".join(sorted(topics))
