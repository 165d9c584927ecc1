"""What can be measured: every measurement, its labels, and each field's unit, kind and plausible range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class Kind(StrEnum):
    """How a field behaves over time."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True)
class Field:
    """One column of a measurement; values outside ``[low, high]`` (in ``unit``) are rejected.

    ``additive`` fields add up over devices (watts); the others are averaged (degrees). ``weight`` names the
    field by which a mean over rows weighs this one: how many readings stand behind each row of a rollup.
    """

    name: str
    unit: str
    low: float
    high: float
    kind: Kind = Kind.GAUGE
    additive: bool = False
    weight: str | None = None


@dataclass(frozen=True)
class Measurement:
    """A kind of device: what names one (``labels``, in topic order) and what it tells (``fields``).

    ``of`` is the name of the measurement that it was derived from; None for what devices tell. Series are
    registered under ``named``: a rollup uses the names of what it was made of.
    """

    name: str
    labels: tuple[str, ...]
    fields: tuple[Field, ...]
    of: str | None = None
    named_as: str | None = None

    @property
    def named(self) -> str:
        """The name under which its series are registered."""
        return self.named_as or self.name

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        """Names of all fields, in column order."""
        return tuple(f.name for f in self.fields)

    def field(self, name: str) -> Field:
        """The field called ``name``; KeyError if there is none."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Field]:
        return {f.name: f for f in self.fields}


_GW = 2e9
"""Watts; twice the largest connection that anybody plans for one site."""

_REGISTER = 2.0**53
"""Largest count that a float64 column holds exactly."""


def _power(name: str = "power_w", low: float = -_GW, high: float = _GW) -> Field:
    return Field(name, "W", low, high, additive=True)


def _register(name: str, unit: str = "Wh") -> Field:
    return Field(name, unit, 0.0, _REGISTER, Kind.COUNTER, additive=True)


def _share(name: str) -> Field:
    return Field(name, "1", 0.0, 1.0)


def _celsius(name: str, low: float = -60.0, high: float = 150.0) -> Field:
    return Field(name, "°C", low, high)


GPU = Measurement(
    "gpu",
    ("site", "hall", "rack", "node", "gpu"),
    (
        _power(low=0.0, high=5_000.0),
        Field("util", "%", 0.0, 100.0),
        _celsius("temp_c"),
        _celsius("mem_temp_c"),
        _register("energy_j", "J"),
    ),
)
METER = Measurement("meter", ("site", "meter"), (_power(), _register("energy_wh"), _register("export_wh")))
SUPPLY = Measurement(
    "supply",
    ("site", "source"),
    (
        _power(),
        _register("energy_wh"),
        _register("charge_wh"),
        _register("discharge_wh"),
        _share("soc"),
    ),
)
COOLING = Measurement(
    "cooling",
    ("site", "unit"),
    (
        _power(low=0.0),
        _celsius("supply_c"),
        _celsius("return_c"),
        Field("flow_m3h", "m³/h", 0.0, 1e6, additive=True),
        _register("energy_wh"),
    ),
)
WATER = Measurement("water", ("site", "meter"), (_register("volume_m3", "m³"),))
HEAT = Measurement("heat", ("site", "meter"), (_register("energy_wh"), _celsius("temp_c")))
WEATHER = Measurement(
    "weather",
    ("site", "station"),
    (_celsius("temp_c", -60.0, 60.0), Field("humidity", "%", 0.0, 100.0)),
)
GRID = Measurement(
    "grid",
    ("zone",),
    (
        _share("renewable_share"),
        _share("carbon_free_share"),
        Field("carbon_g_per_kwh", "g/kWh", 0.0, 2_000.0),
        _share("consumption_based"),
        _share("lifecycle"),
    ),
)

MEASUREMENTS: Mapping[str, Measurement] = {
    m.name: m for m in (GPU, METER, SUPPLY, COOLING, WATER, HEAT, WEATHER, GRID)
}
"""Every measurement by name, in the order of the wire contract."""
