"""Factor sets: those that come with Amberwatt are sound, and an operator's mistakes are named."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from energy.carbon.factor import RESIDUAL
from energy.carbon.hours import hour_of
from energy.carbon.library import library, packaged
from energy.carbon.technology import CODES, Technology
from runtime.errors import ConfigError
from settings import resolve

AT = hour_of(datetime(2026, 10, 5, tzinfo=UTC))

METERS = [{"id": "main", "role": "utility"}, {"id": "ups", "role": "it", "category": "pue1"}]
SITE = {"name": "Gdańsk", "zone": "Europe/Warsaw", "grid": "PL", "meter": METERS}


def own(**changed):
    entry = {"technology": "residual_mix", "zone": "PL", "g_per_kwh": 700, "from": "2026-01-01", **changed}
    factor = {key: value for key, value in entry.items() if value is not None}
    return {"id": "own", "version": "1", "source": "somebody", "method": "direct", "factor": [factor]}


def problems(*tables):
    found: list[str] = []
    library(tables, found)
    return "\n".join(found)


def test_every_packaged_set_is_sound_names_its_source_and_knows_every_producing_technology():
    assert {"ipcc-2014-lifecycle", "ipcc-2014-direct"} <= set(packaged())
    for name, one in packaged().items():
        assert list(one.problems(name)) == []
        assert one.source
        assert not one.example
        for technology in set(CODES.values()):
            known = ~np.isnan(one.values(technology, "PL", AT, 1))
            assert known[0] == (not technology.stores), f"{name}: {technology}"


def test_the_factors_of_a_zone_go_before_those_of_all():
    one = packaged()["electricity-maps-2025-direct"]
    assert one.values(Technology.HARD_COAL, "PL", AT, 1)[0] == 1038.6
    assert one.values(Technology.HARD_COAL, "LT", AT, 1)[0] == 1035.2
    assert one.values(Technology.HARD_COAL, "FI", AT, 1)[0] == 760
    assert "Poland for 2025" in one.sources(Technology.HARD_COAL, "PL")


def test_a_factor_is_valid_from_midnight_utc_up_to_midnight():
    (one,) = [s for s in library([own(until="2026-10-05")], []).values() if s.id == "own"]
    assert one.values(RESIDUAL, "PL", AT - 1, 2).tolist()[0] == 700
    assert np.isnan(one.values(RESIDUAL, "PL", AT - 1, 2)[1])
    assert np.isnan(one.values(RESIDUAL, "LT", AT - 1, 1)[0])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"from": None}, "factors[0].factor[0]: factors without validity count nowhere"),
        ({"until": "2026-01-01"}, "until = 2026-01-01 is not after from"),
        ({"g_per_kwh": 0.7}, "looks like kilograms; write grams per kWh: 700"),
        ({"g_per_kwh": 700_000}, "more than any fuel emits"),
        ({"zone": None}, "a residual mix is that of a zone"),
        ({"technology": "cold_fusion"}, "'cold_fusion' is no technology"),
        ({"g_per_kwh": None}, "factors[0].factor[0].g_per_kwh: Field required"),
        ({"kg_per_kwh": 0.7}, "kg_per_kwh: is not a known key"),
    ],
)
def test_what_is_wrong_with_a_factor_is_named(changed, said):
    assert said in problems(own(**changed))


def test_factors_that_are_valid_at_once_contradict_each_other():
    table = own()
    table["factor"].append({**table["factor"][0], "from": "2026-06-01", "g_per_kwh": 650})
    assert "factors[0].factor[1]: is valid at the same time as factor[0]" in problems(table)
    table["factor"][0]["until"] = "2026-06-01"
    assert problems(table) == ""


def test_a_set_may_stand_in_a_file_and_its_mistakes_are_named_with_it(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text(
        'id = "own"\nversion = "1"\nsource = "s"\nmethod = "direct"\n'
        '[[factor]]\ntechnology = "gas"\ng_per_kwh = 400\n'
    )
    assert "factors[0] (own.toml).factor[0]: factors without validity" in problems({"set_file": str(file)})
    assert "factors[0]: holds a set_file and id" in problems({"set_file": str(file), "id": "x"})
    assert "there is no file" in problems({"set_file": str(tmp_path / "none.toml")})
    file.write_text("id = ")
    assert "is not TOML" in problems({"set_file": str(file)})


def test_the_configuration_says_which_set_each_site_uses_and_refuses_what_is_wrong():
    tables = {"sites": {"a": SITE, "b": {**SITE, "carbon": {"residual": "own"}}}, "factors": [own()]}
    uses = resolve(tables).uses
    assert uses["a"].residual is None
    assert uses["b"].residual is not None
    assert (uses["b"].factors.id, uses["b"].lifecycle.id) == ("ipcc-2014-direct", "ipcc-2014-lifecycle")
    with pytest.raises(ConfigError, match=r"sites\.b\.carbon\.residual: 'own' is no factor set"):
        resolve({**tables, "factors": []})
    with pytest.raises(ConfigError, match="there is a set 'own' already"):
        resolve({**tables, "factors": [own(), own()]})
    with pytest.raises(ConfigError, match="factors without validity"):
        resolve({**tables, "factors": [own(**{"from": None})]})


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (
            {"factors": "ipcc-2014-lifecycle"},
            r"carbon\.factors: the factors of ipcc-2014-lifecycle are lifecycle",
        ),
        (
            {"factors": "ipcc-2014-lifecycle"},
            'write factors = "ipcc-2014-direct", and lifecycle = "ipcc-2014',
        ),
        ({"lifecycle": "ipcc-2014-direct"}, r"carbon\.lifecycle: .* write lifecycle = "),
        (
            {"residual": "whole"},
            r"carbon\.residual: the factors of whole are lifecycle, and scope 2 counts direct",
        ),
        ({"contracts": "lifecycle"}, r"carbon\.contracts: .* leave it out, co2_lifecycle_kg tells"),
    ],
)
@pytest.mark.parametrize("at_the_site", [False, True])
def test_no_figure_mixes_direct_and_lifecycle_factors(chosen, said, at_the_site):
    site = {**SITE, "carbon": chosen} if at_the_site else SITE
    tables = {"sites": {"a": site}, "factors": [{**own(), "id": "whole", "method": "lifecycle"}]}
    with pytest.raises(ConfigError, match=said):
        resolve(tables if at_the_site else {**tables, "carbon": chosen})


def test_imports_are_traced_where_all_borders_are_known():
    traced = {"grid": "entsoe", "basis": "consumption"}
    assert resolve({"sites": {"a": SITE}, "carbon": traced}).uses["a"].basis == "consumption"
    german = {**SITE, "grid": "DE-LU"}
    assert resolve({"sites": {"a": german}, "carbon": {**traced, "grid": "mqtt"}}).uses["a"].grid == "mqtt"
    with pytest.raises(ConfigError, match=r"sites\.a\.carbon\.basis: not all borders of DE-LU .*production"):
        resolve({"sites": {"a": german}, "carbon": traced})


def test_a_collector_needs_a_token_and_zones_that_have_a_code():
    tables = {"sites": {"a": SITE}, "collector": [{"type": "entsoe", "zones": ["PL"], "token": "secret"}]}
    told = resolve(tables).effective()
    assert "secret" not in str(told)
    with pytest.raises(ConfigError, match=r"collector\[0\]\.zones: of XX no EIC code is known"):
        resolve({**tables, "collector": [{"type": "entsoe", "zones": ["XX"], "token": "t"}]})
    with pytest.raises(ConfigError, match="give token_file"):
        resolve({**tables, "collector": [{"type": "entsoe", "zones": ["PL"]}]})
