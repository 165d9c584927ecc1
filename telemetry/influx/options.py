"""The ``[[store]] type = "influx"`` table."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from runtime.options import Duration
from telemetry.follower import FollowOptions

Generation = Literal["1", "2", "3", "vm"]
"""InfluxDB 1.x, 2.x, 3.x (Core, Enterprise); ``vm``: VictoriaMetrics, which takes writes of the 2.x API."""


class InfluxOptions(FollowOptions):
    """Where the server is, what it is, and how to write to it.

    Attributes:
        database: the database, for 2.x the bucket; ``name/policy`` names a retention policy of 1.x.
        generation: ``auto`` asks the server at each connection; set it when a proxy hides the answer.
        gzip: compression level of writes, 0 for none.
        batch_lines: most lines of one request.
        dead_letters: folder, below the data directory, for lines that the server will never take.
    """

    shared: ClassVar[bool] = True

    url: str = "http://127.0.0.1:8086"
    database: str = "amberwatt"
    org: str | None = None
    token_file: Path | None = None
    user: str | None = None
    password_file: Path | None = None
    generation: Literal["auto", "1", "2", "3", "vm"] = "auto"
    gzip: int = Field(default=1, ge=0, le=9)
    batch_lines: int = Field(default=5_000, ge=1, le=100_000)
    timeout: Duration = timedelta(seconds=30)
    dead_letters: Path = Path("dead-letters")
    interval: Duration = timedelta(seconds=1)
    safety: Duration = timedelta(seconds=60)

    @field_validator("url")
    @classmethod
    def _http(cls, value: str) -> str:
        parts = urlsplit(value)
        if "@" in parts.netloc or parts.query:
            raise ValueError("a login does not belong in the url: use token_file, or user and password_file")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{value!r}: write http://HOST:PORT or https://HOST:PORT")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _one_way_in(self) -> InfluxOptions:
        if self.token_file and (self.user or self.password_file):
            raise ValueError("token_file and user are two ways to log in: give one")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file go together: give both or neither")
        return self

    @property
    def database_and_policy(self) -> tuple[str, str | None]:
        """``database`` split at its slash: the name, and the retention policy of 1.x if one is named."""
        name, _, policy = self.database.partition("/")
        return name, policy or None
