"""The data set of one site and year: what is measured, declared, derived and missing, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reports.eu.item import Item, Source, Value
from reports.eu.items import BY_KEY, ITEMS

State = Literal["complete", "incomplete", "open"]

_KWH_PER_MWH = 1000.0
APART = 0.01
"""By so much of the larger a declaration may differ from what was measured without a word."""

_RENEWABLE = ("eres_goo_kwh", "eres_ppa_kwh", "eres_os_kwh")
INDICATORS = {
    "pue": ("edc_kwh", "eit_kwh"),
    "wue": ("win_m3", "eit_kwh"),
    "erf": ("ereuse_kwh", "edc_kwh"),
    "ref": (*_RENEWABLE, "edc_kwh"),
}
"""What each indicator is made of; the last is what it is divided by."""


@dataclass(frozen=True)
class Told:
    """A value with where it comes from; ``note`` says what people must know of it.

    ``whole``: it covers all of its time. What does not may not be divided by what covers another part.
    ``lacking`` is what is still to be done before a year that is over can be reported.
    """

    value: Value
    source: Source
    note: str = ""
    whole: bool = True
    lacking: str = ""


@dataclass(frozen=True)
class Missing:
    """Why there is no value."""

    reason: str


@dataclass(frozen=True)
class Entry:
    """An item of the set: what is ``told``, or why nothing is."""

    item: Item
    told: Told | None
    reason: str = ""


@dataclass(frozen=True)
class DataSet:
    """All items of a site and calendar ``year`` in the order of the act.

    ``problems`` name what contradicts what. ``open`` is a year that has not ended or is not settled;
    ``complete`` is one that lacks nothing and contradicts nothing.
    """

    site: str
    year: int
    entries: Sequence[Entry]
    problems: Sequence[str]
    over: bool

    def of(self, source: Source) -> list[Entry]:
        """The entries that come from ``source``."""
        return [entry for entry in self.entries if entry.told is not None and entry.told.source == source]

    @property
    def missing(self) -> list[Entry]:
        """The entries without a value."""
        return [entry for entry in self.entries if entry.told is None]

    @property
    def state(self) -> State:
        """Whether it can be reported."""
        if not self.over:
            return "open"
        return "incomplete" if self.missing or self.problems else "complete"


def assemble(
    site: str,
    year: int,
    measured: Mapping[str, Told | Missing],
    declared: Mapping[str, Told],
    over: bool = True,
) -> DataSet:
    """The set of what is ``measured`` and, where nothing is, ``declared``; the indicators are derived.

    Where all that an indicator is made of was measured, it is the one in ``measured``, if it stands there.
    """
    items = {key: found for key, found in measured.items() if key not in INDICATORS}
    if "edc_kwh" in items:
        items["edc_kwh"] = _whole_energy(items["edc_kwh"], declared.get("other_energy"))
    told = {key: found for key, found in items.items() if isinstance(found, Told)}
    problems = list(_contradictions(told, declared))
    found = {**declared, **told}
    derived = derive(found)
    for key, parts in INDICATORS.items():
        if key in measured and all(part in told for part in parts):
            derived[key] = measured[key]
    found |= {key: one for key, one in derived.items() if isinstance(one, Told)}
    problems += implausible(found, year)
    problems += [f"{key}: {one.lacking}" for key, one in sorted(told.items()) if over and one.lacking]
    reasons = {key: one.reason for key, one in {**items, **derived}.items() if isinstance(one, Missing)}
    entries = [Entry(item, found.get(item.key), _reason(item, found, reasons)) for item in ITEMS]
    return DataSet(site, year, entries, problems, over)


def _whole_energy(electricity: Told | Missing, other: Told | None) -> Told | Missing:
    """E_DC is all energy, and meters of electricity tell of no other: the rest must be declared."""
    if isinstance(electricity, Missing):
        return electricity
    if other is not None and other.value != "none":
        return Missing(
            "electricity alone is metered, and chilled water, heat or fuel is bought (other_energy); it "
            "would be too low, and with it PUE"
        )
    unsaid = "electricity alone; nobody declared whether other energy is bought (other_energy)"
    said = "electricity alone: no other energy is bought, as declared" if other is not None else unsaid
    return replace(electricity, note="; ".join(filter(None, (electricity.note, said))))


def derive(found: Mapping[str, Told]) -> dict[str, Told | Missing]:
    """The derived items of which all that they are made of is told, or why one cannot be."""
    numbers = {key: one.value for key, one in found.items() if isinstance(one.value, float)}
    derived: dict[str, Told | Missing] = {}
    if all(part in numbers for part in _RENEWABLE):
        derived["eres_tot_kwh"] = Told(sum(numbers[part] for part in _RENEWABLE), "derived")
    for key, parts in INDICATORS.items():
        if all(part in numbers for part in parts) and numbers[parts[-1]]:
            holes = [part for part in parts if not found[part].whole]
            derived[key] = Missing(_apart(holes)) if holes else _divided(key, numbers)
    return derived


def _apart(holes: Sequence[str]) -> str:
    return f"not known over all of the year: {', '.join(holes)}; it cannot be divided by what covers more"


def _divided(key: str, numbers: Mapping[str, float]) -> Told | Missing:
    *parts, over = INDICATORS[key]
    below = numbers[over] / _KWH_PER_MWH if key == "wue" else numbers[over]
    value = sum(numbers[part] for part in parts) / below
    if key == "pue" and value <= 1:
        return Missing(f"E_DC / E_IT is {value:.3f}, but cannot be 1 or less: one of them is wrong")
    if key == "ref" and value > 1:
        return Told(1.0, "derived", "more renewable energy than was used: the factor is at most 1")
    return Told(value, "derived")


def implausible(found: Mapping[str, Told], year: int) -> Iterator[str]:
    """What cannot be true together, each with the items to look at."""
    numbers = {key: one.value for key, one in found.items() if isinstance(one.value, float)}
    for part, whole in (
        ("eit_kwh", "edc_kwh"),
        ("edc_bg_kwh", "edc_kwh"),
        ("ereuse_kwh", "edc_kwh"),
        ("win_pot_m3", "win_m3"),
        ("floor_computer_room_m2", "floor_total_m2"),
    ):
        if part in numbers and whole in numbers and numbers[part] > numbers[whole]:
            unit = BY_KEY[part].unit
            yield f"{part}: {numbers[part]:,.0f} {unit} is more than {whole}, {numbers[whole]:,.0f} {unit}"
    yield from _beyond_nameplate(numbers)
    yield from _heat(numbers)
    start = found.get("start_ym")
    if start is not None and str(start.value) > f"{year}-12":
        yield f"start_ym: {start.value} lies after {year}, so there is nothing to report of that year"


def _beyond_nameplate(numbers: Mapping[str, float]) -> Iterator[str]:
    installed, eit = numbers.get("installed_it_power_kw"), numbers.get("eit_kwh")
    if installed is not None and eit is not None and eit > installed * 8784:
        yield (
            f"installed_it_power_kw: {installed:,.0f} kW cannot use {eit:,.0f} kWh (eit_kwh) in a year; look "
            "for a factor of 1000"
        )


def _heat(numbers: Mapping[str, float]) -> Iterator[str]:
    warm, intake = numbers.get("waste_heat_temp_c"), numbers.get("setpoint_intake_temp_c")
    if numbers.get("ereuse_kwh", 0.0) > 0 and warm is None:
        yield "waste_heat_temp_c: heat was reused (ereuse_kwh), so its temperature has to be told"
    if warm is not None and intake is not None and warm < intake:
        yield (
            f"waste_heat_temp_c: {warm:g} degC is colder than the air that goes in (setpoint_intake_temp_c, "
            f"{intake:g} degC)"
        )


def _contradictions(measured: Mapping[str, Told], declared: Mapping[str, Told]) -> Iterator[str]:
    for key in sorted(measured.keys() & declared.keys()):
        ours, theirs = measured[key].value, declared[key].value
        if not (isinstance(ours, float) and isinstance(theirs, float)):
            continue
        if abs(ours - theirs) > APART * max(abs(ours), abs(theirs)):
            yield f"{key}: declared as {theirs:,.0f}, measured as {ours:,.0f}; what is measured counts"


def _reason(item: Item, found: Mapping[str, Told], reasons: Mapping[str, str]) -> str:
    if item.key in found:
        return ""
    otherwise = "what it is derived from is missing" if item.source == "derived" else "nobody declared it"
    return reasons.get(item.key, otherwise)
