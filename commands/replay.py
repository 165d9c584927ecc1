"""``service.py replay``: which alerts would have fired, sending nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import Progress

from commands.running import Running
from runtime.errors import ServiceError


@dataclass(frozen=True)
class Past:
    """Every transition as the API tells it; of ``quarters`` so many are ``unknown`` at a site."""

    changes: Sequence[dict[str, Any]]
    quarters: int
    unknown: Mapping[str, int]

    def gaps(self) -> list[str]:
        """For people, where rules had nothing to judge."""
        return [
            f"{site}: the energy of {count} of {self.quarters} quarter-hours is not known; of those the "
            "rules say nothing."
            for site, count in self.unknown.items()
            if count
        ]


async def replayed(api: Running, start: str, end: str) -> Past:
    """What would have fired in [``start``, ``end``). Raises ServiceError.

    A terminal is shown how far it has come.
    """
    console = Console(stderr=True)
    found: list[dict[str, Any]] = []
    share, last = 0.0, dict[str, Any]()
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("judging", total=1.0)
        async with aclosing(api.lines("/api/v1/replay.ndjson", **{"from": start, "to": end})) as lines:
            async for line in lines:
                told = json.loads(line)
                if "share" in told:
                    share, last = told["share"], told
                    progress.update(bar, completed=share)
                else:
                    found.append(told)
    if share < 1:
        raise ServiceError("the service broke its answer off; its log tells why")
    return Past(found, last["quarters"], last["unknown"])


def in_words(change: dict[str, Any]) -> str:
    """One transition as a line for people."""
    told = "told" if change["told"] else "silent"
    return (
        f"{change['at']}  {change['before']} -> {change['after']}  [{change['severity']}, {told}]  "
        f"{change['title']}: {change['summary']}"
    )
