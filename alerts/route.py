"""Who is told of what: routes, silences, inhibition, grouping and repeats, each drop with its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Protocol

from pydantic import BeforeValidator, Field, field_validator

from alerts.board import Alert, AlertState
from alerts.message import MessageKind
from alerts.verdict import Severity
from runtime.options import Duration, Options

SELF_ALERT = "channel_failing"
"""The rule whose alerts never go through the channel that they are about."""

MONTHLY_REPORT = "monthly_report"
"""By this name in place of a rule's, routes say who gets the monthly report; its severity is low."""


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Patterns = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
"""Names or globs (``gda*``); one may be written without brackets."""


LEAST_REPEAT = timedelta(minutes=1)
"""Whoever is told more often stops reading."""


class Subject(Protocol):
    """What a route can look at; every alert is one."""

    @property
    def severity(self) -> Severity: ...
    @property
    def site(self) -> str | None: ...
    @property
    def rule(self) -> str: ...
    @property
    def key(self) -> str: ...


@dataclass(frozen=True)
class Report:
    """A monthly report, as a :class:`Subject`."""

    site: str | None
    key: str
    severity: Severity = Severity.LOW
    rule: str = MONTHLY_REPORT


class MatchOptions(Options):
    """Which alerts are meant: all that are given must match; nothing given means every alert."""

    severity: Patterns = ()
    site: Patterns = ()
    rule: Patterns = ()
    key: Patterns = ()

    def accepts(self, subject: Subject) -> bool:
        """Whether ``subject`` is meant."""
        return _accepts(self.severity, subject.severity) and self.concerns(subject)

    def concerns(self, subject: Subject) -> bool:
        """Whether ``subject`` is meant at some severity, if not at the one that it has now."""
        return (
            _accepts(self.site, subject.site or "")
            and _accepts(self.rule, subject.rule)
            and _accepts(self.key, subject.key)
        )


class RouteOptions(Options):
    """One ``[[route]]``; every route that matches counts. ``repeat`` is while nobody acknowledges."""

    match: MatchOptions = MatchOptions()
    to: tuple[str, ...] = Field(min_length=1)
    repeat: Duration | None = timedelta(hours=4)
    resolved: bool = True

    @field_validator("repeat")
    @classmethod
    def _seldom_enough(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value < LEAST_REPEAT:
            raise ValueError("a channel is reminded once a minute at most; write 1m or longer")
        return value


class InhibitOptions(Options):
    """One ``[[inhibit]]``: while an alert of ``when`` fires, nobody is told of those of ``mute``.

    ``same`` says what the two must share: their ``site``, the ``parent`` of their keys (all before the last
    ``/``), or nothing (``any``).
    """

    when: MatchOptions
    mute: MatchOptions
    same: Literal["site", "parent", "any"] = "site"

    @field_validator("when", "mute")
    @classmethod
    def _means_something(cls, value: MatchOptions) -> MatchOptions:
        if value == MatchOptions():
            raise ValueError("is empty, which means every alert: name a severity, site, rule or key")
        return value

    def mutes(self, alert: Alert, firing: Sequence[Alert]) -> Alert | None:
        """The alert that keeps ``alert`` quiet, or None."""
        if not self.mute.accepts(alert):
            return None
        return next(
            (
                other
                for other in firing
                if other.id != alert.id and self.when.accepts(other) and self._share(alert, other)
            ),
            None,
        )

    def _share(self, one: Alert, other: Alert) -> bool:
        if self.same == "site":
            return one.site == other.site
        if self.same == "parent":
            return one.key.rpartition("/")[0] == other.key.rpartition("/")[0]
        return True


MISSED_MUTES_AT_RISK = InhibitOptions(
    when=MatchOptions(key="target/*/missed"),
    mute=MatchOptions(key=("target/*/at-risk", "target/*/burn")),
    same="parent",
)
"""Once a target is missed, nobody need be told how its risk or its budget develops."""


class Drop(StrEnum):
    """Why a channel was not told."""

    NO_ROUTE = "no route names a channel for it"
    SILENCED = "silenced"
    INHIBITED = "another alert explains it"
    NEVER_TOLD = "its start was never told"
    NO_RESOLVED = "the route tells no ends"


@dataclass(frozen=True)
class News:
    """Something to tell of an alert."""

    alert: Alert
    kind: MessageKind


@dataclass(frozen=True)
class Envelope:
    """News of one kind, of one rule at one site, to one channel: one message."""

    channel: str
    kind: MessageKind
    alerts: tuple[Alert, ...]


@dataclass(frozen=True)
class Dropped:
    """News that did not go out, to ``channel`` or (None) to anybody."""

    alert: Alert
    channel: str | None
    reason: Drop
    detail: str = ""


@dataclass(frozen=True)
class Situation:
    """What routing must know besides the news.

    ``firing`` are all alerts whose condition holds; ``told`` is when a channel was last told of an alert
    that it is on; ``resting`` is until when it is not told anew, as messages to it were given up.
    """

    at: datetime
    firing: Sequence[Alert]
    told: Mapping[tuple[int, str], datetime]
    resting: Mapping[tuple[int, str], datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Routing:
    """What goes out and what does not."""

    envelopes: tuple[Envelope, ...] = ()
    dropped: tuple[Dropped, ...] = field(default_factory=tuple)


class Router:
    """Routes, inhibitions and channel names as configured; pure. Without routes, all goes to all."""

    def __init__(
        self,
        routes: Sequence[RouteOptions],
        channels: Sequence[str],
        inhibit: Sequence[InhibitOptions] = (),
    ) -> None:
        self._channels = tuple(channels)
        self._routes = tuple(routes) or ((RouteOptions(to=self._channels),) if channels else ())
        self._inhibit = (MISSED_MUTES_AT_RISK, *inhibit)

    @property
    def leads(self) -> bool:
        """Whether anybody is ever told."""
        return bool(self._channels or self._routes)

    def route(self, news: Sequence[News], situation: Situation) -> Routing:
        """Decide on every piece of news and group what goes out."""
        out: list[tuple[str, News]] = []
        dropped: list[Dropped] = []
        for item in news:
            choose = self._end if item.kind == "resolved" else self._start
            out.extend((channel, item) for channel in choose(item.alert, situation, dropped))
        return Routing(_grouped(out), tuple(dropped))

    def due(self, situation: Situation) -> list[Envelope]:
        """Repeats for what fires unacknowledged, and first messages that a silence had held back."""
        out: list[tuple[str, News]] = []
        for alert in situation.firing:
            if alert.state is not AlertState.UNACKNOWLEDGED or self._quiet(alert, situation) is not None:
                continue
            for channel, repeat in self.channels(alert).items():
                told = situation.told.get((alert.id, channel))
                if situation.resting.get((alert.id, channel), situation.at) > situation.at:
                    continue
                if told is None:
                    out.append((channel, News(alert, "firing")))
                elif repeat is not None and situation.at - told >= repeat:
                    out.append((channel, News(alert, "repeat")))
        return list(_grouped(out))

    def channels(self, alert: Alert) -> dict[str, timedelta | None]:
        """The channels for ``alert`` with the shortest repeat that a route asks for."""
        found: dict[str, timedelta | None] = {}
        for route in self._routes:
            for channel in route.to if route.match.accepts(alert) else ():
                both = [r for r in (found.get(channel), route.repeat) if r is not None]
                found[channel] = min(both, default=None)
        if alert.rule != SELF_ALERT:
            return found
        failing = alert.evidence.get("channel")
        others = {name: repeat for name, repeat in found.items() if name != failing}
        return others or {name: None for name in self._channels if name != failing}

    def channels_for(self, subject: Subject) -> list[str]:
        """The channels to which the routes lead for what is no alert; without routes all of them."""
        led = {channel for route in self._routes if route.match.accepts(subject) for channel in route.to}
        return [channel for channel in self._channels if channel in led]

    def _quiet(self, alert: Alert, situation: Situation) -> Dropped | None:
        if alert.silenced_until is not None and situation.at < alert.silenced_until:
            return Dropped(alert, None, Drop.SILENCED, f"until {alert.silenced_until.isoformat()}")
        for rule in self._inhibit:
            other = rule.mutes(alert, situation.firing)
            if other is not None:
                return Dropped(alert, None, Drop.INHIBITED, other.key)
        return None

    def _start(self, alert: Alert, situation: Situation, dropped: list[Dropped]) -> list[str]:
        quiet = self._quiet(alert, situation)
        channels = [] if quiet else list(self.channels(alert))
        if not channels:
            dropped.append(quiet or Dropped(alert, None, Drop.NO_ROUTE))
        return channels

    def _end(self, alert: Alert, situation: Situation, dropped: list[Dropped]) -> list[str]:
        """Whoever was told that it began; no silence, other alert or rise of severity hides its end."""
        told = [c for c in self._channels if (alert.id, c) in situation.told]
        if not told:
            reason = Drop.NEVER_TOLD if self.channels(alert) else Drop.NO_ROUTE
            dropped.append(self._quiet(alert, situation) or Dropped(alert, None, reason))
        ends = [channel for channel in told if self._tells_end(alert, channel)]
        dropped += [Dropped(alert, channel, Drop.NO_RESOLVED) for channel in told if channel not in ends]
        return ends

    def _tells_end(self, alert: Alert, channel: str) -> bool:
        if alert.rule == SELF_ALERT:
            return True
        routes = [route for route in self._routes if channel in route.to and route.match.concerns(alert)]
        matching = [route for route in routes if route.match.accepts(alert)] or routes
        return not matching or any(route.resolved for route in matching)


def _accepts(patterns: Sequence[str], value: str) -> bool:
    return not patterns or any(fnmatchcase(value, pattern) for pattern in patterns)


def _grouped(out: Sequence[tuple[str, News]]) -> tuple[Envelope, ...]:
    groups: dict[tuple[str, MessageKind, str, str | None], list[Alert]] = defaultdict(list)
    for channel, item in out:
        groups[channel, item.kind, item.alert.rule, item.alert.site].append(item.alert)
    return tuple(
        Envelope(channel, kind, tuple(sorted(alerts, key=lambda a: (a.severity.number, a.key))))
        for (channel, kind, _rule, _site), alerts in groups.items()
    )
