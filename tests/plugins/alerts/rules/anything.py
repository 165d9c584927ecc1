"""Fires as soon as any message has arrived."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from runtime.options import Options


class AnythingOptions(Options):
    """``least`` messages that must have arrived."""

    least: int = 1


@RULES.add("anything", AnythingOptions)
class Anything:
    """Implements :class:`alerts.verdict.Rule`."""

    cadence = Cadence.LIVE

    def __init__(self, options: AnythingOptions) -> None:
        self._least = options.least

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        received = (await read.ingest.status()).received
        active = received >= self._least
        return [
            Verdict(
                "anything", "anything", None, Severity.LOW, active, "It has arrived", f"{received} so far"
            )
        ]
