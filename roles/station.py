"""Which part of the work a process does, as the command line names it, and what that needs."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from sqlalchemy import make_url

from collectors.shard import Shard, shard
from runtime.errors import ConfigError
from runtime.options import shown
from runtime.service import ServiceOptions
from settings import Configuration, Settings
from telemetry.follower import FollowOptions

Role = Literal["all", "ingest", "web", "jobs"]

ROLES: tuple[str, ...] = get_args(Role)

UNDIVIDED = "all"
"""What the one ingest process is called where there are no shards."""


@dataclass(frozen=True)
class Station:
    """``role`` and, for an ingest process, the name of its shard."""

    role: Role = "all"
    shard: str | None = None

    def data_dir(self, service: ServiceOptions) -> Path:
        """The folder that is this process's own."""
        parts = [self.role, self.shard if self.role == "ingest" else service.instance]
        folder = service.data_dir
        return folder if self.role == "all" else folder / "-".join(filter(None, parts))

    def name(self, service: ServiceOptions) -> str:
        """By which other processes know it: the same over restarts."""
        return f"{self.role}/{(self.shard or UNDIVIDED) if self.role == 'ingest' else instance(service)}"

    def part(self, settings: Settings) -> Shard:
        """What it takes in."""
        return shard(settings.shard, self.shard)

    def check(self, configuration: Configuration) -> None:
        """Raises ConfigError with everything that keeps a process from having this station."""
        found = list(self._named_wrong(configuration.settings))
        if self.role != "all":
            found += _not_shared(configuration)
        if found:
            raise ConfigError(found)
        self.part(configuration.settings)

    def _named_wrong(self, settings: Settings) -> Iterator[str]:
        shards = [one.name for one in settings.shard]
        known = ", ".join(shards)
        if self.role not in ROLES:
            yield f"--role: {shown(self.role)} is none; there are: {', '.join(ROLES)}"
        elif self.role != "ingest" and self.shard is not None:
            yield f"--shard: is for --role ingest; --role {self.role} takes no part of the messages"
        elif self.role == "ingest" and self.shard is None and shards:
            yield f"--shard: name the one that this process takes; there are: {known}"
        elif self.role == "all" and shards:
            yield (
                f"--role: [[shard]] tables name {known}: run --role ingest --shard NAME for each, --role web "
                "and --role jobs; or remove the tables, and one process does everything"
            )


def unsplit(configuration: Configuration) -> Sequence[str]:
    """What keeps its shards, if it has any, from running as the several processes that they are."""
    return list(_not_shared(configuration)) if configuration.settings.shard else []


ALL = Station()
"""Everything in one process."""


def shard_names(settings: Settings) -> Sequence[str]:
    """The names of all ingest processes that there should be."""
    return [one.name for one in settings.shard] or [UNDIVIDED]


def instance(service: ServiceOptions) -> str:
    """What tells this process from others of its role."""
    return service.instance or socket.gethostname()


def served_from(data_dir: Path) -> Iterator[Path]:
    """The folders below ``data_dir`` whose processes, if they run, have pages and API."""
    yield data_dir
    yield from sorted(data_dir.glob("web*/"))


def has_roles(data_dir: Path) -> bool:
    """Whether processes of several roles have worked below ``data_dir``."""
    return any(any(data_dir.glob(f"{role}*/lock")) for role in ROLES if role != "all")


def _not_shared(configuration: Configuration) -> Iterator[str]:
    """What several processes could not use together."""
    service, first = configuration.settings.service, configuration.stores[0]
    if make_url(service.database_url).get_backend_name() != "postgresql":
        yield (
            "service.database: processes of several roles share a PostgreSQL, and this is a file of one; "
            'write database = "postgresql+asyncpg://USER@HOST/NAME", or run without --role'
        )
    if not isinstance(first.options, FollowOptions) or not first.options.shared:
        yield (
            f"store[0].type: {first.plugin.name!r} is read by the process that writes it and no other; put a "
            'store of type = "influx" first, or run without --role'
        )
    if configuration.settings.broker.embedded:
        yield "broker.embedded: only one process can hold it; name a broker in url, or run without --role"
