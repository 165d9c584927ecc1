"""Ids are given once, kept over restarts, and capped."""

from __future__ import annotations

import pytest

from runtime.errors import BadPayload
from telemetry.catalogue import GPU, METER
from telemetry.rollup import ROLLUPS
from telemetry.series import SeriesRegistry

MAIN, UPS = ("gdansk", "main-1"), ("gdansk", "ups-a")


def test_a_series_has_one_id_and_an_id_one_series() -> None:
    registry = SeriesRegistry()
    assert [registry.id(METER, MAIN), registry.id(METER, UPS), registry.id(METER, MAIN)] == [0, 1, 0]
    assert registry.find(METER, UPS) == 1
    assert registry.find(GPU, UPS) is None
    assert registry.key(1) == ("meter", UPS)
    assert registry.labels(0) == {"site": "gdansk", "meter": "main-1"}
    assert registry.matching(METER, {"meter": ["ups-a", "none"]}) == [1]


def test_the_cap_refuses_new_series_and_keeps_the_old() -> None:
    registry = SeriesRegistry(limit=1)
    registry.id(METER, MAIN)
    with pytest.raises(BadPayload) as caught:
        registry.id(METER, UPS)
    assert caught.value.reason == "cardinality"
    assert registry.id(METER, MAIN) == 0


def test_groups_of_known_series_are_named_at_the_cap_too() -> None:
    registry = SeriesRegistry(limit=1)
    registry.id(METER, MAIN)
    assert registry.id(ROLLUPS["site_1m"], ("gdansk",)) == 1
    with pytest.raises(BadPayload):
        registry.id(METER, UPS)


def test_sources_that_tell_only_a_status_are_capped_too_and_take_no_room_from_series() -> None:
    registry = SeriesRegistry(limit=2)
    registry.restore([("meter", MAIN)], ["gdansk/meter/a"])
    registry.source("gdansk/meter/b")
    registry.source("gdansk/meter/a")
    with pytest.raises(BadPayload) as caught:
        registry.source("gdansk/meter/c")
    assert caught.value.reason == "cardinality"
    assert registry.id(METER, UPS) == 1


def test_what_is_not_saved_is_offered_until_it_is() -> None:
    registry = SeriesRegistry()
    registry.restore([("meter", MAIN)])
    assert registry.unsaved() == []
    registry.id(METER, UPS)
    assert registry.unsaved() == [(1, ("meter", UPS))]
    registry.mark_saved(2)
    registry.mark_saved(1)
    assert registry.unsaved() == []
