"""The JSON API as a program uses it: with a token from the command line."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.acceptance.service_process import ServiceProcess, run_once


def token(service: ServiceProcess, role: str) -> str:
    """A new API token for ``role``, made by ``service.py token create``."""
    done = run_once(
        "token", "create", "--role", role, "--name", f"test-{role}", "--config", str(service.config)
    )
    found = re.search(r"aw_\S+", done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert found is not None, done.stdout
    return found.group()


class Client:
    """Asks one service and fails on any answer but 2xx."""

    def __init__(self, service: ServiceProcess, secret: str) -> None:
        headers = {"Authorization": f"Bearer {secret}"}
        self._http = httpx.Client(base_url=service.url, headers=headers, timeout=60)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON that ``path`` answers; ``from_`` stands for ``from``."""
        return self.raw(path, **query).json()

    def raw(self, path: str, **query: Any) -> httpx.Response:
        """The answer of ``path`` as it is."""
        return self._http.get(path, params=_query(query)).raise_for_status()

    def post(self, path: str, body: Any = None) -> Any:
        """The JSON that a POST of ``body`` answers."""
        return self._http.post(path, json=body).raise_for_status().json()

    def ingest(self) -> dict[str, Any]:
        """``/api/v1/ingest``."""
        found: dict[str, Any] = self.get("/api/v1/ingest")
        return found

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _query(query: dict[str, Any]) -> dict[str, Any]:
    return {name.rstrip("_"): value for name, value in query.items()}
