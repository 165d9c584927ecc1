"""How the energy of a certificate was made, and whether that is renewable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum


class Technology(StrEnum):
    """What registries tell apart; ``cogeneration``, ``nuclear`` and ``fossil`` are never renewable here."""

    SOLAR = "solar"
    WIND = "wind"
    HYDRO = "hydro"
    MARINE = "marine"
    GEOTHERMAL = "geothermal"
    BIOMASS = "biomass"
    BIOGAS = "biogas"
    COGENERATION = "cogeneration"
    NUCLEAR = "nuclear"
    FOSSIL = "fossil"

    @property
    def renewable(self) -> bool:
        """Whether its energy counts in the renewable energy factor."""
        return self not in (Technology.COGENERATION, Technology.NUCLEAR, Technology.FOSSIL)


def technology_of(text: str, words: Mapping[str, Technology]) -> Technology | None:
    """The technology that ``text`` names, whole or as a word of :data:`WORDS` or of ``words``; else None.

    Where it names several, one that is not renewable counts: a file never makes a claim greener.
    """
    plain = text.strip().lower()
    if plain in words:
        return words[plain]
    found = {made for start, made in WORDS if re.search(rf"\b{start}", plain)}
    if not found:
        return None
    return next((made for made in sorted(found) if not made.renewable), min(found))


WORDS: tuple[tuple[str, Technology], ...] = (
    ("solar", Technology.SOLAR),
    ("photovolt", Technology.SOLAR),
    ("pv", Technology.SOLAR),
    ("słon", Technology.SOLAR),
    ("fotowolt", Technology.SOLAR),
    ("saul", Technology.SOLAR),
    ("wind", Technology.WIND),
    ("onshore", Technology.WIND),
    ("offshore", Technology.WIND),
    ("wiatr", Technology.WIND),
    ("vėj", Technology.WIND),
    ("hydro", Technology.HYDRO),
    ("wod", Technology.HYDRO),
    ("vanden", Technology.HYDRO),
    ("hidro", Technology.HYDRO),
    ("marine", Technology.MARINE),
    ("geoterm", Technology.GEOTHERMAL),
    ("geotherm", Technology.GEOTHERMAL),
    ("biomas", Technology.BIOMASS),
    ("biogas", Technology.BIOGAS),
    ("biogaz", Technology.BIOGAS),
    ("biodujos", Technology.BIOGAS),
    ("cogeneration", Technology.COGENERATION),
    ("kogener", Technology.COGENERATION),
    ("chp", Technology.COGENERATION),
    ("nuclear", Technology.NUCLEAR),
    ("coal", Technology.FOSSIL),
    ("fossil", Technology.FOSSIL),
    ("natural gas", Technology.FOSSIL),
    ("oil", Technology.FOSSIL),
)
"""Beginnings of words in English, Polish and Lithuanian."""
