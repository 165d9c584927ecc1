"""Which station a process can have, and what it is told when it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from roles.outlook import topics_of
from roles.station import Role, Station, has_roles, served_from, shard_names
from runtime.errors import ConfigError
from settings import Configuration, resolve

INFLUX = {"type": "influx", "url": "http://127.0.0.1:8086", "database": "amberwatt"}
SHARED: dict[str, Any] = {
    "service": {
        "database": "postgresql+asyncpg://amber@db/amberwatt",
        "data_dir": "/srv/amber",
        "instance": "one",
    },
    "store": [INFLUX],
}
SHARDS = [
    {"name": "halls", "topics": ["dc/v1/gdansk/a/#"]},
    {"name": "rest", "topics": ["dc/v1/gdansk/meter/+"]},
]


def mistakes(station: Station, configuration: Configuration) -> list[str]:
    """What is wrong with ``station``."""
    with pytest.raises(ConfigError) as caught:
        station.check(configuration)
    return caught.value.problems


@pytest.mark.parametrize("role", ["ingest", "web", "jobs"])
def test_several_processes_need_a_database_and_a_store_that_all_can_use(role: Role) -> None:
    found = mistakes(Station(role), resolve({"broker": {"embedded": True}}))
    assert [problem.partition(":")[0] for problem in found] == [
        "service.database",
        "store[0].type",
        "broker.embedded",
    ]
    Station(role).check(resolve(SHARED))


@pytest.mark.parametrize(
    ("station", "told"),
    [
        (Station("ingest"), "--shard: name the one that this process takes; there are: halls, rest"),
        (Station("ingest", "hall"), "--shard: no shard is named 'hall'; there are: halls, rest"),
        (Station("web", "halls"), "--shard: is for --role ingest; --role web takes no part of the messages"),
        (
            Station("all"),
            "--role: [[shard]] tables name halls, rest: run --role ingest --shard NAME for each",
        ),
        (Station("cook"), "--role: 'cook' is none; there are: all, ingest, web, jobs"),  # type: ignore[arg-type]
    ],
)
def test_what_is_named_wrong_is_told_with_what_there_is(station: Station, told: str) -> None:
    (problem,) = mistakes(station, resolve({**SHARED, "shard": SHARDS}))
    assert problem.startswith(told)


def test_a_shard_that_nobody_declared_is_told(tmp_path: Path) -> None:
    (problem,) = mistakes(Station("ingest", "halls"), resolve(SHARED))
    assert problem == "--shard: no shard is named 'halls'; write [[shard]] tables first"


def test_one_process_can_do_everything_without_any_of_it() -> None:
    Station().check(resolve({}))


def test_each_process_has_a_folder_and_a_name_of_its_own() -> None:
    settings = resolve({**SHARED, "shard": SHARDS}).settings
    service = settings.service
    stations = [Station("ingest", "halls"), Station("web"), Station("jobs"), Station()]
    assert [str(one.data_dir(service)) for one in stations] == [
        "/srv/amber/ingest-halls",
        "/srv/amber/web-one",
        "/srv/amber/jobs-one",
        "/srv/amber",
    ]
    assert [one.name(service) for one in stations[:3]] == ["ingest/halls", "web/one", "jobs/one"]
    assert shard_names(settings) == ["halls", "rest"]
    assert shard_names(resolve(SHARED).settings) == ["all"]
    assert Station("ingest").name(service) == "ingest/all"


@pytest.mark.parametrize(("tables", "stations"), [(SHARDS, ["halls", "rest"]), ([], [None])])
def test_who_looks_on_expects_of_each_shard_what_it_subscribes(
    tables: list[dict[str, Any]], stations: list[str | None]
) -> None:
    settings = resolve({**SHARED, "shard": tables}).settings
    expected = [topics_of(settings, name) for name in shard_names(settings)]
    parts = [Station("ingest", shard).part(settings) for shard in stations]
    assert expected == [part.broker(settings.broker).topics for part in parts]


def test_a_shard_of_the_file_is_not_retired() -> None:
    service = {**SHARED["service"], "retired_shards": ["old"]}
    assert resolve({**SHARED, "service": service, "shard": SHARDS}).settings.service.retired_shards == (
        "old",
    )
    service["retired_shards"].append("halls")
    with pytest.raises(ConfigError) as caught:
        resolve({**SHARED, "service": service, "shard": SHARDS})
    assert caught.value.problems == [
        "service.retired_shards: 'halls' is a [[shard]] of this file; remove it here"
    ]


def test_verbs_look_for_pages_where_web_processes_are(tmp_path: Path) -> None:
    assert not has_roles(tmp_path)
    for folder in ("web", "web-second", "ingest-a"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "lock").touch()
    assert has_roles(tmp_path)
    assert list(served_from(tmp_path)) == [tmp_path, tmp_path / "web", tmp_path / "web-second"]
