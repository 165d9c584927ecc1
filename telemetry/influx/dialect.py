"""Which generation a server is, and how each wants to be written to."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import aiohttp
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService

from runtime.errors import StoreError
from telemetry.influx.answer import Answer
from telemetry.influx.options import Generation, InfluxOptions

_TEXT = "text/plain; charset=utf-8"


class Wire(Protocol):
    """One way to hand lines to a server."""

    async def post(self, lines: Sequence[str]) -> Answer:
        """Send ``lines`` in one request. Raises aiohttp.ClientError, OSError or TimeoutError."""
        ...

    async def close(self) -> None:
        """Release its connections."""
        ...


async def detect(http: aiohttp.ClientSession, url: str) -> Generation:
    """Ask ``url`` what it is. Raises StoreError when it cannot be reached or gives no clue."""
    try:
        async with http.get(f"{url}/ping") as ping:
            body, headers = await ping.text(errors="replace"), ping.headers
        version = headers.get("X-Influxdb-Version", "").lstrip("v")
        # Only the ping of 3.x has a body and a cluster id; only VictoriaMetrics says a bare OK besides it.
        if "cluster-uuid" in headers or version.startswith("3") or '"product_name"' in body:
            return "3"
        if version.startswith("2"):
            return "2"
        async with http.get(f"{url}/health") as health:
            bare = health.status == 200 and (await health.text(errors="replace")).strip() == "OK"
    except (aiohttp.ClientError, TimeoutError, OSError, UnicodeError) as error:
        raise StoreError(f"{url} cannot be reached: {error or type(error).__name__}") from error
    if bare:
        return "vm"
    if version.startswith("1"):
        return "1"
    raise StoreError(f"{url} does not tell what it is (GET /ping): set generation to 1, 2, 3 or vm")


def authorization(options: InfluxOptions, generation: str, secret: str | None) -> Mapping[str, str]:
    """The HTTP header that logs in; ``secret`` is the token or the password."""
    if secret is None:
        return {}
    if options.user is not None:
        return {"Authorization": aiohttp.encode_basic_auth(options.user, secret)}
    return {"Authorization": ("Token " if generation == "2" else "Bearer ") + secret}


async def _packed(lines: Sequence[str], level: int) -> bytes:
    body = "\n".join(lines).encode()
    return await asyncio.to_thread(gzip.compress, body, level, mtime=0) if level else body


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.strip().isdigit() else None


class PathWire:
    """InfluxDB 1.x ``/write`` and 3.x ``/api/v3/write_lp``, over a session of its own that has the login."""

    def __init__(self, http: aiohttp.ClientSession, options: InfluxOptions, generation: Generation) -> None:
        self._http = http
        self._level = options.gzip
        name, policy = options.database_and_policy
        if generation == "3":
            self._url = f"{options.url}/api/v3/write_lp"
            # The long word is the only one that every 3.x knows.
            self._params = {"db": options.database, "precision": "millisecond"}
        else:
            self._url = f"{options.url}/write"
            self._params = {"db": name, "precision": "ms"} | ({"rp": policy} if policy else {})

    async def post(self, lines: Sequence[str]) -> Answer:
        """See :class:`Wire`."""
        headers = {"Content-Type": _TEXT} | ({"Content-Encoding": "gzip"} if self._level else {})
        body = await _packed(lines, self._level)
        request = self._http.post(
            self._url, params=self._params, data=body, headers=headers, allow_redirects=False
        )
        async with request as answer:
            return Answer(
                answer.status,
                await answer.text(errors="replace"),
                answer.headers.get("Content-Type", ""),
                _seconds(answer.headers.get("Retry-After")),
            )

    async def close(self) -> None:
        """See :class:`Wire`."""
        await self._http.close()


class ApiV2Wire:
    """InfluxDB 2.x ``/api/v2/write`` by its official client; VictoriaMetrics speaks it too."""

    def __init__(
        self,
        options: InfluxOptions,
        headers: Mapping[str, str],
        session: Callable[..., aiohttp.ClientSession],
        generation: Generation,
    ) -> None:
        self._options, self._creates = options, generation == "2"
        milliseconds = round(options.timeout.total_seconds() * 1000)
        self._client = InfluxDBClientAsync(
            options.url,
            token="",
            org=options.org or "-",
            timeout=milliseconds,
            allow_redirects=False,
            client_session_type=session,
        )
        for name, value in headers.items():
            self._client.api_client.set_default_header(name, value)  # type: ignore[no-untyped-call]
        self._service = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]

    async def post(self, lines: Sequence[str]) -> Answer:
        """See :class:`Wire`."""
        level = self._options.gzip
        body = await _packed(lines, level)
        try:
            _, status, headers = await self._service.post_write_async(  # type: ignore[no-untyped-call]
                org=self._options.org or "-",
                bucket=self._options.database,
                body=body,
                precision="ms",
                content_type=_TEXT,
                content_encoding="gzip" if level else "identity",
                _return_http_data_only=False,
            )
        except ApiException as error:
            return self._answer(error.status, error.headers or {}, error.body)
        return self._answer(status, headers, "")

    async def close(self) -> None:
        """See :class:`Wire`."""
        await self._client.close()  # type: ignore[no-untyped-call]

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes | str | None) -> Answer:
        text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
        kind, wait = headers.get("Content-Type", ""), _seconds(headers.get("Retry-After"))
        return Answer(status, text, kind, wait, self._creates)
