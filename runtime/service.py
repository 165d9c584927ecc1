"""The process as a whole: its folder, its database, where it listens and what time it lives in."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from runtime.address import host_and_port
from runtime.clock import SystemClock
from runtime.errors import ConfigError
from runtime.options import Duration, Options, read_secret, shown

DATABASES = ("sqlite+aiosqlite", "postgresql+asyncpg")
"""What the relational state is kept in, as SQLAlchemy names it."""


class ServiceOptions(Options):
    """The ``[service]`` table.

    ``replay_from`` makes the service follow the time of a recording from then on, instead of the machine's.
    ``database_password_file`` holds the password that is not to stand in ``database``.
    ``public_url`` is where people reach the pages: it stands in e-mails. ``instance`` tells processes of one
    role apart; without it the host's name does, so two of them on one host need it. ``jobs_listen`` is where
    a jobs process tells its health. ``retired_shards`` are names of shards that are gone from the file and
    done with: all that was ever held for them is stored, so nobody misses them any more.
    """

    data_dir: Path = Path("var")
    listen: str = "127.0.0.1:8080"
    public_url: str | None = None
    database: str | None = Field(default=None, repr=False)
    database_password_file: Path | None = None
    replay_from: datetime | None = None
    jobs_listen: str = "127.0.0.1:0"
    instance: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,40}$")
    retired_shards: tuple[str, ...] = ()
    settle_grace: Duration = Field(default=timedelta(minutes=2), le=timedelta(days=1))

    @field_validator("listen", "jobs_listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        return host_and_port(value)

    @field_validator("public_url")
    @classmethod
    def _leads_somewhere(cls, value: str | None) -> str | None:
        if value is not None and "@" in value:
            raise ValueError("a login does not belong in the url: it would stand in every e-mail")
        try:
            known = value is None or urlsplit(value).hostname
        except ValueError:
            known = None
        if not known:
            raise ValueError(f"{shown(value)}: write for example https://amberwatt.example.org")
        return value

    @field_validator("database")
    @classmethod
    def _sqlalchemy_url(cls, value: str | None) -> str | None:
        fix = "write an SQLAlchemy URL, such as postgresql+asyncpg://USER@HOST/NAME"
        try:
            url = value if value is None else make_url(value)
        except ArgumentError:
            raise ValueError(fix) from None
        if isinstance(url, URL) and url.drivername not in DATABASES:
            raise ValueError(f"{shown(url.drivername)} is not spoken, only {' and '.join(DATABASES)}; {fix}")
        if isinstance(url, URL) and {"user", "password"} & {name.lower() for name in url.query}:
            raise ValueError(
                "a login behind the ? would stand in logs: use USER@HOST and database_password_file"
            )
        return url.render_as_string(hide_password=False) if isinstance(url, URL) else None

    @field_validator("replay_from")
    @classmethod
    def _has_offset(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("write the offset too, for example 2026-10-01T00:00:00+02:00")
        if value is not None and value > SystemClock().now():
            raise ValueError("lies in the future: a recording begins in the past")
        return value

    @model_validator(mode="after")
    def _one_password(self) -> ServiceOptions:
        if self.database_password_file is None:
            return self
        url = None if self.database is None else make_url(self.database)
        if url is None or url.username is None or url.get_backend_name() != "postgresql":
            raise ValueError('database_password_file needs database = "postgresql+asyncpg://USER@HOST/NAME"')
        if url.password is not None:
            raise ValueError("database and database_password_file both give a password: give one")
        return self

    @property
    def database_url(self) -> str:
        """Where the relational state lives, with its password: for nobody's eyes. Raises ConfigError."""
        if self.database is None:
            return f"sqlite+aiosqlite:///{self.data_dir / 'state.sqlite'}"
        if self.database_password_file is None:
            return self.database
        try:
            password = read_secret(self.database_password_file).get_secret_value()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError([f"service.database_password_file: cannot be read: {error}"]) from None
        return make_url(self.database).set(password=password).render_as_string(hide_password=False)

    @property
    def host(self) -> str:
        """The address to listen on."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def names(self) -> frozenset[str]:
        """The hosts of the address to listen on and of ``public_url``, in lower case."""
        public = urlsplit(self.public_url or "").hostname
        return frozenset({self.host.lower(), *([public] if public else [])})

    @property
    def port(self) -> int:
        """The port to listen on; 0 takes a free one."""
        return int(self.listen.rpartition(":")[2])
