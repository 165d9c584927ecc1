"""Too many messages of a site are lost on their way here, though who sends them speaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import Field

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.quantity import count, counted
from runtime.errors import StoreError
from runtime.options import Options
from telemetry.completeness_lines import CompletenessView, SourceHour

HOUR = timedelta(hours=1)

GRACE = timedelta(minutes=10)
"""How long after its end an hour is judged: what is on its way has come then, and the ledger is stored."""

NAMED = 10
"""Sources named in the evidence, those that lack most."""


class LostMessagesOptions(Options):
    """On above ``limit`` (a share of the messages of an hour), if at least ``least`` are missing."""

    severity: Severity = Severity.MEDIUM
    limit: float = Field(default=0.01, gt=0, lt=1)
    clear: float = Field(default=0.005, gt=0, lt=1)
    least: int = Field(default=10, ge=1)


@RULES.add("lost_messages", LostMessagesOptions)
class LostMessages:
    """One condition per site, on the last hour of the completeness ledger that has ended.

    Of sources that speak: who is silent is told by ``silent_source``. While a gap of the broker's session
    explains what is missing, ``broker_session`` tells of it.
    """

    cadence = Cadence.LEDGER

    def __init__(self, options: LostMessagesOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Unknown while nothing was expected, the store cannot be asked, or the broker's gap is the cause."""
        if read.completeness is None:
            return []
        hour = (at - GRACE).astimezone(UTC).replace(minute=0, second=0, microsecond=0) - HOUR
        configured = {one.source for one in read.ingest.sources() if one.configured}
        lines = await _speaking(read.completeness, hour, configured | {""})
        if lines is None:
            return [
                self._verdict(key, hour, [], "The store cannot be asked for the hour.") for key in read.sites
            ]
        gaps = sum(line.session_gaps for line in lines if not line.source)
        why = "The broker's session was interrupted in the hour." if gaps else ""
        return [
            self._verdict(key, hour, [line for line in lines if line.source.startswith(f"{key}/")], why)
            for key in read.sites
        ]

    def _verdict(self, site: str, hour: datetime, lines: Sequence[SourceHour], why: str) -> Verdict:
        missing = sum(line.missing or 0 for line in lines)
        owed = sum(_owed(line) for line in lines)
        share = missing / owed if owed else None
        on = share is not None and share > self._options.limit and missing >= self._options.least
        worst = sorted((line for line in lines if line.missing), key=lambda line: -(line.missing or 0))
        told = f"of {counted(owed, 'message')} of the hour from {hour:%Y-%m-%d %H:%M} UTC"
        return Verdict(
            key=f"lost/{site}",
            rule="lost_messages",
            site=site,
            severity=self._options.severity,
            active=None if share is None or why else on,
            clears=share is not None and share < self._options.clear,
            title="Messages are lost on their way here",
            summary=why
            or (
                f"{count(missing)} {told} {'is' if missing == 1 else 'are'} missing, from "
                f"{counted(len(worst), 'source')}."
                if owed
                else "What was to come is not known."
            ),
            value=None if share is None else 100 * share,
            limit=100 * self._options.limit,
            unit="%",
            link=f"/system?site={site}",
            evidence={
                "hour": hour.isoformat(),
                "missing": missing,
                "expected": owed,
                "missed_by_their_own_count": sum(line.missed for line in lines),
                "count": len(worst),
                "sources": [f"{one.source}: {one.missing} of {_owed(one)}" for one in worst[:NAMED]],
            },
            advice="If many sources are named, look at the broker (full queues, dropped messages) and the "
            "network to it; if few, at their gateway. Publishers must send at QoS 1. What was refused counts "
            "as missing: System shows samples of it.",
        )


def _owed(line: SourceHour) -> int:
    """Messages that should have come, as far as anybody knows."""
    return max(line.expected or 0, line.kept + (line.missing or 0))


async def _speaking(ledger: CompletenessView, hour: datetime, names: set[str]) -> Sequence[SourceHour] | None:
    """The lines of ``hour`` of those that spoke after it, and of nobody in particular; None if unknown."""
    try:
        lines = await ledger.lines(hour, hour + 2 * HOUR, names.__contains__)
    except StoreError:
        return None
    speak = {line.source for line in lines if line.hour > hour and line.received} | {""}
    return [line for line in lines if line.hour == hour and line.source in speak]
