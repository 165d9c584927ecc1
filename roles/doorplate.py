"""Where a process can be reached: written beside its data for the other programs of its machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

from dashboards.server import WebServer

NAME = "address"


async def serve(server: WebServer, data_dir: Path, started: asyncio.Event) -> None:
    """Serve until cancelled, and tell other processes of this machine where; then set ``started``."""
    await server.start()
    plate = data_dir / NAME
    plate.write_text(server.url + "\n", encoding="utf-8")
    started.set()
    try:
        await server.wait()
    finally:
        plate.unlink(missing_ok=True)
        await server.stop()
