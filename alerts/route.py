"""Who is told of what: routes, silences, inhibition, grouping and repeats, each drop with its reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from alerts.board import Alert, AlertState
from alerts.message import MessageKind
from alerts.state import FIRING
from runtime.options import Duration, Options

SELF_ALERT = "channel_failing"
"""The rule whose alerts never go through the channel that they are about."""


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Patterns = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
"""Names or globs (``gda*``); one may be written without brackets."""


class MatchOptions(Options):
    """Which alerts are meant: all that are given must match; nothing given means every alert."""

    severity: Patterns = ()
    site: Patterns = ()
    rule: Patterns = ()
    key: Patterns = ()

    def accepts(self, alert: Alert) -> bool:
        """Whether ``alert`` is meant."""
        return (
            _accepts(self.severity, alert.severity)
            and _accepts(self.site, alert.site or "")
            and _accepts(self.rule, alert.rule)
            and _accepts(self.key, alert.key)
        )


class RouteOptions(Options):
    """One ``[[route]]``; every route that matches counts. ``repeat`` is while nobody acknowledges."""

    match: MatchOptions = MatchOptions()
    to: tuple[str, ...] = Field(min_length=1)
    repeat: Duration | None = timedelta(hours=4)
    resolved: bool = True


class InhibitOptions(Options):
    """One ``[[inhibit]]``: while an alert of ``when`` fires, nobody is told of those of ``mute``.

    ``same`` says what the two must share: their ``site``, the ``parent`` of their keys (all before the last
    ``/``), or nothing (``any``).
    """

    when: MatchOptions
    mute: MatchOptions
    same: Literal["site", "parent", "any"] = "site"

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
    when=MatchOptions(key="target/*/missed"), mute=MatchOptions(key="target/*/at-risk"), same="parent"
)
"""Once a target is missed, nobody need be told how its risk develops."""


class Drop(StrEnum):
    """Why a channel was not told."""

    NO_ROUTE = "no route names a channel for it"
    SILENCED = "silenced"
    INHIBITED = "another alert explains it"
    NEVER_TOLD = "its start was never told there"
    NO_RESOLVED = "the route tells no ends"


@dataclass(frozen=True)
class News:
    """Something to tell of an alert; ``number`` is its ``rev``, so the pair is unique for ever."""

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
    that it is on.
    """

    at: datetime
    firing: Sequence[Alert]
    told: Mapping[tuple[int, str], datetime]


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

    def route(self, news: Sequence[News], situation: Situation) -> Routing:
        """Decide on every piece of news and group what goes out."""
        out: list[tuple[str, News]] = []
        dropped: list[Dropped] = []
        for item in news:
            reason = self._quiet(item.alert, situation)
            if reason is not None:
                dropped.append(reason)
                continue
            channels = self._told(item, situation, dropped)
            out.extend((channel, item) for channel in channels)
        return Routing(_grouped(out), tuple(dropped))

    def due(self, situation: Situation) -> list[Envelope]:
        """Repeats for what fires unacknowledged, and first messages that a silence had held back."""
        out: list[tuple[str, News]] = []
        for alert in situation.firing:
            if alert.state is not AlertState.UNACKNOWLEDGED or self._quiet(alert, situation) is not None:
                continue
            for channel, repeat in self.channels(alert).items():
                told = situation.told.get((alert.id, channel))
                if told is None:
                    out.append((channel, News(alert, "firing")))
                elif repeat is not None and situation.at - told >= repeat:
                    out.append((channel, News(alert, "repeat")))
        return list(_grouped(out))

    def channels(self, alert: Alert) -> dict[str, timedelta | None]:
        """The channels for ``alert`` with the shortest repeat that a route asks for."""
        found: dict[str, timedelta | None] = {}
        for route in self._matching(alert):
            for channel in route.to:
                both = [r for r in (found.get(channel), route.repeat) if r is not None]
                found[channel] = min(both, default=None)
        if alert.rule != SELF_ALERT:
            return found
        failing = alert.evidence.get("channel")
        others = {name: repeat for name, repeat in found.items() if name != failing}
        return others or {name: None for name in self._channels if name != failing}

    def _matching(self, alert: Alert) -> list[RouteOptions]:
        return [route for route in self._routes if route.match.accepts(alert)]

    def _quiet(self, alert: Alert, situation: Situation) -> Dropped | None:
        if alert.silenced_until is not None and situation.at < alert.silenced_until:
            return Dropped(alert, None, Drop.SILENCED, f"until {alert.silenced_until.isoformat()}")
        for rule in self._inhibit:
            other = rule.mutes(alert, situation.firing)
            if other is not None:
                return Dropped(alert, None, Drop.INHIBITED, other.key)
        return None

    def _told(self, item: News, situation: Situation, dropped: list[Dropped]) -> list[str]:
        channels = list(self.channels(item.alert))
        if not channels:
            dropped.append(Dropped(item.alert, None, Drop.NO_ROUTE))
        if item.kind != "resolved":
            return channels
        wanted = {c for route in self._matching(item.alert) if route.resolved for c in route.to}
        if item.alert.rule == SELF_ALERT:
            wanted |= set(channels)
        kept = []
        for channel in channels:
            if channel not in wanted:
                dropped.append(Dropped(item.alert, channel, Drop.NO_RESOLVED))
            elif (item.alert.id, channel) not in situation.told:
                dropped.append(Dropped(item.alert, channel, Drop.NEVER_TOLD))
            else:
                kept.append(channel)
        return kept


def firing(alert: Alert) -> bool:
    """Whether the alert's condition holds."""
    return alert.state in FIRING


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
