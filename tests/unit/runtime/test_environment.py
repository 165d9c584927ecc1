"""Variables override the file; one that cannot be read is named, and what it holds is not repeated."""

from __future__ import annotations

import pytest

from runtime.errors import ConfigError
from settings import resolve

SITE = '{"name": "Gdańsk", "zone": "Europe/Warsaw", "grid": "PL", "meter": [%s]}'
METERS = '{"id": "main", "role": "utility"}, {"id": "ups", "role": "it", "category": "pue1"}'


def problems() -> list[str]:
    with pytest.raises(ConfigError) as caught:
        resolve({})
    return caught.value.problems


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMBERWATT_SITES", "[1"),
        ("amberwatt_sites", "hunter2"),
        ("AMBERWATT_SITES__GDANSK__METER", "[{"),
        ("AMBERWATT_BROKER__TOPICS", "dc/v1/#"),
        ("AMBERWATT_CHANNEL", '[{"token": "hunter2"'),
        ("AMBERWATT_RULE", "[" * 100_000),
    ],
)
def test_what_is_no_json_names_its_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    (told,) = problems()
    assert told.startswith(f"{name}: is not JSON (")
    assert "write a list as" in told
    assert "hunter2" not in told
    assert len(told) < 250


def test_every_broken_variable_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AMBERWATT_SITES", "AMBERWATT_TARGET", "AMBERWATT_REPORTS"):
        monkeypatch.setenv(name, "{")
    told = [problem.partition(":")[0] for problem in problems()]
    assert sorted(told) == ["AMBERWATT_REPORTS", "AMBERWATT_SITES", "AMBERWATT_TARGET"]


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("AMBERWATT_SERVICE__LISTEN", "anywhere", "service.listen"),
        ("AMBERWATT_SERVICE", "3", "service"),
        ("AMBERWATT_SITES", "[1]", "sites"),
        ("AMBERWATT_SITES__GDANSK", "[1]", "sites.gdansk"),
        ("AMBERWATT_SITES__", "x", "sites"),
        ("AMBERWATT_JOURNAL__LIMIT", "much", "journal.limit"),
        ("AMBERWATT_STORE", '[{"type": []}]', "store[0].type"),
        ("AMBERWATT_RULE", '[{"type": {}}]', "rule[0].type"),
        ("AMBERWATT_DELIVERY__TIMEOUT", "99999999999d", "delivery.timeout"),
    ],
)
def test_a_wrong_value_names_place_and_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, place: str
) -> None:
    monkeypatch.setenv(name, value)
    told = [problem for problem in problems() if problem.startswith(f"{place}: ")]
    assert len(told) == 1
    assert told[0].endswith(f"(set by {name})")


def test_what_the_file_has_wrong_blames_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMBERWATT_SERVICE__LISTENER", "x")
    monkeypatch.setenv(
        "AMBERWATT_SERVICE_HOST", "10.0.0.1"
    )  # what Kubernetes sets for a service of this name
    with pytest.raises(ConfigError) as caught:
        resolve({"service": {"listen": "nowhere"}})
    told = caught.value.problems
    assert "service.listen: 'nowhere': write HOST:PORT, for example 127.0.0.1:8080" in told


def test_a_table_may_be_written_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMBERWATT_SITES__GDANSK", SITE % METERS)
    monkeypatch.setenv("AMBERWATT_BROKER__TOPICS", '["dc/v1/gdansk/#"]')
    settings = resolve({}).settings
    assert [meter.id for meter in settings.sites["gdansk"].meter] == ["main", "ups"]
    assert settings.broker.topics == ("dc/v1/gdansk/#",)
