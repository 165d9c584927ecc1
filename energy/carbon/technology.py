"""Production types of the transparency platform, and what each counts as."""

from __future__ import annotations

from enum import StrEnum


class Technology(StrEnum):
    """How electricity is made. :data:`CODES` names the code of each in documents (psrType)."""

    BIOMASS = "biomass"
    LIGNITE = "lignite"
    COAL_GAS = "coal_gas"
    GAS = "gas"
    HARD_COAL = "hard_coal"
    OIL = "oil"
    OIL_SHALE = "oil_shale"
    PEAT = "peat"
    GEOTHERMAL = "geothermal"
    PUMPED_STORAGE = "pumped_storage"
    RUN_OF_RIVER = "run_of_river"
    RESERVOIR = "reservoir"
    MARINE = "marine"
    NUCLEAR = "nuclear"
    OTHER_RENEWABLE = "other_renewable"
    SOLAR = "solar"
    WASTE = "waste"
    WIND_OFFSHORE = "wind_offshore"
    WIND_ONSHORE = "wind_onshore"
    OTHER = "other"
    STORAGE = "storage"

    @property
    def renewable(self) -> bool:
        """Whether its energy is renewable; waste is not, as its biogenic share is not known here."""
        return self in _RENEWABLE

    @property
    def carbon_free(self) -> bool:
        """Whether it counts as carbon-free: what is renewable, and nuclear."""
        return self.renewable or self is Technology.NUCLEAR

    @property
    def stores(self) -> bool:
        """Whether it gives back what was generated before, so that it makes nothing itself."""
        return self in (Technology.PUMPED_STORAGE, Technology.STORAGE)


CODES = {
    "B01": Technology.BIOMASS,
    "B02": Technology.LIGNITE,
    "B03": Technology.COAL_GAS,
    "B04": Technology.GAS,
    "B05": Technology.HARD_COAL,
    "B06": Technology.OIL,
    "B07": Technology.OIL_SHALE,
    "B08": Technology.PEAT,
    "B09": Technology.GEOTHERMAL,
    "B10": Technology.PUMPED_STORAGE,
    "B11": Technology.RUN_OF_RIVER,
    "B12": Technology.RESERVOIR,
    "B13": Technology.MARINE,
    "B14": Technology.NUCLEAR,
    "B15": Technology.OTHER_RENEWABLE,
    "B16": Technology.SOLAR,
    "B17": Technology.WASTE,
    "B18": Technology.WIND_OFFSHORE,
    "B19": Technology.WIND_ONSHORE,
    "B20": Technology.OTHER,
    "B25": Technology.STORAGE,
}
"""psrType of the documents; mixed groups and grid assets (A03-A05, B21-B24) are no production."""

_RENEWABLE = frozenset(
    {
        Technology.BIOMASS,
        Technology.GEOTHERMAL,
        Technology.RUN_OF_RIVER,
        Technology.RESERVOIR,
        Technology.MARINE,
        Technology.OTHER_RENEWABLE,
        Technology.SOLAR,
        Technology.WIND_OFFSHORE,
        Technology.WIND_ONSHORE,
    }
)
