"""The ladder of a month: what covered the load, rung by rung, and what went through batteries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyKind, SupplyOptions
from energy.figures import KpiRow, MixRow
from energy.sums.matching import RUNGS
from energy.sums.splice import CERTIFICATES
from reports.render.parts import parts

_TITLES = {
    "onsite": ("Own plants", "generated behind the meter, not exported"),
    "storage": ("Batteries", "charged with surplus of own plants and contracts; losses taken off"),
    "ppa": ("Contracts", "delivered in the site's bidding zone, certificates kept"),
    "timed": ("Time-stamped certificates", "cancelled, of this zone and hour"),
    "other": ("Other", "known not to be green"),
    "unknown": ("Unknown", "counts as not green"),
}


@dataclass(frozen=True)
class RungLine:
    """One rung, or what is left: ``share`` of the load as it is written (0..1; they add up to 1), and the
    ``parts`` (supply, Wh) of it.

    ``page`` is where its energy is told from: the name of a page of the month, or of a part of this one.
    """

    rung: str
    title: str
    note: str
    wh: float
    share: float
    parts: Sequence[tuple[str, float]]
    page: str


@dataclass(frozen=True)
class Ladder:
    """``lines`` add up to ``load_wh``. The share is at least ``low`` and at most ``high``, None if withheld.

    ``edc_wh`` is ``load_wh + charged_wh - withdrawn_wh`` but for ``apart_wh``: E_DC of intervals in which it
    is not known what batteries did. ``stores`` tells whether the site has any.
    """

    lines: Sequence[RungLine]
    load_wh: float
    edc_wh: float
    charged_wh: float
    withdrawn_wh: float
    lost_wh: float
    kept_wh: float
    apart_wh: float
    low: float | None
    high: float | None
    stores: bool


def ladder(total: KpiRow, mixes: Sequence[MixRow], sites: Mapping[str, SiteOptions]) -> Ladder | None:
    """The ladder of a month whose hours are ``mixes``; None as long as no load is known."""
    if total.load_wh is None or total.edc_wh is None:
        return None
    load = total.load_wh
    kinds = _kinds(sites)
    green: dict[str, float] = {}
    for mix in mixes:
        for name, wh in mix.green.items():
            green[name] = green.get(name, 0.0) + wh
    amounts: dict[str, float] = {rung: fsum(mix.rungs.get(rung, 0.0) for mix in mixes) for rung in RUNGS}
    amounts |= {"other": total.other_wh or 0.0, "unknown": total.unknown_wh or 0.0}
    charged, drawn = (fsum(getattr(mix, f"{name}_wh") for mix in mixes) for name in ("charged", "withdrawn"))
    rest = [max(0.0, amounts["other"]), max(0.0, amounts["unknown"])]
    claimed = [amounts[rung] for rung in RUNGS]
    told = parts(claimed, rest) if fsum(claimed + rest) > 0 else [0.0] * len(amounts)
    return Ladder(
        lines=[
            _line(rung, (wh, part), [one for one in green.items() if kinds.get(one[0], "timed") == rung])
            for (rung, wh), part in zip(amounts.items(), told, strict=True)
            if wh or rung in (*kinds.values(), "other", "unknown")
        ],
        load_wh=load,
        edc_wh=total.edc_wh,
        charged_wh=charged,
        withdrawn_wh=drawn,
        lost_wh=fsum(mix.lost_wh for mix in mixes),
        kept_wh=fsum(wh for mix in mixes for wh in mix.stored_wh.values()),
        apart_wh=total.edc_wh - load - charged + drawn,
        low=total.hourly_matched,
        high=total.hourly_matched_upper,
        stores="storage" in kinds.values(),
    )


def _line(rung: str, amount: tuple[float, float], of_it: Sequence[tuple[str, float]]) -> RungLine:
    title, note = _TITLES[rung]
    page = {"timed": CERTIFICATES, "other": "worst", "unknown": "map"}.get(rung, "meters")
    return RungLine(rung, title, note, *amount, of_it, page)


def _kinds(sites: Mapping[str, SiteOptions]) -> dict[str, str]:
    """The rung of each supply that can have one, by its id and by that with its site."""
    found = {}
    for key, site in sites.items():
        for supply in site.supply:
            rung = _rung(supply)
            if rung is not None:
                found[supply.id] = found[f"{key}/{supply.id}"] = rung
    return found


def _rung(supply: SupplyOptions) -> str | None:
    if supply.kind is SupplyKind.BATTERY:
        return "storage"
    if not supply.kind.renewable:
        return None
    return "onsite" if supply.kind.onsite else "ppa"
