"""A store follows the journal from too far behind."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.quantity import quantity
from runtime.options import Duration, Options
from telemetry.status import StoreStatus


class StoreLaggingOptions(Options):
    """On beyond ``limit``, off below ``clear``; both are ages of the oldest batch that the store lacks."""

    severity: Severity = Severity.MEDIUM
    limit: Duration = timedelta(minutes=5)
    clear: Duration = timedelta(minutes=2)
    on_delay: Duration = timedelta(seconds=60)


@RULES.add("store_lagging", StoreLaggingOptions)
class StoreLagging:
    """One condition per store."""

    cadence = Cadence.LIVE

    def __init__(self, options: StoreLaggingOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """How far each store is behind; always known."""
        return [self._store(store) for store in (await read.ingest.status()).stores]

    def _store(self, store: StoreStatus) -> Verdict:
        why = f" It says: {store.error}" if store.error else ""
        return Verdict(
            key=f"store/{store.name}/lagging",
            rule="store_lagging",
            site=None,
            severity=self._options.severity,
            active=store.lag_s > self._options.limit.total_seconds(),
            clears=store.lag_s < self._options.clear.total_seconds(),
            title=f"Store {store.name} is behind",
            summary=f"{store.name} is {quantity(store.lag_s, 's')} behind the journal.{why}",
            value=store.lag_s,
            limit=self._options.limit.total_seconds(),
            unit="s",
            on_delay=self._options.on_delay,
            link="/system",
            evidence={"position": store.position, "error": store.error},
            advice="See that its server answers and has disk space. The journal keeps what it lacks: "
            "for the first store until it is full, when nothing is acknowledged any more; for another up to "
            "its hold, and what goes beyond is filled in from the first store later.",
        )
