"""``[delivery]``, ``[[rule]]``, ``[[channel]]``, ``[[route]]`` and ``[[inhibit]]``: checked and built."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import Field, ValidationError

import alerts.channels
import alerts.rules
from alerts.matchers import Named, match_problems
from alerts.message import CHANNELS, Channel, Publish, UsesBroker
from alerts.outbox import DeliveryOptions
from alerts.route import InhibitOptions, RouteOptions, Router
from alerts.verdict import RULES, Rule
from runtime.errors import ConfigError, ServiceError
from runtime.options import Options, shown
from runtime.registry import Registry

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
        stopped = {name for name, table in tables.items() if table.get("enabled", True) is False}
        return {
            name: RULES[name].factory(self._options(RULES, name, tables.get(name, {})))
            for name in RULES
            if name not in stopped
        }

    def channels(self, publish: Publish | None = None) -> dict[str, Channel]:
        """Every channel by its name; those over MQTT send through ``publish``. Raises ConfigError."""
        load_plugins()
        built: dict[str, Channel] = {}
        for table in self.channel:
            plugin = CHANNELS[table["type"]]
            place = f"channel {table['name']!r}"
            try:
                channel = plugin.factory(self._options(CHANNELS, table["type"], table))
            except (OSError, ServiceError) as error:
                raise ConfigError([f"{place}: {error}"]) from error
            if publish is not None and isinstance(channel, UsesBroker):
                channel.connect(publish)
            built[table["name"]] = channel
        return built

    def router(self) -> Router:
        """The routes over the channels' names."""
        return Router(self.route, [table["name"] for table in self.channel], self.inhibit)

    def _options(self, registry: Registry[Any], name: str, table: Mapping[str, Any]) -> Options:
        beside = ("type", "name", "enabled") if registry is RULES else ("type", "name")
        given = {key: value for key, value in table.items() if key not in beside}
        options: Options = registry[name].options.model_validate(given)  # type: ignore[assignment]
        return options

    def _rule_problems(self) -> list[str]:
        found, seen = [], set()
        for number, table in enumerate(self.rule):
            place = f"rule[{number}]"
            name = table.get("type")
            found += self._table_problems(RULES, place, table)
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
        for number, table in enumerate(self.channel):
            place = f"channel[{number}]"
            name = table.get("name")
            if "name" not in table or name == "":
                found.append(f'{place}.name: is missing; give the channel one, such as name = "on-call"')
            elif not isinstance(name, str) or not _NAME.fullmatch(name):
                found.append(f"{place}.name: {shown(name)} is no name; write up to 100 printable characters")
            elif name in names[:number]:
                found.append(f"{place}.name: two channels are named {name!r}; give each its own")
            found += self._table_problems(CHANNELS, place, table)
        return found

    def _table_problems(self, registry: Registry[Any], place: str, table: Table) -> list[str]:
        name = table.get("type")
        if not isinstance(name, str) or name not in registry:
            known = ", ".join(registry)
            return [f"{place}.type: no {registry.kind} is named {shown(name)}; there are: {known}"]
        try:
            self._options(registry, name, table)
        except ValidationError as error:
            return [_told(place, name, problem) for problem in error.errors()]
        return []

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


def load_plugins() -> None:
    """Let every rule and channel register itself."""
    RULES.load(alerts.rules)
    CHANNELS.load(alerts.channels)


def _told(place: str, name: str, problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{place}.{where}: {name} has no such key; remove it or correct its spelling"
    if problem["type"] == "missing":
        return f"{place}.{where}: {name} needs it; add it"
    return f"{place}{'.' + where if where else ''}: {problem['msg'].removeprefix('Value error, ')}"
