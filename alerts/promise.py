"""What every alarm of a target says of the period that is judged."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from alerts.reading import Reading
from energy.figures import ALL
from energy.quantity import day_words, month_words
from energy.targets.aim import metric_form, metric_unit
from energy.targets.target import TargetVerdict


class Told:
    """The period, the figure and the evidence of a verdict, as all conditions of its target tell them."""

    def __init__(self, judged: TargetVerdict, read: Reading) -> None:
        self.judged = judged
        known = read.sites.get(judged.target.site)
        self.tz = known.tz if known else UTC  # days of all sites are those of UTC
        self.label = judged.target.title(read.sites)
        self._start = judged.start.astimezone(self.tz)

    @property
    def what(self) -> str:
        """``Green target`` of a share of green energy, ``Target`` of any other figure."""
        return "Green target" if self.judged.target.aim.origin else "Target"

    @property
    def period(self) -> str:
        """``2 October 2026``, ``October 2026``, ``Q4 2026`` or ``2026``, as the site calls it."""
        start, span = self._start, self.judged.target.period
        if span == "day":
            return day_words(start)
        if span == "month":
            return month_words(start)
        return f"{start.year}" if span == "year" else f"Q{(start.month + 2) // 3} {start.year}"

    @property
    def episode(self) -> str:
        """The period as programs call it: ``2026-10-02``, ``2026-10``, ``2026-Q4`` or ``2026``."""
        start, span = self._start, self.judged.target.period
        if span == "quarter":
            return f"{start.year}-Q{(start.month + 2) // 3}"
        return f"{start:%Y-%m-%d}"[: {"day": 10, "month": 7, "year": 4}[span]]

    @property
    def shared(self) -> dict[str, Any]:
        """Everything but what sets the conditions apart."""
        judged, target = self.judged, self.judged.target
        share = metric_form(target.metric) == "share"
        unit = metric_unit(target.metric)
        scale = 100 if share else 1
        month = judged.start if target.period in ("day", "month") else (judged.until or judged.start)
        return {
            "site": None if target.site == ALL else target.site,
            "summary": judged.reason,
            "value": None if judged.value is None else scale * judged.value,
            "limit": scale * target.goal,
            "unit": "%" if share else "" if unit == "1" else unit,
            "link": f"/green/{month.astimezone(self.tz):%Y-%m}?site={target.site}",
            "episode": self.episode,
        }

    @property
    def evidence(self) -> dict[str, Any]:
        """The period and the energies behind the judgement."""
        judged = self.judged
        share = metric_form(judged.target.metric) == "share"
        return {
            "target": self.label,
            "metric": judged.target.metric,
            "start": judged.start.isoformat(),
            "end": judged.end.isoformat(),
            "standing": str(judged.standing),
            "best_possible" if share else "best_possible_ratio": judged.best_possible,
            **judged.evidence,
        }
