"""A target is missed, or at risk of being missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.figures import ALL
from energy.interval import Period
from energy.judge import judge_target
from energy.quantity import day_words, month_words
from energy.shortfall import GrowingPeriod, uncovered_wh
from energy.target import Standing, TargetVerdict
from runtime.options import Options

WORST = 5
"""Hours named in the evidence of a miss."""

_NOT_KNOWN = "How the target stands is not known now: the summary says why."
_IS_MET = "The target is met so far: nothing needs to be done."
_CAN_BE_MET = (
    "The target can still be met. Move deferrable load into hours with sun and wind, "
    "or have more green supply contracted for the rest of the period."
)
_MISSED_ADVICE = {
    Standing.MISSED: "Nothing can win this period back. The evidence lists the hours in which most green "
    "power was lacking: tell whoever answers for the target, and see whether contracts or load can be moved.",
    Standing.AT_RISK: _CAN_BE_MET,
    Standing.MET: _IS_MET,
    Standing.UNKNOWN: _NOT_KNOWN,
}
_RISK_ADVICE = {
    **_MISSED_ADVICE,
    Standing.MISSED: "Nothing can win this period back. The miss is an alarm of its own: see there in which "
    "hours most green power was lacking.",
}
"""What to do about either condition, by how the target stands: an alarm is read after its end too."""


class GreenTargetOptions(Options):
    """``at_risk`` is the severity of a risk; a miss has the severity that its target names."""

    at_risk: Severity = Severity.MEDIUM


@RULES.add("green_target", GreenTargetOptions)
class GreenTarget:
    """Two conditions per ``[[target]]``; each period of the target is an episode of its own."""

    cadence = Cadence.LEDGER

    def __init__(self, options: GreenTargetOptions) -> None:
        self._options = options
        self._hours: dict[str, GrowingPeriod] = {}

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Missed and at risk, for every target; unknown while its figure is withheld."""
        found = []
        for target in read.targets:
            judged = await judge_target(target, read.figures, at)
            told = _Told(judged, read)
            missed = _is(judged, Standing.MISSED)
            worst = {"worst_hours": await self._worst(judged, read)} if missed else {}
            found += [self._missed(told, worst), self._at_risk(told)]
        return found

    async def _worst(self, judged: TargetVerdict, read: Reading) -> list[dict[str, Any]]:
        """The hours judged that cost the target most, largest loss first."""
        site, until = judged.target.site, datetime.fromisoformat(judged.evidence["until"])
        hours = self._hours.setdefault(judged.target.name, GrowingPeriod(site, WORST))
        return [
            {"start": row.start.isoformat(), "uncovered_wh": uncovered_wh(row), "edc_wh": row.edc_wh}
            for row in await hours.worst(Period(judged.start, until), read.figures)
        ]

    def _missed(self, told: _Told, worst: Mapping[str, Any]) -> Verdict:
        judged = told.judged
        return Verdict(
            key=f"target/{judged.target.name}/missed",
            severity=Severity(judged.target.severity),
            active=_is(judged, Standing.MISSED),
            title=f"Green target missed: {judged.target.name}, {told.period}",
            advice=_MISSED_ADVICE[judged.standing],
            evidence={**told.evidence, **worst},
            **told.shared,
        )

    def _at_risk(self, told: _Told) -> Verdict:
        judged = told.judged
        became = "It became a miss: " if _is(judged, Standing.MISSED) else ""
        return Verdict(
            key=f"target/{judged.target.name}/at-risk",
            severity=self._options.at_risk,
            active=_is(judged, Standing.AT_RISK),
            title=f"Green target at risk: {judged.target.name}, {told.period}",
            advice=_RISK_ADVICE[judged.standing],
            evidence=told.evidence,
            **{**told.shared, "summary": became + judged.reason},
        )


def _is(judged: TargetVerdict, standing: Standing) -> bool | None:
    return None if judged.standing is Standing.UNKNOWN else judged.standing is standing


class _Told:
    """What both conditions of a target say of the period that is judged."""

    def __init__(self, judged: TargetVerdict, read: Reading) -> None:
        self.judged = judged
        known = read.sites.get(judged.target.site)
        self._start = judged.start.astimezone(
            known.tz if known else UTC
        )  # days of all sites are those of UTC

    @property
    def period(self) -> str:
        """``2 October 2026`` or ``October 2026``, as the site calls it."""
        return day_words(self._start) if self.judged.target.period == "day" else month_words(self._start)

    @property
    def shared(self) -> dict[str, Any]:
        """Everything but what sets the conditions apart."""
        judged, target, start = self.judged, self.judged.target, self._start
        return {
            "rule": "green_target",
            "site": None if target.site == ALL else target.site,
            "summary": judged.reason,
            "value": None if judged.value is None else 100 * judged.value,
            "limit": 100 * target.goal,
            "unit": "%",
            "link": f"/green/{start:%Y-%m}?site={target.site}",
            "episode": f"{start:%Y-%m-%d}" if target.period == "day" else f"{start:%Y-%m}",
        }

    @property
    def evidence(self) -> dict[str, Any]:
        """The period and the energies behind the judgement."""
        judged = self.judged
        return {
            "target": judged.target.name,
            "metric": judged.target.metric,
            "start": judged.start.isoformat(),
            "end": judged.end.isoformat(),
            "standing": str(judged.standing),
            "best_possible": judged.best_possible,
            **judged.evidence,
        }
