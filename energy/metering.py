"""``[[sites.X.meter]]`` and its like: registers that count, and what the energy of a meter counts as."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from runtime.options import Duration, Options


class Role(StrEnum):
    """What a meter's energy counts as."""

    UTILITY = "utility"  # at the inlet: E_DC
    IT = "it"  # E_IT, at the point that its PUE category names
    COOLING = "cooling"
    LOSSES = "losses"
    OTHER = "other"


class RegisterOptions(Options):
    """How a cumulative register behaves, for meters and supplies alike.

    ``max_power_kw`` bounds what a register may gain; ``modulus_wh`` is the count at which it rolls over;
    ``on_decrease`` says what a decrease means when it is no rollover: ``reset`` (to zero: the new count is a
    lower bound) or ``unknown`` (nothing is credited). ``period`` is how often it reports.
    """

    id: str = Field(pattern=r"^[a-z0-9-]+$", max_length=60)
    period: Duration = Field(default=timedelta(seconds=60), gt=timedelta(0), le=timedelta(hours=1))
    modulus_wh: float | None = Field(default=None, gt=0)
    max_power_kw: float | None = Field(default=None, gt=0)
    on_decrease: Literal["reset", "unknown"] = "reset"
    accuracy_class: float | None = Field(default=None, gt=0, description="percent, e.g. 0.5")


class MeterOptions(RegisterOptions):
    """One ``[[sites.X.meter]]``.

    What a meter without an export register exports is integrated from its power from when that first turns
    negative; ``exports = "none"`` says that it never does, whatever it tells.
    """

    role: Role
    exports: Literal["metered", "none"] = "metered"
    category: Literal["pue1", "pue2", "pue3"] | None = None
    parent: str | None = None

    @model_validator(mode="after")
    def _category_belongs_to_it(self) -> MeterOptions:
        if (self.role is Role.IT) != (self.category is not None):
            raise ValueError(
                "a meter with role 'it' names its category (pue1, pue2 or pue3); others have none"
            )
        return self


class WaterOptions(Options):
    """One ``[[sites.X.water]]``: a cumulative water meter in m³ whose volume counts in WUE."""

    id: str = Field(pattern=r"^[a-z0-9-]+$", max_length=60)
    period: Duration = Field(default=timedelta(seconds=60), gt=timedelta(0), le=timedelta(days=1))
    modulus_m3: float | None = Field(default=None, gt=0)
    max_flow_m3h: float | None = Field(default=None, gt=0)
    on_decrease: Literal["reset", "unknown"] = "reset"
