"""One plant, several contracts: nobody buys more than there is."""

from __future__ import annotations

import pytest

from energy.contracts.shares import share_faults
from tests.unit.energy.plant import site

WIND = {"id": "wind", "kind": "ppa_wind", "volume": "file", "max_power_kw": 10_000, "zone": "PL"}
BALTICA = WIND | {"plant": "baltica"}


def two(here: dict[str, object], there: dict[str, object]):
    return {"gdansk": site(supply=[here]), "kaunas": site(supply=[there], name="Kaunas", grid="LT")}


def test_shares_of_one_plant_add_up_to_1_at_most_over_all_sites_at_any_time():
    (told,) = share_faults(two(BALTICA | {"share": 0.7}, BALTICA | {"share": 0.4}))
    assert told.startswith("sites.gdansk.supply 'wind' and sites.kaunas.supply 'wind': buy 1.1 of plant 'b")
    later = BALTICA | {"share": 0.4, "valid_from": "2026-11-01T00:00:00Z"}
    (told,) = share_faults(two(BALTICA | {"share": 0.7}, later))
    assert "from 2026-11-01 00:00Z on" in told
    until = BALTICA | {"share": 0.7, "valid_until": "2026-11-01T00:00:00Z"}
    assert list(share_faults(two(until, later))) == []
    assert list(share_faults(two(BALTICA | {"share": 0.6}, BALTICA | {"share": 0.4}))) == []
    assert list(share_faults(two(WIND, WIND))) == []  # two plants that share no more than an id


def test_one_plant_is_of_one_kind_and_stands_in_one_zone():
    other = BALTICA | {"kind": "ppa_solar", "share": 0.1, "zone": "LT"}
    (told,) = share_faults(two(BALTICA | {"share": 0.1}, other))
    assert "'baltica' is ppa_solar in LT here and ppa_wind in PL for sites.gdansk.supply 'wind'" in told
    with pytest.raises(ValueError, match="plant belongs to a contract"):
        site(supply=[{"id": "pv", "kind": "onsite_solar", "plant": "roof"}])
