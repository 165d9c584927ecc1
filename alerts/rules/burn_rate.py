"""A target's budget is used up too fast: an alarm before the target is lost, while something can be done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from alerts.promise import Told
from alerts.reading import Reading
from alerts.verdict import RULES, Cadence, Severity, Verdict
from energy.outlook.evidence import amount
from energy.outlook.foresight import Foresight
from energy.outlook.pace import Burning, burning
from energy.quantity import moment
from energy.targets.target import Standing, TargetVerdict
from runtime.options import Duration, Options

_ADVICE = (
    "Move deferrable load into hours with more green supply, discharge batteries, or contract supply for "
    "the next hours."
)
_CALM = "The budget lasts at this pace: nothing needs to be done."
_NOT_KNOWN = "How fast the budget burns is not known now: the summary says why."
_LOST = "The miss is an alarm of its own: see there."


class BurnRateOptions(Options):
    """``slow`` is the severity of a burn over a day or so; one of hours has the severity of its target."""

    slow: Severity = Severity.MEDIUM
    off_delay: Duration = timedelta(hours=1)


@RULES.add("burn_rate", BurnRateOptions)
class BurnRate:
    """One condition per ``[[target]]`` whose goal leaves a budget; each period is an episode of its own."""

    cadence = Cadence.LEDGER

    def __init__(self, options: BurnRateOptions) -> None:
        self._options = options

    async def judge(self, at: datetime, read: Reading) -> Iterable[Verdict]:
        """Several windows and rates at once; unknown where what is not known decides."""
        found = []
        for target in read.targets:
            if target.aim.cost(target.goal) > 0:
                judged = await read.judged(target, at)
                found.append(self._verdict(Told(judged, read)))
        return found

    def _verdict(self, told: Told) -> Verdict:
        judged, foresight = told.judged, told.judged.foresight
        seen = _burning(judged, foresight)
        pace, burn = seen.hottest or (None, None)
        return Verdict(
            **{
                **told.shared,
                "key": f"target/{judged.target.name}/burn",
                "rule": "burn_rate",
                "severity": Severity(judged.target.severity) if seen.fast else self._options.slow,
                "active": seen.active,
                "clears": seen.calm,
                "title": f"Budget burns fast: {told.label}, {told.period}",
                "summary": _summary(told, seen, foresight),
                "value": burn.rate if burn else None,
                "limit": pace.rate if pace else None,
                "unit": "x",
                "off_delay": self._options.off_delay,
                "evidence": {**told.evidence, "window": f"last {pace.hours} h" if pace else None},
                "advice": _advice(judged, seen),
            }
        )


def _burning(judged: TargetVerdict, foresight: Foresight | None) -> Burning:
    if foresight is None:
        return Burning(None, False, False, None, None)
    if judged.until == judged.end or judged.standing is Standing.MISSED:
        return Burning(False, True, False, None, None)
    return burning(foresight.account, judged.target.period)


def _advice(judged: TargetVerdict, seen: Burning) -> str:
    if judged.standing is Standing.MISSED:
        return _LOST
    if not seen.active:
        return _NOT_KNOWN if seen.active is None else _CALM
    return judged.action.sentence if judged.action else _ADVICE


def _summary(told: Told, seen: Burning, foresight: Foresight | None) -> str:
    judged = told.judged
    if foresight is None or (judged.standing is Standing.UNKNOWN and not seen.active):
        return f"How fast the budget burns is not known: {judged.reason}."
    if judged.standing is Standing.MISSED:
        return "The budget is used up: the target is missed."
    budget = foresight.budget
    whole, left = amount(budget.allowed, budget.unit), amount(budget.left, budget.unit)
    if seen.hottest is None:
        return f"Of {whole} that the period may cost {left} are left."
    pace, burn = seen.hottest
    lost = f"used up on {moment(seen.lost_at, told.tz)}" if seen.lost_at else "not used up before its end"
    return (
        f"The last {pace.hours} h used {amount(burn.used, budget.unit)}, {burn.rate or 0:.1f} times the even "
        f"rate; of {whole} {left} are left, at this pace {lost}."
    )
