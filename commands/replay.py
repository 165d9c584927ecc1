"""``service.py replay``: which alerts would have fired, sending nothing."""

from __future__ import annotations

import json
from typing import Any

from commands.running import Running


async def replayed(api: Running, start: str, end: str) -> list[dict[str, Any]]:
    """Every transition in [``start``, ``end``) as the API tells it. Raises ServiceError."""
    found: list[dict[str, Any]] = json.loads(await api.get("/api/v1/replay", **{"from": start, "to": end}))[
        "transitions"
    ]
    return found


def in_words(change: dict[str, Any]) -> str:
    """One transition as a line for people."""
    told = "told" if change["told"] else "silent"
    return (
        f"{change['at']}  {change['before']} -> {change['after']}  [{change['severity']}, {told}]  "
        f"{change['title']}: {change['summary']}"
    )
