"""A target is missed, or at risk of being missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.figures import ALL
from energy.judge import judge_target
from energy.target import Standing, TargetOptions, TargetVerdict
from runtime.options import Options


class GreenTargetOptions(Options):
    """``at_risk`` is the severity of a risk; a miss has the severity that its target names."""

    at_risk: Severity = Severity.MEDIUM


@RULES.add("green_target", GreenTargetOptions)
class GreenTarget:
    """Two conditions per ``[[target]]``; each period of the target is an episode of its own."""

    cadence = Cadence.LEDGER

    def __init__(self, options: GreenTargetOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Missed and at risk, for every target; unknown while its figure is withheld."""
        found = []
        for target in read.targets:
            judged = await judge_target(target, read.figures, at)
            shared = _shared(judged, read)
            found += [self._missed(judged, shared), self._at_risk(judged, shared)]
        return found

    def _missed(self, judged: TargetVerdict, shared: Mapping[str, Any]) -> Verdict:
        return Verdict(
            key=f"target/{judged.target.name}/missed",
            severity=Severity(judged.target.severity),
            active=_is(judged, Standing.MISSED),
            title=f"Green target missed: {judged.target.name}",
            advice="Nothing can win this period back. Read in the hours listed where green power was short, "
            "tell whoever answers for the target, and see whether contracts or load can be moved.",
            **shared,
        )

    def _at_risk(self, judged: TargetVerdict, shared: Mapping[str, Any]) -> Verdict:
        return Verdict(
            key=f"target/{judged.target.name}/at-risk",
            severity=self._options.at_risk,
            active=_is(judged, Standing.AT_RISK),
            title=f"Green target at risk: {judged.target.name}",
            advice="The target can still be met. Move deferrable load into hours with sun and wind, "
            "or have more green supply contracted for the rest of the period.",
            **shared,
        )


def _is(judged: TargetVerdict, standing: Standing) -> bool | None:
    return None if judged.standing is Standing.UNKNOWN else judged.standing is standing


def _shared(judged: TargetVerdict, read: Reading) -> dict[str, Any]:
    target = judged.target
    known = read.sites.get(target.site)
    start = judged.start.astimezone(known.tz if known else None)
    return {
        "rule": "green_target",
        "site": None if target.site == ALL else target.site,
        "summary": judged.reason,
        "value": None if judged.value is None else 100 * judged.value,
        "limit": 100 * target.goal,
        "unit": "%",
        "link": _link(target, start),
        "episode": f"{start:%Y-%m-%d}" if target.period == "day" else f"{start:%Y-%m}",
        "evidence": {
            "target": target.name,
            "metric": target.metric,
            "start": judged.start.isoformat(),
            "end": judged.end.isoformat(),
            "standing": str(judged.standing),
            "best_possible": judged.best_possible,
            **judged.evidence,
        },
    }


def _link(target: TargetOptions, start: datetime) -> str:
    return f"/green/{start:%Y-%m}?site={target.site}"
