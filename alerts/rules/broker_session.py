"""The broker forgot our session, or another client has it: messages may be missing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from runtime.options import Duration, Options


class BrokerSessionOptions(Options):
    """On for ``window`` after each gap of the session."""

    severity: Severity = Severity.HIGH
    window: Duration = timedelta(hours=1)


@RULES.add("broker_session", BrokerSessionOptions)
class BrokerSession:
    """One condition. What a gap has cost nobody can count, so every gap is told."""

    cadence = Cadence.LIVE

    def __init__(self, options: BrokerSessionOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Whether there was a gap within the window; always known."""
        status = await read.ingest.status()
        last = status.last_gap_at
        verdict = Verdict(
            key="broker/session",
            rule="broker_session",
            site=None,
            severity=self._options.severity,
            active=last is not None and at - last < self._options.window,
            title="Messages may be missing: the broker's session was interrupted",
            summary="The broker held no session where there should have been one, or gave it to another "
            f"client, last at {last:%Y-%m-%d %H:%M} UTC."
            if last is not None
            else "The broker has kept our session since the start.",
            link="/system",
            evidence={"session_gaps": status.session_gaps, "last": last.isoformat() if last else None},
            advice="Look for a second client with the service's client id (a copy of its configuration, or a "
            "tool somebody started) and give it another. If the broker was restarted, let it keep sessions "
            "on disk. Then check the completeness of that hour.",
        )
        return [verdict]
