"""What a verdict on a target rests on, as machines take it: Wh, shares of 0..1, ISO times."""

from __future__ import annotations

from typing import Any

from energy.outlook.budget import Budget
from energy.outlook.foresight import Foresight
from energy.outlook.nowcast import Nowcast
from energy.outlook.progress import Progress
from energy.quantity import NOTHING, energy, quantity
from energy.targets.aim import Basis

_ASSUMPTION = "unknown consumption and origin are taken as green, the rest like the profile of the last weeks"
_CERTAIN = "met and missed before the end hold for all that is not known and to come {}"
_NAMES = {Basis.LOAD: "load_wh", Basis.IT: "eit_wh", Basis.TIME: "hours"}


def evidence(progress: Progress, foresight: Foresight, form: str) -> dict[str, Any]:
    """The period, its budget and its nowcast; ``form`` tells whether the figure is written in percent."""
    green = {"green_wh": progress.used - progress.cost - progress.unsure} if progress.aim.origin else {}
    assumption = {"assumption": _ASSUMPTION} if progress.aim.origin else {}
    ceiling = progress.ceiling
    certain = (
        {"certain": _CERTAIN.format(ceiling.words)}
        if ceiling and ceiling.words and not progress.ended
        else {}
    )
    return {
        "until": progress.until.isoformat(),
        _NAMES[progress.aim.basis]: progress.used,
        **green,
        "unknown_wh": progress.unsure,
        "not_measured_wh": progress.missing,
        "expected_rest_wh": progress.ahead,
        **assumption,
        **certain,
        **_nowcast(foresight.nowcast, "" if form == "share" else "_ratio"),
        **budget_evidence(foresight.budget),
        **({"action": foresight.action.sentence} if foresight.action else {}),
    }


def budget_evidence(budget: Budget) -> dict[str, Any]:
    """The budget in its unit, which the ends of the keys tell, and the burn rates of each window."""
    unit = budget.unit.lower()
    return {
        f"budget_{unit}": budget.allowed,
        f"budget_used_{unit}": budget.used,
        f"budget_in_doubt_{unit}": budget.doubt,
        f"budget_left_{unit}": budget.left,
        "burn_rates": {f"last {b.hours} h": burn_words(b.rate, b.pessimistic) for b in budget.burns},
        "lost_at": None if budget.lost_at is None else budget.lost_at.isoformat(),
    }


def amount(value: float, unit: str) -> str:
    """``12.3 MWh``, ``840 kg``: an amount of a budget as people read it."""
    return energy(value) if unit == "Wh" else quantity(value, unit)


def burn_words(rate: float | None, pessimistic: float | None) -> str:
    """``3.2 x``, ``3.2 to 4.0 x`` with what is not known, or an en dash."""
    if rate is None or pessimistic is None:
        return NOTHING
    low, high = f"{rate:.1f}", f"{pessimistic:.1f}"
    return f"{low} x" if low == high else f"{low} to {high} x"


def _nowcast(nowcast: Nowcast | None, kind: str) -> dict[str, Any]:
    if nowcast is None:
        return {}
    return {
        f"nowcast_low{kind}": nowcast.low,
        f"nowcast_expected{kind}": nowcast.expected,
        f"nowcast_high{kind}": nowcast.high,
    }
