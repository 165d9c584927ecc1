"""``service.py report 2026-10``: issue monthly reports and copy their files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from commands.running import Running
from reports.report import Format


@dataclass(frozen=True)
class ReportOrder:
    """Which month of which sites, in which formats, copied to which folder."""

    month: str
    sites: Sequence[str]
    formats: Sequence[Format]
    out: Path


async def issue_reports(api: Running, order: ReportOrder) -> list[dict[str, object]]:
    """Issue each and write its files; the entries as the API tells them. Raises ServiceError.

    Each also tells ``settled_until``, the end of what is settled of its month.
    """
    order.out.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    entries = []
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("issuing", total=len(order.sites) * (1 + len(order.formats)))
        for site in order.sites:
            path = f"/api/v1/reports/{site}/{order.month}"
            entry = json.loads(await api.post(path, {}))
            figures = json.loads(await api.get(f"{path}.json"))["figures"]
            progress.advance(bar)
            files = []
            for form in order.formats:
                file = order.out / f"{site}-{order.month}.{form}"
                file.write_bytes(await api.get(f"{path}.{form}"))
                files.append(str(file))
                progress.advance(bar)
            entries.append({**entry, "settled_until": figures["settled_until"], "files": files})
    return entries


def unsettled(entry: Mapping[str, object]) -> str:
    """What people must know of a draft."""
    until = entry["settled_until"]
    known = "nothing of it is settled yet" if until is None else f"it is settled until {until}"
    return f"{entry['site']} {entry['period']} is a draft: {known}; a running service settles what has ended"
