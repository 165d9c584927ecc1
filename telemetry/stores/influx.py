"""InfluxDB 1.x, 2.x and 3.x, and VictoriaMetrics, as a store that follows the journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path

import aiohttp
import pyarrow as pa
import structlog

from runtime.backoff import Backoff
from runtime.errors import StoreError
from runtime.options import read_secret
from telemetry.catalogue import Measurement
from telemetry.frame import Frame
from telemetry.influx import influxql
from telemetry.influx.deadletter import DeadLetters
from telemetry.influx.dialect import ApiV2Wire, PathWire, Wire, authorization, detect
from telemetry.influx.line import LineFormat, portions
from telemetry.influx.options import Generation, InfluxOptions
from telemetry.influx.place import Place, read_place, write_place
from telemetry.influx.reader import InfluxReader
from telemetry.influx.steadiness import Steadiness
from telemetry.influx.writer import LineSender
from telemetry.series import SeriesRegistry
from telemetry.store import REPEATS, STORES, SeriesQuery, StoreCounts, WindowQuery
from telemetry.stored import is_told

log = structlog.get_logger(__name__)


@STORES.add("influx", InfluxOptions)
class InfluxStore:
    """Rows are idempotent there: same series and time overwrite. So everything may be sent again.

    ``counts`` tells the rows sent, not the rows stored, and knows no duplicates: the server does not say.
    VictoriaMetrics takes rows but answers no InfluxQL, so it cannot be the store that is read.
    """

    def __init__(
        self,
        options: InfluxOptions,
        registry: SeriesRegistry,
        data_dir: Path,
        name: str = "influx",
        backoff: Callable[[], Backoff] = lambda: Backoff(first=0.5, ceiling=10.0),
    ) -> None:
        self.name = name
        self.generation: Generation | None = None
        """What the server was found to be; None before it was reached."""
        self.dead = DeadLetters(data_dir / options.dead_letters / f"{name}.jsonl")
        self._options = options
        self._registry = registry
        self._backoff = backoff
        self._path = data_dir / f"{name}.place.json"
        self._place = Place(f"{options.url} {options.database}")
        self._format = LineFormat(registry)
        self._http: aiohttp.ClientSession | None = None
        self._wire: Wire | None = None
        self._steady = Steadiness(options.safety.total_seconds())

    @property
    def dead_letters(self) -> int:
        """Lines that the server will never take, in the file below the data directory."""
        return self.dead.count

    async def open(self) -> int:
        """Find out what the server is, log in with the secrets of now, and return the place reached."""
        await self._hang_up()
        await self.dead.open()
        options = self._options
        secret = await asyncio.to_thread(self._secret)
        self.generation = await self._detect(secret)
        headers = authorization(options, self.generation, secret)
        self._http = self._session(headers)
        self._steady = Steadiness(options.safety.total_seconds())
        if self.generation in ("2", "vm"):
            self._wire = ApiV2Wire(options, headers, self._steady.session, self.generation)
        else:
            writing = self._steady.session(headers=headers, timeout=self._patience)
            self._wire = PathWire(writing, options, self.generation)
        if self.generation == "1":
            await self._create_database()
        self._place = await asyncio.to_thread(read_place, self._path, self._place.target)
        log.info("influx_opened", store=self.name, url=options.url, generation=self.generation)
        return self._place.position

    async def append(self, frames: Sequence[Frame], position: int) -> None:
        """Send all rows, then remember the position; rows of positions known before are sent again.

        Raises StoreError also when all were taken but the server may have been another process before.
        """
        if self._wire is None:
            raise StoreError(f"{self.name} is not open")
        sender = LineSender(self._wire, self.dead, self._options.url, self._backoff())
        for part in portions(frames, self._options.batch_lines):
            # A chunk of a catch-up has a million rows: formatting them takes seconds, which belong to others.
            await sender.send(await asyncio.to_thread(self._lines, part))
        told = sum(len(frame) for frame in frames if is_told(frame.measurement))
        if self._steady.broke():
            raise StoreError(
                f"{self._options.url} closed the connection and took it up anew: it may have been restarted, "
                f"so what it took in the last {self._options.safety.total_seconds():g} s is sent again"
            )
        if position > self._place.position:
            self._place = Place(self._place.target, position, self._place.rows + told)
            await asyncio.to_thread(write_place, self._path, self._place)

    async def latest(self, query: SeriesQuery) -> pa.Table:
        """The newest row of each series."""
        return await self._reader().latest(query)

    async def window(self, query: WindowQuery) -> pa.Table:
        """Aggregates in steps."""
        return await self._reader().window(query)

    async def raw(self, query: SeriesQuery) -> AsyncIterator[pa.RecordBatch]:
        """All rows, streamed."""
        async with aclosing(self._reader().raw(query)) as batches:
            async for batch in batches:
                yield batch

    async def prune(self, measurement: Measurement, before: datetime) -> None:
        """Nothing: how long a server keeps rows is set there, by whoever it belongs to."""

    async def counts(self) -> StoreCounts:
        """Rows sent, since the data directory was made."""
        return StoreCounts(self._place.rows, 0)

    async def repeats(self, start: datetime, end: datetime) -> pa.Table:
        """Nothing: a server that overwrites does not say what was there before."""
        return REPEATS.empty_table()

    @property
    def marks(self) -> tuple[int, ...]:
        """The place reached: rows up to it were counted, so none beyond may come with them."""
        return (self._place.position,)

    async def close(self) -> None:
        """Close the connections."""
        await self._hang_up()

    async def _hang_up(self) -> None:
        wire, http, self._wire, self._http = self._wire, self._http, None, None
        if wire is not None:
            await wire.close()
        if http is not None:
            await http.close()

    def _reader(self) -> InfluxReader:
        if self._http is None:
            raise StoreError(f"{self.name} is not open")
        if self.generation == "vm":
            raise StoreError(
                f"{self._options.url} speaks no InfluxQL: let a store that can be read be the first",
                permanent=True,
            )
        return InfluxReader(self._http, self._options, self._registry)

    def _lines(self, frames: Sequence[Frame]) -> list[str]:
        return [line for frame in frames for line in self._format.lines(frame)]

    def _secret(self) -> str | None:
        path = self._options.token_file or self._options.password_file
        try:
            return read_secret(path).get_secret_value() if path else None
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"the login of the store {self.name} cannot be read: {error}") from None

    def _session(self, headers: Mapping[str, str]) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(headers=headers, timeout=self._patience)

    @property
    def _patience(self) -> aiohttp.ClientTimeout:
        # Silence is what ends a request: a whole month of raw rows takes as long as its reader lets it.
        patience = self._options.timeout.total_seconds()
        return aiohttp.ClientTimeout(total=None, connect=patience, sock_read=patience)

    async def _detect(self, secret: str | None) -> Generation:
        if self._options.generation != "auto":
            return self._options.generation
        async with self._session(authorization(self._options, "auto", secret)) as http:
            return await detect(http, self._options.url)

    async def _create_database(self) -> None:
        database, _ = self._options.database_and_policy
        try:
            await self._reader().command(f"CREATE DATABASE {influxql.name(database)}")
        except StoreError as error:
            # Only an administrator may; whether it exists shows at the first write.
            log.info("database_not_created", store=self.name, database=database, reason=str(error))
