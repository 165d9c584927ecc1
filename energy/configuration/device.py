"""What the ledger accounts for: every configured meter and supply, its registers and how they behave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from energy.configuration.metering import RegisterOptions, WaterOptions
from energy.configuration.site import SiteOptions
from energy.configuration.supply import SupplyKind, SupplyOptions
from energy.counting.register import Ratio, Register, Swap
from runtime.clock import to_ms
from telemetry.catalogue import COOLING, HEAT, METER, SUPPLY, WATER, Measurement

ACCOUNTED = (METER, SUPPLY, COOLING, HEAT, WATER)
"""What the ledger accounts for: the measurement of any device is one of these."""

ENERGY, EXPORT, CHARGE, DISCHARGE, VOLUME = "energy", "export", "charge", "discharge", "volume"

POWER = "power_w"
RATED_W = METER.field(POWER).high
"""Bounds a register whose ``max_power_kw`` is not configured: no connection is larger."""

CONTRACTS = 10.0
"""A supply whose ``max_power_kw`` is not configured gives no more than so many times the site's contract."""

LITRE_M3 = 0.001


@dataclass(frozen=True)
class Channel:
    """One register of a device: the ``name`` that the ledger gives it and the telemetry ``field``.

    ``required``: it is expected from the first day; the others are from their first reading on.
    ``sign`` is the direction of power that may stand in for the register: 1, -1, or 0 for none.
    """

    name: str
    field: str
    required: bool = True
    sign: int = 1


@dataclass(frozen=True)
class Device:
    """One configured meter or supply of ``site``; amounts are kept in Wh, of water in litres.

    ``backup`` is the id of the meter that may stand in for it. ``by_file``: it has no register that is read;
    files tell what it gave.
    """

    site: str
    measurement: Measurement
    id: str
    role: str
    period: timedelta
    register: Register
    channels: tuple[Channel, ...]
    backup: str | None = None
    by_file: bool = False

    @property
    def label(self) -> str:
        """The label that names this device in its measurement."""
        return self.measurement.labels[1]

    @property
    def source(self) -> str:
        """Its name among the sources: its topic without ``dc/v1/``."""
        return f"{self.site}/{self.measurement.name}/{self.id}"


_METERED = Channel(ENERGY, "energy_wh")
_METER = (_METERED, Channel(EXPORT, "export_wh", required=False, sign=-1))
_BATTERY = (Channel(CHARGE, "charge_wh", sign=0), Channel(DISCHARGE, "discharge_wh", sign=0))
_HEAT = (Channel(ENERGY, "energy_wh", sign=0),)
_WATER = (Channel(VOLUME, "volume_m3", sign=0),)


def devices(key: str, site: SiteOptions) -> list[Device]:
    """Every device of ``[sites.key]``: meters, supplies, cooling, heat, water, each in its order."""
    found = []
    for meter in site.meter:
        channels = _METER if meter.exports == "metered" else (_METERED,)
        found.append(_electric(key, METER, meter, (meter.role.value, channels)))
    for supply in site.supply:
        channels = _BATTERY if supply.kind is SupplyKind.BATTERY else (_METERED,)
        found.append(_electric(key, SUPPLY, supply, (supply.kind.value, channels), _unrated(site)))
    found += [_electric(key, COOLING, c, ("cooling", (_METERED,))) for c in site.cooling]
    found += [_electric(key, HEAT, h, ("heat", _HEAT)) for h in site.heat]
    found += [_water(key, w) for w in site.water]
    return found


def _unrated(site: SiteOptions) -> float:
    """Watts that a supply without ``max_power_kw`` may give: a jump beyond would pass for green energy."""
    return RATED_W if site.contracted_kw is None else CONTRACTS * 1000 * site.contracted_kw


def _electric(
    key: str,
    measurement: Measurement,
    options: RegisterOptions,
    kind: tuple[str, tuple[Channel, ...]],
    unrated: float = RATED_W,
) -> Device:
    role, channels = kind
    rated = unrated if options.max_power_kw is None else 1000 * options.max_power_kw
    # What a supply's reset leaves is claimed as green, so it must have a bound that somebody vouches for.
    boundless = measurement is SUPPLY and options.max_power_kw is None
    fall = "unknown" if boundless else options.on_decrease
    register = Register(
        period_ms=_ms(options.period),
        rated=rated,
        modulus=options.modulus_wh,
        on_decrease=fall,
        glitch=options.glitch,
        frozen_ms=_ms(options.frozen_after),
        swaps=tuple(Swap(to_ms(s.at), s.end_wh, s.start_wh, s.channel) for s in options.swap),
        ratios=tuple(Ratio(to_ms(ct.since), ct.ratio) for ct in options.ct),
    )
    backup = getattr(options, "backup", None)
    by_file = isinstance(options, SupplyOptions) and options.volume == "file"
    return Device(key, measurement, options.id, role, options.period, register, channels, backup, by_file)


def _water(key: str, options: WaterOptions) -> Device:
    rated = WATER.field("volume_m3").high if options.max_flow_m3h is None else options.max_flow_m3h
    register = Register(
        period_ms=_ms(options.period),
        rated=rated,
        modulus=options.modulus_m3,
        on_decrease=options.on_decrease,
        quantum=LITRE_M3,
        glitch=options.glitch,
        swaps=tuple(Swap(to_ms(s.at), s.end_m3, s.start_m3, VOLUME) for s in options.swap),
    )
    return Device(key, WATER, options.id, "water", options.period, register, _WATER)


def _ms(period: timedelta) -> int:
    return period // timedelta(milliseconds=1)
