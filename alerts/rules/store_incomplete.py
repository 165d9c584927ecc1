"""A store lacks batches: it was away for longer than the journal could hold them for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.quantity import count
from runtime.options import Options
from telemetry.status import StoreStatus


class StoreIncompleteOptions(Options):
    """On while a store lacks anything that the others have."""

    severity: Severity = Severity.HIGH


@RULES.add("store_incomplete", StoreIncompleteOptions)
class StoreIncomplete:
    """One condition per store."""

    cadence = Cadence.LIVE

    def __init__(self, options: StoreIncompleteOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Whether each store has had every batch; always known."""
        return [self._store(store) for store in (await read.ingest.status()).stores]

    def _store(self, store: StoreStatus) -> Verdict:
        since = f" since {store.missed_since:%Y-%m-%d %H:%M} UTC" if store.missed_since else ""
        return Verdict(
            key=f"store/{store.name}/incomplete",
            rule="store_incomplete",
            site=None,
            severity=self._options.severity,
            active=store.missed > 0,
            title=f"Store {store.name} lacks rows",
            summary=f"{store.name} lacks rows of {count(store.missed)} batches{since}."
            if store.missed
            else f"{store.name} has had every batch.",
            link="/system",
            evidence={
                "missed_batches": store.missed,
                "since": store.missed_since.isoformat() if store.missed_since else None,
                "error": store.error,
            },
            advice="Bring the store back: once it is level, what the first store has is filled in by itself, "
            "and this ends. What stays, neither has: [journal] accept_loss_before ends it.",
        )
