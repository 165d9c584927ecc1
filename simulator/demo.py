"""The demo: two sites with a month behind them, their configuration, and what happens to them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from runtime.clock import EPOCH, Clock
from runtime.errors import ConfigError
from simulator.faults import Calm, Fault, MeterReset, Nonsense, Silent, Window
from simulator.history import History
from simulator.model import Model
from simulator.plan import GDANSK, KAUNAS, SitePlan
from simulator.publisher import LIVE, Link, Publisher
from simulator.site import METERS
from simulator.supply import ROUND_TRIP_PERCENT

HISTORY = timedelta(days=31)
"""The least that lies behind a new demo; it reaches back to the first of last month, so that there is a
whole month to report on."""

_STATE_FILE = "simulator.json"
_DAY, _HOUR, _QUARTER = timedelta(days=1), timedelta(hours=1), timedelta(minutes=15)
_ROLES = {"main": "utility", "ups": "it", "cooling": "cooling", "aux": "other"}
_PARENTS = {
    "ups-a": "main-1",
    "ups-b": "main-2",
    "cooling-1": "main-1",
    "cooling-2": "main-2",
    "aux": "main-1",
}
_CALIBRATED = "2026-03-17"
_HALLS = {"ups-a": "a", "cooling-1": "a", "ups-b": "b", "cooling-2": "b"}
_CHILLERS = {"chiller-1": "cooling-1", "chiller-2": "cooling-2"}
_VIRTUAL = (
    {"id": "pumps", "role": "other", "plus": ["cooling-1", "cooling-2"], "minus": ["chiller-1", "chiller-2"]},
)
"""What the cooling uses beside its chillers: nobody meters the pumps."""

CONTRACTED = "Example wind park"
"""The plant of each site's contract, as its certificates call it."""

EXAMPLE = "example-residual-mix"
"""The factor set of the demo, whose figures nobody published."""

_PERIOD = "5m"
"""What every device promises: history has a reading each five minutes; live ones come more often."""


@dataclass(frozen=True)
class Demo:
    """A simulated world whose story hangs on ``born``, when its data directory was made, and ``seed``."""

    data_dir: Path
    born: datetime
    seed: int
    model: Model

    @classmethod
    def open(cls, data_dir: Path, now: datetime, seed: int = 1) -> Demo:
        """The demo that lives in ``data_dir``, or a new one born ``now``. Raises ConfigError if spoilt."""
        path = data_dir / _STATE_FILE
        if path.exists():
            try:
                state = msgspec.json.decode(path.read_bytes(), type=_State)
            except msgspec.DecodeError as error:
                raise ConfigError(
                    [f"{path} cannot be read ({error}); remove {data_dir} to start anew"]
                ) from None
        else:
            state = _State(born=now, seed=seed)
            data_dir.mkdir(parents=True, exist_ok=True)
            path.write_bytes(msgspec.json.encode(state))
        epoch = _floor(beginning(state.born) - 2 * _DAY, _DAY)
        model = Model(epoch, (GDANSK, KAUNAS), state.seed, _story(state.born)).scheduled()
        return cls(data_dir, state.born, state.seed, model)

    def history(self, now: datetime, newest: datetime | None = None) -> History:
        """What is to be loaded: all since :func:`beginning`, or from ``newest``, the newest time stored."""
        end = _floor(now, timedelta(minutes=5))
        start = beginning(end)
        if newest is not None:
            start = min(max(start, _floor(newest, _QUARTER)), end)
        return History(self.model, max(start, self.model.epoch), end)

    def settings(
        self, broker_port: int, http_port: int, replay_from: datetime | None = None
    ) -> dict[str, Any]:
        """The complete configuration, as the tables of the file."""
        tables = demo_settings(self.data_dir, broker_port, http_port)
        if replay_from is not None:
            tables["service"]["replay_from"] = replay_from.isoformat()
        return tables

    async def live(self, port: int, clock: Clock, since: datetime) -> None:
        """Both sites' gateways, each on its own connection to 127.0.0.1:``port``, until cancelled."""
        async with asyncio.TaskGroup() as gateways:
            for site in self.model.sites:
                gateways.create_task(self._gateway(site, port, clock, since))

    async def _gateway(self, site: str, port: int, clock: Clock, since: datetime) -> None:
        async with Publisher(self.model.only(site), Link(port)) as publisher:
            await publisher.live(clock, LIVE, since)


class _State(msgspec.Struct, forbid_unknown_fields=True):
    born: datetime
    seed: int


def beginning(now: datetime) -> datetime:
    """Where the history of a demo begins that is made ``now``: 31 days ago, or on the first of last month."""
    zone = ZoneInfo(KAUNAS.place.zone)  # the easternmost: its months begin first
    local = now.astimezone(zone)
    before = datetime(local.year, local.month, 1, tzinfo=zone) - _DAY
    first = datetime(before.year, before.month, 1, tzinfo=zone).astimezone(UTC)
    return _floor(min(now - HISTORY, first), _HOUR)


def demo_settings(data_dir: Path, broker_port: int, http_port: int) -> dict[str, Any]:
    """The configuration of both sites as the tables of the file; nobody outside is told of alerts."""
    return {
        "service": {"data_dir": str(data_dir), "listen": f"127.0.0.1:{http_port}"},
        "broker": {"url": f"mqtt://127.0.0.1:{broker_port}", "embedded": True},
        "store": [{"type": "duckdb"}],
        "ingest": {"accepted_lateness": "70d"},
        "carbon": {"residual": EXAMPLE},
        "factors": [_example_factors()],
        "sites": {plan.name: site_settings(plan) for plan in (GDANSK, KAUNAS)},
        "certificates": [
            {"registry": registry, "supplies": {CONTRACTED: f"{plan.name}/ppa-wind-1"}}
            for registry, plan in (("PL", GDANSK), ("LT", KAUNAS))
        ],
        "target": [target for plan in (GDANSK, KAUNAS) for target in _targets(plan)],
    }


def _example_factors() -> dict[str, Any]:
    """Invented residual mixes of both zones, and marked so wherever they are shown: no published number."""
    return {
        "id": EXAMPLE,
        "version": "1",
        "source": "EXAMPLE: invented for the demo, no published residual mix",
        "method": "direct",
        "example": True,
        "factor": [
            {"technology": "residual_mix", "zone": zone.upper(), "g_per_kwh": grams, "from": "2020-01-01"}
            for zone, grams in ((GDANSK.grid, 800), (KAUNAS.grid, 500))
        ],
    }


def site_settings(plan: SitePlan) -> dict[str, Any]:
    """The table of a site that is what ``plan`` says."""
    rated_kw = plan.rated_it_w / 1000
    table: dict[str, Any] = {
        "name": plan.title,
        "zone": plan.place.zone,
        "grid": plan.grid.upper(),
        "contracted_kw": round(1.3 * rated_kw),
        "meter": [_meter(name, rated_kw) for name in METERS],
        "supply": [_supply(name, kind, plan) for name, kind in plan.supplies().items()],
        "cooling": [
            {"id": name, "period": _PERIOD, "parent": parent, "accuracy_class": 1.0}
            for name, parent in _CHILLERS.items()
        ],
        "virtual": [dict(virtual) for virtual in _VIRTUAL],
        "eu": {"other_energy": "none"},
    }
    if plan.reuses_heat:
        table["heat"] = [{"id": "district", "period": _PERIOD}]
        table["water"] = [{"id": "makeup", "period": _PERIOD}]
    return table


def _meter(name: str, rated_kw: float) -> dict[str, Any]:
    role = _ROLES[name.split("-")[0]]
    meter: dict[str, Any] = {
        "id": name,
        "role": role,
        "period": _PERIOD,
        "max_power_kw": round(1.2 * rated_kw),
        "accuracy_class": 0.5 if role in ("utility", "it") else 1.0,
        "calibrated": _CALIBRATED,
    }
    if role == "it":
        meter["category"] = "pue1"
    if name in _PARENTS:
        meter["parent"] = _PARENTS[name]
    if name in _HALLS:
        meter["hall"] = _HALLS[name]
    return meter


def _supply(name: str, kind: str, plan: SitePlan) -> dict[str, Any]:
    supply: dict[str, Any] = {"id": name, "kind": kind, "period": _PERIOD}
    if name in plan.plants:
        supply["max_power_kw"] = ceil(plan.plants[name] * plan.rated_it_w / 1000)
    if kind.startswith("ppa_"):
        supply["zone"] = plan.grid.upper()
    elif kind.startswith("onsite_"):
        supply["certificates"] = "none"
    if kind == "battery":
        supply["max_power_kw"] = ceil(0.06 * plan.rated_it_w / 1000)
        supply["round_trip"] = ROUND_TRIP_PERCENT / 100
        supply["capacity_kwh"] = ceil(plan.battery_hours * plan.rated_it_w / 1000)
    return supply


def _targets(plan: SitePlan) -> list[dict[str, Any]]:
    return [
        {
            "name": f"{plan.name}-80-percent-a-day",
            "site": plan.name,
            "metric": "hourly_matched",
            "goal": 0.8,
            "period": "day",
            "severity": "medium",
        },
        {
            "name": f"{plan.name}-100-percent-green",
            "site": plan.name,
            "metric": "hourly_matched",
            "goal": 1.0,
            "period": "month",
            "severity": "high",
        },
    ]


def _story(born: datetime) -> list[Fault]:
    """What has happened before anybody looks: enough that no page of alarms or data quality is empty."""
    night = _floor(born - 3 * _DAY, _DAY) - _HOUR
    quiet = _floor(born - 2 * _DAY, _HOUR)
    noise = _floor(born - _DAY, _HOUR)
    reset = _floor(born - 9 * _DAY, _HOUR) + timedelta(minutes=37)
    return [
        Calm("gdansk", Window(night, night + 8 * _HOUR)),
        MeterReset("gdansk/meter/aux", reset),
        Silent("kaunas/b/r2/n03/gpu", Window(quiet, quiet + 3 * _HOUR)),
        Nonsense("kaunas/meter/planted-fault", Window(noise, noise + _HOUR)),
    ]


def _floor(at: datetime, step: timedelta) -> datetime:
    return EPOCH + ((at - EPOCH) // step) * step
