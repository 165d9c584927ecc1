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

    Where it names several, one that is not renewable counts: a file never makes a claim greener. What gives
    back energy that was made elsewhere (:data:`CARRIERS`) is none, unless ``words`` name the whole text.
    """
    plain = text.strip().lower()
    if plain in words:
        return words[plain]
    found = {made for start, made in WORDS if re.search(rf"\b{start}", plain)}
    dark = sorted(made for made in found if not made.renewable)
    if dark:
        return dark[0]
    carried = any(re.search(rf"\b{start}", plain) for start in CARRIERS)
    return None if carried else min(found, default=None)


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
    (r"hydro\b", Technology.HYDRO),
    ("hydroele", Technology.HYDRO),
    ("hydroenerg", Technology.HYDRO),
    ("hydropower", Technology.HYDRO),
    ("wodn", Technology.HYDRO),
    (r"vandens\b", Technology.HYDRO),
    (r"hidro\b", Technology.HYDRO),
    ("hidroele", Technology.HYDRO),
    ("hidroenerg", Technology.HYDRO),
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
"""Beginnings of words in English, Polish and Lithuanian, as patterns: those of water are none of hydrogen."""

CARRIERS = ("hydrogen", "wodór", "wodor", "vandenil", "pump", "pomp", "hidroakumul")
"""Hydrogen and pumped storage: their energy is as green as what filled them, which the word does not tell."""
