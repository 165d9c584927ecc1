"""``[delivery]``, ``[[rule]]``, ``[[channel]]``, ``[[route]]`` and ``[[inhibit]]``: checked and built."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar

from pydantic import Field

import alerts.channels
import alerts.rules
from alerts.matchers import Named, match_problems
from alerts.message import CHANNELS, Channel, Publish, UsesBroker
from alerts.outbox import DeliveryOptions
from alerts.route import InhibitOptions, RouteOptions, Router
from alerts.verdict import RULES, Rule
from runtime.errors import ConfigError, ServiceError
from runtime.options import Options, shown
from runtime.plugin_table import BESIDE, Chosen, choose

T = TypeVar("T")
Table = dict[str, Any]

_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
"""What the tables of the database and one line of a log can hold."""


class AlertOptions(Options):
    """All of alerting. Every rule runs with its defaults; a ``[[rule]]`` changes or (``enabled = false``)
    stops one. A ``[[channel]]`` names its ``type`` and itself. ``url`` is where people find the pages.
    """

    url: str = Field(default="http://127.0.0.1:8080", pattern="^https?://")
    delivery: DeliveryOptions = DeliveryOptions()
    rule: tuple[Table, ...] = ()
    channel: tuple[Table, ...] = ()
    route: tuple[RouteOptions, ...] = ()
    inhibit: tuple[InhibitOptions, ...] = ()

    def problems(
        self, sites: Collection[str] | None = None, targets: Collection[str] | None = None
    ) -> list[str]:
        """Everything wrong in and between these tables, each with its place and the fix.

        ``sites`` and ``targets`` are what the rest of the file names; None if that is not known.
        """
        load_plugins()
        named = Named(sites, targets, [name for name in _names(self.channel) if name])
        return [
            *self._rule_problems(),
            *self._channel_problems(),
            *self._route_problems(named),
            *self._inhibit_problems(named),
        ]

    def rules(self) -> dict[str, Rule]:
        """Every rule that is not stopped, by name. Raises ConfigError."""
        load_plugins()
        tables = {table.get("type"): table for table in self.rule}
        running = [name for name in RULES if tables.get(name, {}).get("enabled", True) is not False]
        return {name: _chosen(_rule(tables.get(name, {"type": name}), "rule")).build() for name in running}

    def chosen_channels(self) -> list[Chosen[Channel]]:
        """Every channel with its checked options. Raises ConfigError."""
        load_plugins()
        return [_chosen(choose(CHANNELS, table, place)) for place, table in _placed("channel", self.channel)]

    def channels(self, publish: Publish | None = None) -> dict[str, Channel]:
        """Every channel by its name; those over MQTT send through ``publish``. Raises ConfigError."""
        built: dict[str, Channel] = {}
        for one in self.chosen_channels():
            try:
                channel = one.build()
            except (OSError, ServiceError) as error:
                raise ConfigError([f"channel {one.name!r}: {error}"]) from error
            if publish is not None and isinstance(channel, UsesBroker):
                channel.connect(publish)
            built[one.name] = channel
        return built

    def router(self) -> Router:
        """The routes over the channels' names."""
        return Router(self.route, [table["name"] for table in self.channel], self.inhibit)

    def _rule_problems(self) -> list[str]:
        found, seen = [], set()
        for place, table in _placed("rule", self.rule):
            name = table.get("type")
            found += _wrong(_rule(table, place))
            if not isinstance(table.get("enabled", True), bool):
                found.append(f"{place}.enabled: write true or false")
            if not isinstance(name, str):
                continue
            if name in seen:
                found.append(f"{place}: type = {shown(name)} has a table already; put both into one")
            seen.add(name)
        return found

    def _channel_problems(self) -> list[str]:
        found, names = [], _names(self.channel)
        for number, (place, table) in enumerate(_placed("channel", self.channel)):
            name = table.get("name")
            if "name" not in table or name == "":
                found.append(f'{place}.name: is missing; give the channel one, such as name = "on-call"')
            elif not isinstance(name, str) or not _NAME.fullmatch(name):
                found.append(f"{place}.name: {shown(name)} is no name; write up to 100 printable characters")
            elif name in names[:number]:
                found.append(f"{place}.name: two channels are named {name!r}; give each its own")
            found += _wrong(choose(CHANNELS, table, place))
        return found

    def _route_problems(self, named: Named) -> list[str]:
        found = []
        for number, route in enumerate(self.route):
            place = f"route[{number}]"
            for channel in route.to:
                if channel not in named.channels:
                    known = ", ".join(sorted(named.channels)) or "none"
                    found.append(f"{place}.to: no channel is named {shown(channel)}; there are: {known}")
            found += match_problems(route.match, f"{place}.match", named)
        return found

    def _inhibit_problems(self, named: Named) -> list[str]:
        found: list[str] = []
        for number, inhibit in enumerate(self.inhibit):
            found += match_problems(inhibit.when, f"inhibit[{number}].when", named)
            found += match_problems(inhibit.mute, f"inhibit[{number}].mute", named)
        return found


def _names(tables: Sequence[Table]) -> list[str | None]:
    """What each table calls itself; None for what is no name, which is told of at its own place."""
    names = [table.get("name") for table in tables]
    return [name if isinstance(name, str) else None for name in names]


def _placed(name: str, tables: Sequence[Table]) -> Iterator[tuple[str, Table]]:
    """Each table with its place in the file: ``rule[2]``."""
    return ((f"{name}[{number}]", table) for number, table in enumerate(tables))


def _rule(table: Table, place: str) -> Chosen[Rule] | list[str]:
    return choose(RULES, table, place, BESIDE | {"enabled"})


def _chosen(found: Chosen[T] | list[str]) -> Chosen[T]:
    if isinstance(found, list):
        raise ConfigError(found)
    return found


def _wrong(found: Chosen[T] | list[str]) -> list[str]:
    return found if isinstance(found, list) else []


def load_plugins() -> None:
    """Let every rule and channel register itself."""
    RULES.load(alerts.rules)
    CHANNELS.load(alerts.channels)
