"""One row of a registry's file as a bundle, or everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar

from energy.certificates.bundle import TIMED, Bundle
from energy.certificates.cell import amount_wh, day, moment, whole
from energy.certificates.registry import RegistryRules
from energy.certificates.serial import LARGEST, Number, number_of
from energy.certificates.technology import Technology, technology_of
from energy.configuration.zone import bidding_zone

T = TypeVar("T")

State = Literal["issued", "held"]

_STATES: Mapping[str, State] = {
    "": "held", "held": "held", "active": "held", "available": "held", "transferable": "held",
    "aktywna": "held", "aktywne": "held", "issued": "issued", "wydana": "issued", "wydane": "issued",
}  # fmt: skip


@dataclass
class _Row:
    """The cells of one line by field, noting what is wrong with them."""

    cells: Mapping[str, str]
    rules: RegistryRules
    wrong: list[str] = field(default_factory=list)

    def read(self, name: str, reader: Callable[[str], T], *, needed: bool = False) -> T | None:
        """What ``reader`` makes of a cell; None where it is empty or wrong."""
        text = self.cells.get(name, "").strip()
        if not text:
            if needed:
                self.wrong.append(f"{name} is not told")
            return None
        try:
            return reader(text)
        except ValueError as error:
            self.wrong.append(f"{name}: {error}")
            return None


def bundle_of(cells: Mapping[str, str], line: int, rules: RegistryRules, at: datetime) -> Bundle | list[str]:
    """The bundle that ``cells`` (by field) tell of, or what is wrong. ``at`` is when the file is read."""
    row = _Row(cells, rules)
    start = row.read("production_start", lambda text: moment(text, rules), needed=True)
    end = row.read("production_end", lambda text: moment(text, rules, end=True), needed=True)
    numbered = _numbers(row, start, end)
    origin = _origin(row)
    times = _times(row, start, end, at)
    if row.wrong or numbered is None or origin is None or times is None:
        return row.wrong
    return Bundle(registry=rules.key, line=line, **numbered, **origin, **times)


def _numbers(row: _Row, start: datetime | None, end: datetime | None) -> dict[str, Any] | None:
    """Numbers and what each stands for; number_to, count and volume must agree, and one of them will do."""
    first = row.read("number_from", number_of, needed=True)
    last = row.read("number_to", number_of)
    count = row.read("count", whole)
    volume = row.read("volume", lambda text: amount_wh(text, row.rules))
    if first is None or row.wrong or start is None or end is None:
        return None
    each = row.rules.certificate_wh
    many = _how_many(first, last, count, volume, each)
    if not isinstance(many, str) and first.value + many - 1 > LARGEST:
        many = f"number_from: {many} numbers run beyond its last 15 digits; write them as two rows"
    if isinstance(many, str):
        row.wrong.append(many)
        return None
    if volume is not None and volume != many * each:
        timed = end - start <= TIMED and volume % many == 0
        if not timed:
            row.wrong.append(
                f"volume: {many} certificates of {_told(each)} each are {_told(many * each)}, "
                f"not {_told(volume)}"
            )
            return None
        each = volume // many
    return {
        "series": first.series, "first": first.value, "last": first.value + many - 1,
        "digits": first.digits, "certificate_wh": each,
    }  # fmt: skip


def _how_many(
    first: Number, last: Number | None, count: int | None, volume: int | None, each: int
) -> int | str:
    if last is not None:
        if last.series != first.series:
            return "number_to: is of another series than number_from; write them as two rows"
        many = last.value - first.value + 1
        if many < 1:
            return "number_to: comes before number_from"
        if count not in (None, many):
            return f"count: the numbers are {many} certificates, not {count}"
        return many
    if count is not None:
        return count
    if volume is None:
        return "number_to is not told, nor count or volume"
    return volume // each if volume % each == 0 else f"volume: {_told(volume)} are no whole certificates"


def _origin(row: _Row) -> dict[str, Any] | None:
    rules = row.rules
    country = row.read("country", _country) or rules.country
    # A plant abroad whose zone is not told must not pass for one in the registry's own.
    otherwise = rules.zone if country == rules.country else country
    zone = row.read("zone", bidding_zone) or otherwise
    plant = row.read("plant", lambda text: text[:200], needed=True)
    made = row.read("technology", lambda text: _technology(text, rules)) or rules.technology
    if made is None and not row.cells.get("technology", "").strip():
        row.wrong.append("technology is not told; set technology in [[certificates]] if all are of one")
    if zone is None:
        row.wrong.append("zone is not told; set zone in [[certificates]] if all are of one")
    state = row.read("state", _state) or "held"
    if plant is None or made is None or zone is None:
        return None
    told = {name.casefold(): supply for name, supply in (rules.supplies or {}).items()}
    metered = None if plant.casefold() in told else rules.doubtful.get((zone, made))
    if metered is not None:
        row.wrong.append(
            f"plant {plant[:60]!r} may be that of {metered}, whose certificates are kept: write in "
            f"[[certificates]] supplies = {{ {plant[:60]!r} = {metered!r} }} if it is, 'none' in place of "
            f"{metered!r} if it is not, or supplies = {{}} if no plant of this registry is a supply"
        )
        return None
    supply = told.get(plant.casefold())
    return {"zone": zone, "country": country, "technology": made, "plant": plant, "supply": supply,
            "held": state == "held"}  # fmt: skip


def _times(row: _Row, start: datetime | None, end: datetime | None, at: datetime) -> dict[str, Any] | None:
    rules = row.rules
    commissioned = row.read("commissioned", lambda text: day(text, rules))
    issued = row.read("issued", lambda text: moment(text, rules))
    told = row.read("expires", lambda text: moment(text, rules, end=True))
    if start is None or end is None:
        return None
    if end <= start:
        row.wrong.append("production_end: is not after production_start")
        return None
    if end > at:
        row.wrong.append("production_end: lies in the future, so nothing can have been issued")
    if commissioned is not None and commissioned > end.astimezone(rules.tz).date():
        row.wrong.append("commissioned: the plant began after it is said to have produced")
    expires = told or rules.expires(end)
    if expires <= at:
        row.wrong.append(f"expired on {expires.astimezone(rules.tz):%Y-%m-%d}: it can prove nothing any more")
    return {"production_start": start, "production_end": end, "commissioned": commissioned,
            "issued_at": issued, "expires_at": expires}  # fmt: skip


def _country(text: str) -> str:
    if len(text) != 2 or not text.isalpha() or not text.isascii():
        raise ValueError(f"{text[:40]!r} is no country: write two letters, such as PL")
    return text.upper()


def _technology(text: str, rules: RegistryRules) -> Technology:
    found = technology_of(text, rules.technologies)
    if found is None:
        raise ValueError(
            f"{text[:40]!r} is not known; name it in [[certificates]] technologies, as one of "
            + ", ".join(Technology)
        )
    return found


def _state(text: str) -> State:
    found = _STATES.get(text.lower())
    if found is None:
        raise ValueError(f"{text[:40]!r} cannot be imported: only what is issued or held can")
    return found


def _told(wh: int) -> str:
    return f"{wh / 1e6:,.6g} MWh" if wh >= 1000 else f"{wh} Wh"
