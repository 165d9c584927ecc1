"""Asks the ENTSO-E transparency platform for the energy of each zone, and again when it is revised."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

import aiohttp
import structlog
from pydantic import Field, SecretStr, field_validator, model_validator

from runtime.clock import EPOCH, from_ms, to_ms
from runtime.errors import BadDocument, SourceError
from runtime.options import Duration, Options, read_secret

log = structlog.get_logger(__name__)

DAY_MS = 86_400_000

FRESH = timedelta(days=2)
"""How long after its end a day is still asked for each time: hours are published one by one, and late."""

LONGEST = 31
"""Days asked for at once; the platform answers up to a year."""

_MOST_BYTES = 64 << 20
_GENERATION = {"documentType": "A75", "processType": "A16"}
_LOAD = {"documentType": "A65", "processType": "A16"}
_FLOW = {"documentType": "A11"}

Asked = Literal["generation", "load", "flows"]


class EntsoeOptions(Options):
    """A ``[[collector]]`` of ``type = "entsoe"``: which zones, with whose token, how often.

    ``documents`` are what is asked of each zone: its generation, its load, and what flows over its borders.
    ``every`` is how often the running days are asked for, ``history`` how far back at first, ``again`` at
    which ages a day is asked for once more. ``spacing`` keeps requests apart: the platform blocks whoever
    sends more than 400 a minute.
    """

    type: Literal["entsoe"]
    zones: tuple[str, ...] = Field(min_length=1)
    documents: tuple[Asked, ...] = Field(default=("generation",), min_length=1)
    url: str = "https://web-api.tp.entsoe.eu/api"
    token_file: Path | None = None
    token: SecretStr | None = None
    every: Duration = Field(default=timedelta(minutes=30), ge=timedelta(minutes=5), le=timedelta(days=1))
    history: Duration = Field(default=timedelta(days=35), ge=timedelta(days=1), le=timedelta(days=366))
    again: tuple[Duration, ...] = (timedelta(days=7), timedelta(days=45))
    spacing: Duration = Field(default=timedelta(seconds=1), ge=timedelta(milliseconds=150))
    timeout: Duration = Field(default=timedelta(seconds=60), gt=timedelta(0))

    @field_validator("zones")
    @classmethod
    def _capitals(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(zone.upper() for zone in value))

    @field_validator("url")
    @classmethod
    def _http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError(f"{value!r} is no address of the platform; write https://HOST/PATH alone")
        return value

    @model_validator(mode="after")
    def _one_token(self) -> EntsoeOptions:
        if (self.token_file is None) == (self.token is None):
            raise ValueError("give token_file, the file that holds your token, or token in the environment")
        return self

    def secret(self) -> str:
        """The token. Raises SourceError when its file cannot be read."""
        if self.token is not None:
            return self.token.get_secret_value()
        assert self.token_file is not None
        try:
            return read_secret(self.token_file).get_secret_value().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"[[collector]] token_file cannot be read: {error}") from None


class Keeps(Protocol):
    """Where answers go."""

    async def fetched(self, zone: str, days: range) -> Mapping[int, datetime]:
        """When each of ``days`` (since 1970) of ``zone`` was last asked for."""
        ...

    async def keep(self, zone: str, body: bytes, days: Sequence[int], at: datetime) -> bool:
        """Keep the answer for ``days``; whether it held data. Raises BadDocument."""
        ...


class Entsoe:
    """Polls the platform for the zones of its options.

    ``codes`` are EIC codes of these and all their neighbours, ``borders`` the neighbours of each.
    """

    def __init__(
        self,
        options: EntsoeOptions,
        codes: Mapping[str, str],
        keeps: Keeps,
        borders: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._options, self._codes, self._keeps = options, codes, keeps
        self._borders = borders or {}

    async def poll(self, at: datetime) -> int:
        """Ask for every day that is due ``at`` a time; return how many questions were answered.

        A question whose answer cannot be read is passed over. Raises SourceError when the platform cannot be
        asked, and in the end when answers could not be read: what came is kept in both cases.
        """
        options, asked, wrong = self._options, 0, []
        timeout = aiohttp.ClientTimeout(total=options.timeout.total_seconds())
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
            for name, question in self._questions().items():
                first = to_ms(at - max(options.history, *options.again, FRESH) - FRESH) // DAY_MS
                fetched = await self._keeps.fetched(name, range(first, to_ms(at) // DAY_MS + 1))
                for days in due(fetched, at, options):
                    if asked:
                        await asyncio.sleep(options.spacing.total_seconds())
                    asked += 1
                    try:
                        await self._keeps.keep(name, await self._ask(session, question, days, at), days, at)
                    except BadDocument as error:
                        wrong.append(f"{name}: {error}")
                        log.warning("grid_document_refused", zone=name, error=str(error))
        if wrong:
            raise SourceError(f"ENTSO-E: {'; '.join(wrong)}")
        return asked - len(wrong)

    def _questions(self) -> dict[str, dict[str, str]]:
        """What is asked, by the name under which its days are noted: ``PL``, ``PL load``, ``LT from PL``."""
        found, codes = {}, self._codes
        for zone in self._options.zones:
            if "generation" in self._options.documents:
                found[zone] = {**_GENERATION, "in_Domain": codes[zone]}
            if "load" in self._options.documents:
                found[f"{zone} load"] = {**_LOAD, "outBiddingZone_Domain": codes[zone]}
            for near in self._borders.get(zone, ()) if "flows" in self._options.documents else ():
                for into, origin in ((zone, near), (near, zone)):
                    pair = {"in_Domain": codes[into], "out_Domain": codes[origin]}
                    found[f"{into} from {origin}"] = {**_FLOW, **pair}
        return found

    async def _ask(
        self, session: aiohttp.ClientSession, question: Mapping[str, str], days: range, at: datetime
    ) -> bytes:
        """The answer for ``days``; messages of errors never hold the address, as that holds the token."""
        end = min(from_ms(days.stop * DAY_MS), _next_hour(at))
        query = {
            **question,
            "periodStart": _written(from_ms(days.start * DAY_MS)),
            "periodEnd": _written(end),
            "securityToken": self._options.secret(),
        }
        try:
            async with session.get(self._options.url, params=query, allow_redirects=False) as response:
                if response.status not in (200, 400):
                    raise SourceError(_refused(response.status))
                return await _body(response)
        except TimeoutError:
            raise SourceError("ENTSO-E does not answer in time; it is asked again later") from None
        except aiohttp.ClientError as error:
            raise SourceError(f"ENTSO-E cannot be reached: {type(error).__name__}") from None


def due(fetched: Mapping[int, datetime], at: datetime, options: EntsoeOptions) -> list[range]:
    """Which days to ask for, consecutive ones together: new ones, and old ones that may have been revised."""
    first, last = to_ms(at - options.history) // DAY_MS, to_ms(at) // DAY_MS
    wanted = [day for day in range(first, last + 1) if day not in fetched]
    wanted += [day for day, then in fetched.items() if _again(day, then, at, options)]
    runs: list[range] = []
    for day in sorted(wanted):
        if runs and runs[-1].stop == day and len(runs[-1]) < LONGEST:
            runs[-1] = range(runs[-1].start, day + 1)
        else:
            runs.append(range(day, day + 1))
    return runs


def _again(day: int, then: datetime, at: datetime, options: EntsoeOptions) -> bool:
    end = EPOCH + timedelta(days=day + 1)
    if at - end < FRESH:
        return at - then >= options.every
    return any(at >= end + age > then for age in (FRESH, *options.again))


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_chunked(1 << 16):
        body += part
        if len(body) > _MOST_BYTES:
            raise SourceError("ENTSO-E answers with more than 64 MB, which no document of a month has")
    return bytes(body)


def _refused(status: int) -> str:
    if status in (401, 403):
        return "ENTSO-E refuses the token; check token_file of [[collector]]"
    if status == 429:
        return "ENTSO-E was asked too often; it is left alone until the next time"
    return f"ENTSO-E answers with status {status}; it is asked again later"


def _next_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%d%H%M")
