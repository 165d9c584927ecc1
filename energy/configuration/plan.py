"""What a site consisted of, as it is kept: its devices and what else makes figures at a time, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field

from energy.configuration.metering import (
    Category,
    CoolingOptions,
    HeatOptions,
    MeterOptions,
    VirtualOptions,
    WaterOptions,
)
from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyOptions
from energy.configuration.zone import BiddingZone
from energy.tree.dating import DATED
from runtime.options import Options

TABLES = ("meter", "supply", "cooling", "heat", "water")
"""The tables of a site whose entries are devices."""

CONTRACT = "contracted_kw"
"""It bounds what is not known, so every plan tells it, also that there is none; those of before did not."""

UNDATED = ("grid", "pue_category", "completeness_floor", "estimate", CONTRACT)
"""What else a plan keeps: it holds from where the plan does, and of the past what held then."""

_KEPT = (*DATED, *UNDATED)

ABSENT = ""
"""The tables of a site that is not configured any more."""


@dataclass(frozen=True)
class Plan:
    """``tables`` (JSON) is valid from quarter ``since`` on, as recorded ``known_at`` that time.

    :data:`ABSENT` tells that the site had left the configuration.
    """

    since: int
    known_at: datetime
    tables: str

    @property
    def dated(self) -> bool:
        """Whether some entry says from when or until when it is valid."""
        return '"valid_' in self.tables

    @property
    def absent(self) -> bool:
        """Whether the site is not there from then on."""
        return self.tables == ABSENT

    @property
    def complete(self) -> bool:
        """Whether it tells all that a plan keeps by now, or has nothing to tell."""
        return self.absent or CONTRACT in _parsed(self.tables).model_fields_set

    def completed(self, contracted_kw: float | None) -> Plan:
        """The same plan; one that is not complete with the contract that the site had."""
        return self if self.complete else replace(self, tables=_with_contract(self.tables, contracted_kw))


class _Tables(Options):
    grid: BiddingZone
    meter: tuple[MeterOptions, ...] = ()
    supply: tuple[SupplyOptions, ...] = ()
    cooling: tuple[CoolingOptions, ...] = ()
    heat: tuple[HeatOptions, ...] = ()
    water: tuple[WaterOptions, ...] = ()
    virtual: tuple[VirtualOptions, ...] = ()
    pue_category: Category | None = None
    completeness_floor: float = 0.9
    estimate: Literal["documented", "none"] = "documented"
    contracted_kw: float | None = None
    eu: dict[str, Any] = Field(default_factory=dict)


def described(site: SiteOptions) -> str:
    """All that a plan keeps of ``site``; equal for equal options, whatever the order of their keys.

    Defaults are left out, so that an option that a later version brings is no change of the site.
    """
    told = site.model_dump(include={*_KEPT, "eu"}, exclude_defaults=True)
    return json.dumps({**told, CONTRACT: site.contracted_kw}, sort_keys=True, default=_plain)


def planned(site: SiteOptions, tables: str) -> SiteOptions:
    """``site`` with the meters, supplies and grid that ``tables`` describe; without a device if absent.

    Of tables that tell no contract it keeps its own.
    """
    if tables == ABSENT:
        return site.model_copy(update=dict.fromkeys(DATED, ()))
    kept = _parsed(tables)
    told = [name for name in _KEPT if name != CONTRACT or name in kept.model_fields_set]
    return site.model_copy(update={name: getattr(kept, name) for name in told})


def filled(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """``plans`` of one site as they read: one that tells no contract had that of the next one that does.

    Whoever completes the last one (:func:`energy.configuration.roster.record`) tells what held until then.
    """
    found: list[Plan] = []
    later: Plan | None = None
    for plan in reversed(plans):
        told = plan if later is None else plan.completed(_parsed(later.tables).contracted_kw)
        later = told if told.complete and not told.absent else later
        found.append(told)
    return tuple(reversed(found))


def declared(tables: str) -> Mapping[str, Any]:
    """What the site declared in ``[sites.X.eu]``: no part of what it is, so no era differs by it."""
    return {} if tables == ABSENT else _parsed(tables).eu


@lru_cache(maxsize=1024)
def _with_contract(tables: str, contracted_kw: float | None) -> str:
    return json.dumps({**json.loads(tables), CONTRACT: contracted_kw}, sort_keys=True)


@lru_cache(maxsize=1024)
def _parsed(tables: str) -> _Tables:
    return _Tables.model_validate(json.loads(tables))


def _plain(value: Any) -> float | str:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    raise TypeError(f"{value!r} cannot be kept in a plan")
