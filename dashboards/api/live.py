"""The figures of this moment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from dashboards.api import asked
from dashboards.api.asked import Asked
from dashboards.here import HouseHere, NowHere
from dashboards.now import SiteNow
from dashboards.problem import RESPONSES
from runtime.clock import from_ms, to_ms

router = APIRouter(prefix="/api/v1", tags=["live"], responses=RESPONSES)


class LiveAsked(Asked):
    """Without ``site``: every site, and ``all``."""

    site: str | None = None


class LiveSite(BaseModel):
    """Power in W, ratios as numbers; null is explained in ``withheld``.

    ``at`` is the time of the oldest reading behind the figures told, ``age_s`` its age. ``gpu_w`` is the sum
    of the ``gpu_reporting`` GPUs: partial where ``gpu_known`` are more, null below the completeness floor.
    """

    power_w: float | None
    it_w: float | None
    gpu_w: float | None
    gpu_reporting: int
    gpu_known: int
    grid_w: float | None
    cooling_w: float | None
    pue: float | None
    green_share: float | None
    headroom_w: float | None
    at: str | None
    age_s: float | None
    withheld: dict[str, str]


class Live(BaseModel):
    """By site."""

    sites: dict[str, LiveSite]


@router.get("/live")
async def live(house: HouseHere, now: NowHere, query: Annotated[LiveAsked, Query()]) -> Live:
    """What each site takes at this moment; with a stale part a figure is null, save ``gpu_w``."""
    at_ms = to_ms(house.clock.now())
    everything = now.everything(at_ms)
    keys = list(everything) if query.site is None else [asked.site(house, query.site)]
    return Live(sites={key: _site(everything[key], at_ms) for key in keys})


def _site(site: SiteNow, now_ms: int) -> LiveSite:
    gauges = site.gauges()
    told = [g.at for g in gauges.values() if g.v is not None and g.at is not None]
    at_ms = min(told or [g.at for g in gauges.values() if g.at is not None], default=None)
    return LiveSite(
        power_w=site.power_w.v,
        it_w=site.it_w.v,
        gpu_w=site.gpu_w.v,
        gpu_reporting=site.reporting,
        gpu_known=site.gpus,
        grid_w=site.grid_w.v,
        cooling_w=site.cooling_w.v,
        pue=site.pue.v,
        green_share=site.green_share.v,
        headroom_w=site.headroom_w.v,
        at=None if at_ms is None else from_ms(at_ms).isoformat(),
        age_s=None if at_ms is None else max(0, now_ms - at_ms) / 1000,
        withheld={name: g.reason for name, g in gauges.items() if g.v is None and g.reason},
    )
