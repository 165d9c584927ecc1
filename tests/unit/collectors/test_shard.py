"""Shards: filters that overlap, halls that must stay whole, and what a part of the world takes."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from collectors.shard import WHOLE, ShardOptions, overlap, shard, split, within
from collectors.source import BrokerOptions
from collectors.topic import matcher
from runtime.errors import ConfigError
from telemetry.share import EVERYTHING

HALL_A = ShardOptions(name="hall-a", topics=("dc/v1/gdansk/a/#",))
REST = ShardOptions(
    name="rest",
    topics=(
        "dc/v1/gdansk/b/#",
        "dc/v1/gdansk/meter/#",
        "dc/v1/kaunas/#",
        "dc/v1/grid/pl",
        "dc/v1/+/supply/+",
    ),
)
SHARDS = (HALL_A, REST)

FILTERS = st.builds(
    lambda levels, rest: "/".join([*levels, *(["#"] if rest else [])]),
    st.lists(st.sampled_from(["a", "b", "+"]), min_size=1, max_size=3),
    st.booleans(),
)
TOPICS = ["/".join(levels) for n in range(1, 5) for levels in product("ab", repeat=n)]


@given(one=FILTERS, two=FILTERS)
def test_overlap_and_within_are_what_the_topics_say(one: str, two: str) -> None:
    ours, theirs = ({topic for topic in TOPICS if matcher(f)(topic)} for f in (one, two))
    assert overlap(one, two) is overlap(two, one) is bool(ours & theirs)
    # Topics of four levels cannot tell "a/+/+/+" from "a/#", but no filter here has more than three.
    assert within(one, two) is (ours <= theirs)


@pytest.mark.parametrize(
    ("source", "taker"),
    [
        ("gdansk/a/r1/n01/gpu", "hall-a"),
        ("gdansk/a/r2/n77/gpu", "hall-a"),
        ("gdansk/b/r1/n01/gpu", "rest"),
        ("gdansk/c/r1/n01/gpu", None),
        ("gdansk/meter/main-1", "rest"),
        ("gdansk/cooling/c1", None),
        ("gdansk/supply/pv", "rest"),
        ("kaunas/weather/roof", "rest"),
        ("grid/PL", "rest"),
        ("grid/LT", None),
    ],
)
def test_each_device_is_taken_by_one_shard(source: str, taker: str | None) -> None:
    takers = [one.name for one in SHARDS if shard(SHARDS, one.name).takes(source)]
    assert takers == ([] if taker is None else [taker])
    assert WHOLE.takes(source)


def test_whoever_takes_all_gpus_of_a_site_knows_it_whole() -> None:
    hall_a, rest = shard(SHARDS, "hall-a"), shard(SHARDS, "rest")
    assert [hall_a.whole("gdansk"), rest.whole("gdansk"), rest.whole("kaunas")] == [False, False, True]
    assert WHOLE.whole("gdansk")
    found = [split(SHARDS)(sites) for sites in (["gdansk"], ["kaunas"], ["kaunas", "gdansk"], None, [])]
    assert found == [True, False, True, True, False]
    assert not split(())(None)
    anywhere = tuple(ShardOptions(name=h, topics=(f"dc/v1/+/{h}/#",)) for h in "ab")
    assert (split(anywhere)(None), split(anywhere)(["gdansk"])) == (True, True)


def test_meters_of_another_shard_do_not_part_a_site() -> None:
    gpus = ShardOptions(name="gpus", topics=("dc/v1/gdansk/+/+/+/+",))
    meters = ShardOptions(name="meters", topics=("dc/v1/+/+/+", "dc/v1/gdansk/meter/+/#"))
    assert shard((gpus, meters), "gpus").whole("gdansk")
    assert not shard((gpus, meters), "meters").whole("gdansk")
    assert not split((gpus, meters))(None)


def test_the_session_of_a_shard_has_names_of_its_own() -> None:
    options = BrokerOptions()
    own = shard(SHARDS, "hall-a").broker(options)
    assert (own.client_id, own.status_topic) == ("amberwatt-1-hall-a", "amberwatt/v1/status/hall-a")
    assert own.topics == ("dc/v1/gdansk/a/#",)
    assert WHOLE.broker(options) is options
    assert (WHOLE.share, shard(SHARDS, None)) == (EVERYTHING, WHOLE)
    share = shard(SHARDS, "hall-a").share
    assert (share.name, share.everything, share.knows("gdansk")) == ("hall-a", False, False)
    assert (share.has("gdansk/a/r1/n1/gpu"), share.has("gdansk/meter/main-1")) == (True, False)


def test_an_unknown_shard_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="no shard is named 'hall-b'; there are: hall-a, rest"):
        shard(SHARDS, "hall-b")
    with pytest.raises(ConfigError, match=re.escape("write [[shard]] tables first")):
        shard((), "hall-a")


@pytest.mark.parametrize(
    ("topics", "told"),
    [
        ((), "at least 1 item"),
        (("dc/v1/g#",), "is no MQTT filter"),
        (("factory/#",), "does not begin with dc/v1/"),
        (("dc/v1/g/meter/m1/status",), "names no device"),
        (("dc/v1/g/lamp/+",), "names no device"),
        (("dc/v1/g/a/r1/#",), "parts a hall, and its racks are added up by whoever takes all of it"),
        (("dc/v1/g/a/+/n1/gpu",), "write dc/v1/g/a/#"),
    ],
)
def test_filters_that_are_none_of_devices_or_part_a_hall(topics: tuple[str, ...], told: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(told)):
        ShardOptions(name="s", topics=topics)


@pytest.mark.parametrize("topic", ["dc/v1/g/meter/m1/#", "dc/v1/+/a/#", "dc/v1/g/a/+/+/gpu", "dc/v1/#"])
def test_filters_that_leave_halls_whole(topic: str) -> None:
    assert ShardOptions(name="s", topics=(topic,)).topics == (topic,)
