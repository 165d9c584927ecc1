"""``service.py replay``: which alerts would have fired, sending nothing."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import Any

from rich.console import Console
from rich.progress import Progress

from commands.running import Running
from runtime.errors import ServiceError


async def replayed(api: Running, start: str, end: str) -> list[dict[str, Any]]:
    """Every transition in [``start``, ``end``) as the API tells it. Raises ServiceError.

    A terminal is shown how far it has come.
    """
    console = Console(stderr=True)
    found: list[dict[str, Any]] = []
    share = 0.0
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("judging", total=1.0)
        async with aclosing(api.lines("/api/v1/replay.ndjson", **{"from": start, "to": end})) as lines:
            async for line in lines:
                told = json.loads(line)
                if "share" in told:
                    share = told["share"]
                    progress.update(bar, completed=share)
                else:
                    found.append(told)
    if share < 1:
        raise ServiceError("the service broke its answer off; its log tells why")
    return found


def in_words(change: dict[str, Any]) -> str:
    """One transition as a line for people."""
    told = "told" if change["told"] else "silent"
    return (
        f"{change['at']}  {change['before']} -> {change['after']}  [{change['severity']}, {told}]  "
        f"{change['title']}: {change['summary']}"
    )
