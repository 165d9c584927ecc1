"""``service.py loadtest``: publish GPU messages at a rate and account for each."""

from __future__ import annotations

from rich.console import Console
from rich.progress import Progress

from runtime.clock import SystemClock
from simulator.loadtest import LoadOptions, LoadResult, LoadTest


async def run_load(options: LoadOptions) -> LoadResult:
    """Run it with a progress bar on a terminal. Raises SourceError when the broker is not there."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task(f"{options.rate:g} messages/s", total=1.0)
        test = LoadTest(options, SystemClock(), lambda share: progress.update(bar, completed=share))
        return await test.run()


def account(result: LoadResult) -> dict[str, float]:
    """The result as plain numbers, for people and for ``--json``."""
    return {
        "sent": result.sent,
        "acknowledged": result.acknowledged,
        "rows": result.rows,
        "bytes": result.bytes,
        "seconds": round(result.seconds, 3),
        "rate": round(result.rate, 1),
        "behind_s": round(result.behind_s, 3),
        "cpu_us_per_message": round(result.cpu_us_per_message, 2),
        "first_ts_ms": result.first_ts_ms,
        "last_ts_ms": result.last_ts_ms,
    }
