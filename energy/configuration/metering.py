"""``[[sites.X.meter]]`` and its like: registers that count, and what the energy of a meter counts as."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from runtime.options import Duration, Options

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$", max_length=60)]
"""What names a device within its site, and a sub-boundary such as a hall."""

Category = Literal["pue1", "pue2", "pue3"]
"""Where IT energy is measured: at the output of the UPS, of the PDUs, or at the input of the equipment."""


class Role(StrEnum):
    """What a meter's energy counts as."""

    UTILITY = "utility"  # at the inlet: E_DC
    UPS = "ups"  # E_IT at the output of a UPS: category pue1
    PDU = "pdu"  # E_IT at the output of a PDU: category pue2
    IT = "it"  # E_IT, at the point that its PUE category names
    COOLING = "cooling"
    LIGHTING = "lighting"
    OFFICE = "office"  # no part of the data centre: taken out of E_DC
    LOSSES = "losses"
    OTHER = "other"


_POINTS: dict[Role, Category] = {Role.UPS: "pue1", Role.PDU: "pue2"}


class CtRatio(Options):
    """From ``since`` on, each Wh that the register gains stands for ``ratio`` Wh; the first for all before.

    A small correction is a factor too: 0.2 % more is 1.002.
    """

    since: AwareDatetime
    ratio: float = Field(gt=0, le=1e6)


class RegisterSwap(Options):
    """A meter was exchanged ``at`` that moment: the old one told ``end_wh`` last, the new one began at
    ``start_wh``. A meter or battery with two registers has an entry for each, named by ``channel``."""

    at: AwareDatetime
    channel: Literal["energy", "export", "charge", "discharge"] = "energy"
    end_wh: float = Field(ge=0)
    start_wh: float = Field(default=0.0, ge=0)


class Dated(Options):
    """An entry of a site that is valid from one moment to another; without either, as it is configured.

    Times are cut down to the quarter-hour that they lie in.
    """

    id: Id
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Dated:
        if (
            self.valid_from is not None
            and self.valid_until is not None
            and self.valid_until <= self.valid_from
        ):
            raise ValueError("valid_until is not after valid_from")
        return self


class RegisterOptions(Dated):
    """How a cumulative register behaves, for meters and supplies alike.

    ``max_power_kw`` bounds what a register may gain; ``modulus_wh`` is the count at which it rolls over;
    ``on_decrease`` says what a decrease means when it is no rollover: ``reset`` (to zero: the new count is a
    lower bound) or ``unknown`` (nothing is credited). ``period`` is how often it reports. ``ct`` is the
    history of its current transformers, ``swap`` of its exchanges, both earliest first; ``calibrated`` when
    it was last. At most ``glitch`` readings in a row are dropped for standing beside their neighbours; a
    register that stands still for longer than ``frozen_after`` while its power tells otherwise is stuck.
    """

    period: Duration = Field(default=timedelta(seconds=60), gt=timedelta(0), le=timedelta(hours=1))
    modulus_wh: float | None = Field(default=None, gt=0)
    max_power_kw: float | None = Field(default=None, gt=0)
    on_decrease: Literal["reset", "unknown"] = "reset"
    glitch: int = Field(default=3, ge=0, le=10)
    frozen_after: Duration = Field(default=timedelta(hours=1), ge=timedelta(minutes=15), le=timedelta(days=7))
    accuracy_class: float | None = Field(default=None, gt=0, description="percent, e.g. 0.5")
    calibrated: date | None = None
    ct: tuple[CtRatio, ...] = ()
    swap: tuple[RegisterSwap, ...] = ()


class CoolingOptions(RegisterOptions):
    """One ``[[sites.X.cooling]]``: a unit with an energy register, and where in the tree it stands."""

    parent: str | None = None
    hall: Id | None = None


class HeatOptions(RegisterOptions):
    """One ``[[sites.X.heat]]``: ``reuse`` is handed over beyond the boundary (ERF, ERE), ``removed`` is what
    the cooling carried away (CER) and is reused by nobody."""

    use: Literal["reuse", "removed"] = "reuse"


class MeterOptions(RegisterOptions):
    """One ``[[sites.X.meter]]``.

    What a meter without an export register exports is integrated from its power from when that first turns
    negative; ``exports = "none"`` says that it never does, whatever it tells. ``parent`` is the meter that
    it hangs below, ``hall`` the sub-boundary that it belongs to, ``backup`` the meter of the same load that
    may stand in for it.
    """

    role: Role
    exports: Literal["metered", "none"] = "metered"
    category: Category | None = None
    parent: str | None = None
    hall: Id | None = None
    backup: Id | None = None

    @model_validator(mode="after")
    def _category_belongs_to_it(self) -> MeterOptions:
        _check_category(self.role, self.category)
        return self

    @property
    def point(self) -> Category | None:
        """Where it measures IT energy; None for a meter that does not."""
        return _POINTS.get(self.role, self.category)


class VirtualOptions(Dated):
    """One ``[[sites.X.virtual]]``: a meter that is the sum of ``plus`` less the sum of ``minus``.

    Members are meters, supplies, cooling units and other virtual meters of the site, by id; of a meter, what
    it imports.
    """

    role: Role
    category: Category | None = None
    hall: Id | None = None
    plus: tuple[str, ...] = Field(min_length=1)
    minus: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _category_belongs_to_it(self) -> VirtualOptions:
        _check_category(self.role, self.category)
        return self

    @property
    def point(self) -> Category | None:
        """Where it measures IT energy; None for one that does not."""
        return _POINTS.get(self.role, self.category)


def _check_category(role: Role, category: Category | None) -> None:
    if role in _POINTS:
        if category not in (None, _POINTS[role]):
            raise ValueError(f"a meter with role {role.value!r} is of category {_POINTS[role]}; leave it out")
    elif (role is Role.IT) != (category is not None):
        raise ValueError("a meter with role 'it' names its category (pue1, pue2 or pue3); others have none")


class WaterSwap(Options):
    """A water meter was exchanged ``at`` that moment: the old one told ``end_m3`` last, the new one began at
    ``start_m3``."""

    at: AwareDatetime
    end_m3: float = Field(ge=0)
    start_m3: float = Field(default=0.0, ge=0)


class WaterOptions(Dated):
    """One ``[[sites.X.water]]``: a cumulative water meter in m³ whose volume counts in WUE.

    ``max_flow_m3h`` bounds what it may gain; the rest is as with :class:`RegisterOptions`. Its class is that
    of the flows at which it runs: 2 for ± 2 %.
    """

    period: Duration = Field(default=timedelta(seconds=60), gt=timedelta(0), le=timedelta(days=1))
    modulus_m3: float | None = Field(default=None, gt=0)
    max_flow_m3h: float | None = Field(default=None, gt=0)
    on_decrease: Literal["reset", "unknown"] = "reset"
    glitch: int = Field(default=3, ge=0, le=10)
    accuracy_class: float | None = Field(default=None, gt=0, description="percent, e.g. 2")
    calibrated: date | None = None
    swap: tuple[WaterSwap, ...] = ()
