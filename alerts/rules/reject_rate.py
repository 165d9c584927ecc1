"""Too large a share of what comes in cannot be used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import Field

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.quantity import count, counted
from runtime.options import Duration, Options
from telemetry.status import IngestStatus

Sample = tuple[datetime, int, dict[str, int]]


class RejectRateOptions(Options):
    """On above ``limit`` (a share of the rows of the last ``window``), if at least ``least`` were refused."""

    severity: Severity = Severity.MEDIUM
    limit: float = Field(default=0.01, gt=0, lt=1)
    clear: float = Field(default=0.005, gt=0, lt=1)
    least: int = Field(default=10, ge=1)
    window: Duration = timedelta(minutes=10)


@RULES.add("reject_rate", RejectRateOptions)
class RejectRate:
    """One condition; it compares the ingest's counters with those of a window ago.

    A message that was refused whole counts as one row: how many it would have held is not known.
    """

    cadence = Cadence.LIVE

    def __init__(self, options: RejectRateOptions) -> None:
        self._options = options
        self._samples: deque[Sample] = deque()

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Unknown until a window has passed since the start, and while nothing arrives."""
        status = await read.ingest.status()
        seen, rejected, reasons = self._since(at, status)
        share = rejected / seen if seen else None
        topics = sorted({sample.topic for sample in status.samples if sample.reason in reasons})[:5]
        verdict = Verdict(
            key="ingest/rejects",
            rule="reject_rate",
            site=None,
            severity=self._options.severity,
            active=None if share is None else share > self._options.limit and rejected >= self._options.least,
            clears=share is not None and share < self._options.clear,
            title="Much of what comes in is rejected",
            summary=f"{count(rejected)} of {counted(seen, 'row')} "
            f"{'was' if rejected == 1 else 'were'} rejected: {_told(reasons)}."
            if share is not None
            else "The share that is rejected is not known yet.",
            value=None if share is None else 100 * share,
            limit=100 * self._options.limit,
            unit="%",
            link="/system",
            evidence={"reasons": reasons, "topics": topics},
            advice="Look at the samples of rejected messages on the System page; a device was changed, "
            "its clock is wrong, or its topic is not in the contract.",
        )
        return [verdict]

    def _since(self, at: datetime, status: IngestStatus) -> tuple[int, int, dict[str, int]]:
        self._samples.append((at, status.rows, dict(status.rejected)))
        while len(self._samples) > 1 and self._samples[1][0] <= at - self._options.window:
            self._samples.popleft()
        began, rows, rejected = self._samples[0]
        if at - began < self._options.window:
            return 0, 0, {}
        grown = {reason: n - rejected.get(reason, 0) for reason, n in status.rejected.items()}
        grown = {reason: n for reason, n in grown.items() if n > 0}
        refused = sum(grown.values())
        return status.rows - rows + refused, refused, grown


def _told(reasons: dict[str, int]) -> str:
    ordered = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{reason} {count(number)}" for reason, number in ordered) or "none"
