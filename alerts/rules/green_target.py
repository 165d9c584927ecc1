"""A target is missed, or expected to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from alerts.promise import Told
from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.interval import Period
from energy.targets.shortfall import GrowingPeriod, uncovered_wh
from energy.targets.target import Standing, TargetVerdict
from runtime.options import Options

WORST = 5
"""Hours named in the evidence of a miss."""

_NOT_KNOWN = "How the target stands is not known now: the summary says why."
_IS_MET = "The target is met: nothing needs to be done."
_ON_COURSE = "The target is on course: nothing needs to be done."
_CAN_BE_MET = (
    "The target can still be met. Move deferrable load into hours with sun and wind, "
    "or have more green supply contracted for the rest of the period."
)
_MISSED_ADVICE = {
    Standing.MISSED: "Nothing can win this period back. The evidence lists the hours in which most green "
    "power was lacking: tell whoever answers for the target, and see whether contracts or load can be moved.",
    Standing.AT_RISK: _CAN_BE_MET,
    Standing.MET: _IS_MET,
    Standing.ON_COURSE: _ON_COURSE,
    Standing.UNKNOWN: _NOT_KNOWN,
}
_PLAIN_MISS = "Nothing can win this period back: tell whoever answers for the target how it came."
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
            judged = await read.judged(target, at)
            told = Told(judged, read)
            green = _is(judged, Standing.MISSED) and target.aim.origin
            worst = {"worst_hours": await self._worst(judged, read)} if green else {}
            found += [self._missed(told, worst), self._at_risk(told)]
        return found

    async def _worst(self, judged: TargetVerdict, read: Reading) -> list[dict[str, Any]]:
        """The hours judged that cost the target most, largest loss first."""
        site, until = judged.target.site, datetime.fromisoformat(judged.evidence["until"])
        hours = self._hours.setdefault(judged.target.name, GrowingPeriod(site, WORST))
        return [
            {"start": row.start.isoformat(), "uncovered_wh": uncovered_wh(row), "load_wh": row.load_wh}
            for row in await hours.worst(Period(judged.start, until), read.figures)
        ]

    def _missed(self, told: Told, worst: Mapping[str, Any]) -> Verdict:
        judged = told.judged
        missed = _is(judged, Standing.MISSED)
        return Verdict(
            key=f"target/{judged.target.name}/missed",
            rule="green_target",
            severity=Severity(judged.target.severity),
            active=missed,
            title=f"{told.what} missed: {told.label}, {told.period}",
            advice=_MISSED_ADVICE[judged.standing] if judged.target.aim.origin or not missed else _PLAIN_MISS,
            evidence={**told.evidence, **worst},
            **told.shared,
        )

    def _at_risk(self, told: Told) -> Verdict:
        """On once the goal is expected to be missed, off once the whole range of the nowcast keeps it."""
        judged = told.judged
        became = "It became a miss: " if _is(judged, Standing.MISSED) else ""
        known = _is(judged, Standing.AT_RISK) is not None
        return Verdict(
            key=f"target/{judged.target.name}/at-risk",
            rule="green_target",
            severity=self._options.at_risk,
            active=judged.falls_short if known else None,
            clears=judged.standing is not Standing.AT_RISK,
            title=f"{told.what} at risk: {told.label}, {told.period}",
            advice=judged.action.sentence if judged.action else _RISK_ADVICE[judged.standing],
            evidence=told.evidence,
            **{**told.shared, "summary": became + judged.reason},
        )


def _is(judged: TargetVerdict, standing: Standing) -> bool | None:
    return None if judged.standing is Standing.UNKNOWN else judged.standing is standing
