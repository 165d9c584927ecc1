"""Shards: which part of the world each ingest process takes, declared by topics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pydantic import Field, field_validator

from collectors.source import BrokerOptions
from collectors.topic import KINDS, PREFIX, matcher
from runtime.address import host_and_port
from runtime.errors import ConfigError
from runtime.options import Options, shown
from telemetry.job import JOB
from telemetry.share import EVERYTHING, Share

_GPUS = f"{PREFIX}+/+/+/+/gpu"
_JOBS = f"{PREFIX}+/{JOB.name}/+"
_DEVICES = (_GPUS, *(f"{PREFIX}+/{kind}/+" for kind in KINDS), _JOBS, f"{PREFIX}grid/+")
"""The topics of the wire contract as filters."""

_LONGEST_ID = 100


class ShardOptions(Options):
    """One ``[[shard]]``: an ingest process of its own takes ``topics`` (MQTT filters) and nothing else.

    ``listen`` is where it tells its health and its counters; port 0 takes a free one.
    """

    name: str = Field(pattern=r"^[a-z0-9-]{1,25}$")
    topics: tuple[str, ...] = Field(min_length=1)
    listen: str = "127.0.0.1:0"

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        return host_and_port(value)

    @field_validator("topics")
    @classmethod
    def _filters(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            _check(one)
        return value


@dataclass(frozen=True)
class Shard:
    """What one process takes: ``filters`` to subscribe; ``others`` are those of all other processes.

    ``name`` is None where one process takes everything.
    """

    name: str | None
    filters: tuple[str, ...]
    others: tuple[str, ...] = ()
    _halls: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def takes(self, source: str) -> bool:
        """Whether the device ``source`` (its topic without ``dc/v1/``) is told to this process."""
        hall, *below = source.rsplit("/", 3)
        if len(below) != 3 or below[-1] != "gpu":
            return self._matches(source)
        known = self._halls.get(hall)
        if known is None:  # no filter splits a hall, so one of its nodes stands for all
            known = self._halls[hall] = self._matches(f"{hall}/-/-/gpu")
        return known

    @property
    def share(self) -> Share:
        """The same for telemetry."""
        return EVERYTHING if self.name is None else Share(self.name, self.takes, self.whole)

    def whole(self, site: str) -> bool:
        """Whether nobody else takes GPUs of ``site``, so that what is known here is all of it."""
        return not any(overlap(one, _gpus_of(site)) for one in self.others if _tells_gpus(one))

    def broker(self, options: BrokerOptions) -> BrokerOptions:
        """``options`` of a session of its own: its topics, and its name behind client id and status topic."""
        if self.name is None:
            return options
        own = {
            "topics": self.filters,
            "client_id": f"{options.client_id}-{self.name}",
            "status_topic": f"{options.status_topic}/{self.name}",
        }
        return options.model_copy(update=own)

    def _matches(self, source: str) -> bool:
        return any(matches(PREFIX + source) for matches in self._tests)

    @cached_property
    def _tests(self) -> list[Callable[[str], bool]]:
        return [matcher(_as_named(one)) for one in self.filters]


WHOLE = Shard(None, (f"{PREFIX}#",))
"""One process takes everything."""


def shard(shards: Sequence[ShardOptions], name: str | None) -> Shard:
    """The part of the process ``name``: all of it for None. Raises ConfigError when none is so named."""
    if name is None:
        return WHOLE
    for one in shards:
        if one.name == name:
            others = tuple(topic for other in shards if other.name != name for topic in other.topics)
            return Shard(name, one.topics, others)
    known = ", ".join(one.name for one in shards)
    fix = f"there are: {known}" if known else "write [[shard]] tables first"
    raise ConfigError([f"--shard: no shard is named {shown(name)}; {fix}"])


def split(shards: Sequence[ShardOptions]) -> Callable[[Sequence[str] | None], bool]:
    """Whether several of ``shards`` take GPUs of the same one of some sites, or of any for None."""
    gpus = [[topic for topic in one.topics if _tells_gpus(topic)] for one in shards]
    named = {topic.removeprefix(PREFIX).split("/")[0] for topics in gpus for topic in topics}

    def shared(sites: Sequence[str] | None) -> bool:
        return any(_takers(gpus, site) > 1 for site in (named if sites is None else sites))

    return shared


def overlap(one: str, two: str) -> bool:
    """Whether there is a topic that both MQTT filters match."""
    ours, theirs = one.split("/"), two.split("/")
    for number in range(min(len(ours), len(theirs))):
        a, b = ours[number], theirs[number]
        if "#" in (a, b):
            return True
        if a != b and "+" not in (a, b):
            return False
    longer = max(ours, theirs, key=len)[min(len(ours), len(theirs)) :]
    return longer in ([], ["#"])


def within(narrow: str, wide: str) -> bool:
    """Whether the MQTT filter ``wide`` matches every topic that ``narrow`` matches."""
    ours, theirs = narrow.split("/"), wide.split("/")
    for number, level in enumerate(theirs):
        if level == "#":
            return True
        own = ours[number] if number < len(ours) else "#"
        if own == "#" or (level not in ("+", own)):
            return False
    return len(ours) == len(theirs)


def problems(
    shards: Mapping[int, ShardOptions], broker: BrokerOptions, devices: Mapping[str, str]
) -> Iterator[str]:
    """What is wrong between ``shards`` (by place in the file), and between them and the rest of it.

    ``devices`` are the topics that the rest names, and where it does.
    """
    seen: set[str] = set()
    for number, one in shards.items():
        place = f"shard[{number}]"
        if one.name in seen:
            yield f"{place}.name: two shards are named {one.name!r}; give each its own"
        seen.add(one.name)
        if len(broker.client_id) + 1 + len(one.name) > _LONGEST_ID:
            yield f"{place}.name: with broker.client_id it has over {_LONGEST_ID} characters; shorten either"
        for topic in one.topics:
            if not any(within(topic, wide) for wide in broker.topics):
                yield f"{place}.topics: {topic!r} is not within broker.topics; widen those or narrow it"
    yield from _twice(shards)
    taken = [matcher(_as_named(topic)) for one in shards.values() for topic in one.topics]
    for topic, named in devices.items() if shards else ():
        if not any(matches(topic) for matches in taken):
            yield f"shard: none takes {topic}, which {named} names; add it to the topics of one of them"


def _twice(shards: Mapping[int, ShardOptions]) -> Iterator[str]:
    every = [(number, topic) for number, one in shards.items() for topic in one.topics]
    for place, (number, topic) in enumerate(every):
        for earlier, other in every[:place]:
            if overlap(_as_named(topic), _as_named(other)):
                whose = "" if earlier == number else f" of shard {shards[earlier].name!r}"
                yield (
                    f"shard[{number}].topics: {topic!r} overlaps {other!r}{whose}: a message would be taken "
                    "twice; let each name only what is its own"
                )


def _check(pattern: str) -> None:
    """Raises ValueError when ``pattern`` is no filter of devices, or parts a hall."""
    matcher(pattern)
    if not pattern.startswith(PREFIX):
        raise ValueError(f"{pattern!r} does not begin with {PREFIX}: only by those topics devices are known")
    if not any(overlap(pattern, devices) for devices in _DEVICES):
        raise ValueError(f"{pattern!r} names no device; see the topics of docs/wire-contract.md")
    levels = pattern.removeprefix(PREFIX).split("/")
    if _tells_gpus(pattern) and not set(levels[2:4]) <= {"+", "#"}:
        raise ValueError(
            f"{pattern!r} parts a hall, and its racks are added up by whoever takes all of it; "
            f"write {PREFIX}{levels[0]}/{levels[1]}/#"
        )


def _tells_gpus(pattern: str) -> bool:
    kind = set(pattern.removeprefix(PREFIX).split("/")[1:2])
    return overlap(pattern, _GPUS) and not {*KINDS, JOB.name} & kind


def _takers(gpus: Sequence[Sequence[str]], site: str) -> int:
    """How many of the filters in ``gpus``, by shard, take some of ``site``."""
    return sum(any(overlap(topic, _gpus_of(site)) for topic in topics) for topics in gpus)


def _gpus_of(site: str) -> str:
    return f"{PREFIX}{site}/+/+/+/gpu"


def _as_named(pattern: str) -> str:
    """``pattern`` with bidding zones in capitals, as sources name them however publishers write them."""
    levels = pattern.removeprefix(PREFIX).split("/")
    if levels[0] != "grid" and not (levels[0] == "+" and len(levels) == 2):
        return pattern
    return PREFIX + "/".join((levels[0], *(level.upper() for level in levels[1:])))
