"""The configuration: strict, every mistake at once, each with table, key and fix."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import ConfigError
from settings import read, resolve

ROOT = Path(__file__).resolve().parents[2]


WRONG = """
[service]
listen = "nowhere"
colour = "amber"

[broker]
url = "http://127.0.0.1:1883"

[[store]]
type = "oracle"

[sites.gdansk]
name = "Gdańsk"
zone = "Europe/Danzig"
grid = "PL"
"""


def test_five_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(WRONG, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read(path)
    problems = caught.value.problems
    assert len(problems) == 5
    for expected in (
        "service.listen: 'nowhere': write HOST:PORT",
        "service.colour: is not a known key",
        "broker.url: 'http://127.0.0.1:1883': write mqtt://HOST:PORT",
        "store[0].type: no store is named 'oracle'; there are: duckdb",
        "sites.gdansk.zone: 'Europe/Danzig' is no IANA time zone",
    ):
        assert any(p.startswith(expected) for p in problems), (expected, problems)


def test_tables_are_checked_against_each_other() -> None:
    site = {
        "name": "Gdańsk",
        "zone": "Europe/Warsaw",
        "grid": "PL",
        "meter": [
            {"id": "main-1", "role": "utility", "parent": "ups-a"},
            {"id": "ups-a", "role": "it", "category": "pue1", "parent": "main-1"},
            {"id": "ups-a", "role": "it", "category": "pue2", "parent": "lost"},
            {"id": "ups-b", "role": "it", "category": "pue3"},
        ],
        "supply": [{"id": "main-1", "kind": "ppa_wind"}, {"id": "bess", "kind": "battery"}],
    }
    tables = {
        "sites": {"gdansk": site},
        "target": [{"name": "green", "site": "kaunas"}],
        "route": [{"match": {}, "to": ["nobody"]}],
        "service": {"listen": "0.0.0.0:80"},
        "auth": {"anonymous": "viewer"},
    }
    with pytest.raises(ConfigError) as caught:
        resolve(tables)
    told = "\n".join(caught.value.problems)
    assert "two have id = 'ups-a'" in told
    assert "sites.gdansk: meter and supply both have id = 'main-1'; give each its own" in told
    assert "parent = 'lost' is no meter of this site" in told
    assert told.count("nothing bounds what its register may gain") == 1
    assert "sites.gdansk.supply 'main-1': nothing bounds" in told
    assert "sites.gdansk.supply 'main-1': nothing tells where its plant delivers; write zone" in told
    assert "['pue1', 'pue2', 'pue3'], and at none of them all of it is measured" in told
    assert "target[0].site: 'kaunas' is no site; there are: gdansk" in told
    assert "route[0].to: no channel is named 'nobody'" in told
    assert "auth.anonymous" in told


def test_the_example_is_right() -> None:
    configuration = read(ROOT / "amberwatt.example.toml")
    assert list(configuration.settings.sites) == ["gdansk"]
    assert [s.name for s in configuration.stores] == ["duckdb"]
    assert configuration.settings.service.data_dir == ROOT / "var"


def test_the_tables_that_the_example_has_as_comments_are_right_too(tmp_path: Path) -> None:
    text = (ROOT / "amberwatt.example.toml").read_text(encoding="utf-8")
    blocks = re.findall(r"(?m)^# \[.*\n(?:# .*\n)*", text)
    assert len(blocks) == 14
    uncommented = "".join(block.replace("# ", "", 1).replace("\n# ", "\n") for block in blocks)
    path = tmp_path / "amberwatt.toml"
    path.write_text(text + uncommented, encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    for name in ("influx", "entsoe"):
        (tmp_path / "secrets" / f"{name}.token").write_text("token", encoding="utf-8")
    configuration = read(path)
    assert [s.name for s in configuration.stores] == ["duckdb", "influx"]
    assert [unit.id for unit in configuration.settings.sites["gdansk"].water] == ["makeup"]
    assert [shard.name for shard in configuration.settings.shard] == ["hall-a", "rest"]


def test_environment_overrides_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMBERWATT_SERVICE__LISTEN", "127.0.0.1:9999")
    assert resolve({"reports": {"locale": "pl"}}).settings.service.port == 9999
    assert resolve({"reports": {"locale": "pl"}}).settings.reports.locale == "pl"


def test_the_names_of_the_pages() -> None:
    service = {"listen": "Dc-1:8080", "public_url": "https://Energy.example.org:8443/amber"}
    assert resolve({"service": service}).settings.service.names == {"dc-1", "energy.example.org"}
    assert resolve({}).settings.service.names == {"127.0.0.1"}


@pytest.mark.parametrize("url", ["https://", "https://[amber", "amber", ""])
def test_a_public_url_leads_somewhere(url: str) -> None:
    with pytest.raises(ConfigError, match=r"service\.public_url: '.*': write for example https://amberwatt"):
        resolve({"service": {"public_url": url}})


def test_a_public_url_holds_no_login() -> None:
    with pytest.raises(ConfigError, match=r"service\.public_url: a login does not belong") as caught:
        resolve({"service": {"public_url": "https://dc:hunter2@energy.example.org"}})
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        read(tmp_path / "missing.toml")


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("[service\n")
    with pytest.raises(ConfigError, match="line 1"):
        read(path)


def test_the_effective_values_are_whole_and_keep_secrets() -> None:
    hook = {"type": "webhook", "name": "hook", "url": "https://hooks.example.org/s3cret?token=hunter2"}
    channels = [
        {"type": "apprise", "name": "chat", "url": "json://user:hunter2@127.0.0.1"},
        {**hook, "headers": {"Authorization": "Bearer hunter2"}},
    ]
    service = {"database": "postgresql+asyncpg://dc:hunter2@db.example.org/dc"}
    configuration = resolve({"channel": channels, "service": service})
    told = configuration.effective()
    assert told["store"][0]["memory_limit"] == "256MB"
    assert [channel["name"] for channel in told["channel"]] == ["chat", "hook"]
    assert told["channel"][1]["url"] == "https://hooks.example.org/***"
    assert told["service"]["database"] == "postgresql+asyncpg://dc:***@db.example.org/dc"
    assert "hunter2" not in str(told)
    assert "s3cret" not in str(told)
    assert configuration.settings.service.database_url == service["database"]


def test_effective_durations_are_what_one_would_write() -> None:
    told = resolve({"retention": {"raw": "36h", "hour": "3650d"}}).effective()
    assert told["retention"] == {"raw": "1d12h", "minute": "400d", "hour": "3650d", "accounting": "400d"}
    assert resolve({"retention": told["retention"]}).effective()["retention"] == told["retention"]


def test_a_login_in_a_url_is_refused_with_the_fix_and_not_repeated() -> None:
    tables = {
        "store": [{"type": "duckdb"}, {"type": "influx", "url": "http://dc:hunter2@127.0.0.1:8086"}],
        "channel": [
            {"type": "webhook", "name": "hook", "url": "https://dc:hunter2@hooks.example.org/"},
            {"type": "alertmanager", "name": "keeper", "urls": ["https://dc:hunter2@127.0.0.1"]},
        ],
        "service": {"database": "dc:hunter2"},
    }
    with pytest.raises(ConfigError) as caught:
        resolve(tables)
    problems = caught.value.problems
    assert (
        "service.database: write an SQLAlchemy URL, such as postgresql+asyncpg://USER@HOST/NAME" in problems
    )
    for place in ("store[1].url", "channel[0].url", "channel[1].urls[0]"):
        told = next(problem for problem in problems if problem.startswith(f"{place}: "))
        assert "a login does not belong in the url: use" in told
        assert "token_file" in told
    assert "hunter2" not in str(caught.value)


def test_no_site_is_named_like_the_zones_of_the_grid() -> None:
    with pytest.raises(ConfigError, match=r"sites\.grid"):
        resolve({"sites": {"grid": {"name": "Grid", "zone": "Europe/Warsaw", "grid": "PL"}}})


SITE = {
    "name": "Gdańsk",
    "zone": "Europe/Warsaw",
    "grid": "PL",
    "meter": [{"id": "main-1", "role": "utility"}, {"id": "ups-a", "role": "it", "category": "pue1"}],
}


def mistakes_of(tables: dict[str, Any]) -> list[str]:
    """What is wrong with ``tables``."""
    try:
        resolve(tables)
    except ConfigError as error:
        return error.problems
    return []


@pytest.mark.parametrize("key", ["Gdańsk", "gda/nsk", "gda nsk", "", "all", "GDANSK", "x" * 61, "gda\nsk"])
def test_a_site_is_a_level_of_topics(key: str) -> None:
    assert any(problem.startswith("sites.") for problem in mistakes_of({"sites": {key: SITE}}))


@pytest.mark.parametrize(
    ("match", "says"),
    [
        ({"severity": ["critial"]}, "severity: 'critial' matches no severity; there are: critical, high"),
        ({"severity": ["high", "hihg"]}, "severity: 'hihg' matches no severity"),
        ({"severity": "crt*"}, "severity: 'crt*' matches no severity"),
        ({"site": "gdask"}, "site: 'gdask' matches no site; there are: gdansk"),
        ({"site": ["gdansk", "kau*"]}, "site: 'kau*' matches no site"),
        ({"rule": "pue_limt"}, "rule: 'pue_limt' matches no rule; there are: battery_losses"),
        ({"key": "pue/gdask"}, "key: 'pue/gdask' matches no alert's key; there are: "),
        ({"key": "targt/*"}, "key: 'targt/*' matches no alert's key"),
        ({"key": "target/gren/missed"}, "key: 'target/gren/missed' matches no alert's key"),
        ({"key": "channel/mial"}, "key: 'channel/mial' matches no alert's key"),
        ({"key": "completeness/gdask/*"}, "key: 'completeness/gdask/*' matches no alert's key"),
    ],
)
def test_a_match_that_can_match_nothing_is_told(match: dict[str, Any], says: str) -> None:
    whole = {
        "sites": {"gdansk": SITE},
        "target": [{"name": "green", "site": "gdansk"}],
        "channel": [{"type": "mqtt", "name": "mail"}],
    }
    found = mistakes_of({**whole, "route": [{"match": match, "to": ["mail"]}]})
    assert len(found) == 1
    assert found[0].startswith(f"route[0].match.{says}")
    found = mistakes_of({**whole, "inhibit": [{"when": match, "mute": {"rule": "completeness"}}]})
    assert [problem.split(": ")[0] for problem in found] == [f"inhibit[0].when.{says.split(':')[0]}"]


@pytest.mark.parametrize(
    "match",
    [
        {},
        {"severity": ["crit*", "high"], "site": "gda*", "rule": ["pue*", "monthly_report"]},
        {"severity": "*", "site": "", "key": "*"},
        {
            "key": [
                "pue/gdansk",
                "target/*/missed",
                "target/green/at-risk",
                "*/gdansk",
                "silent/gdansk/hall/a",
            ]
        },
        {"key": ["completeness/gdansk/*", "store/*/lagging", "journal/filling", "rule/pue_limit", "s*"]},
        {"key": ["channel/mail", "report/gdansk/2026-*", "[ps]*"]},
    ],
)
def test_a_match_that_can_match_is_right(match: dict[str, Any]) -> None:
    tables = {
        "sites": {"gdansk": SITE},
        "target": [{"name": "green", "site": "gdansk"}],
        "channel": [{"type": "mqtt", "name": "mail"}],
        "route": [{"match": match, "to": ["mail"], "repeat": "1m"}],
    }
    assert mistakes_of(tables) == []


def test_an_inhibition_says_of_what_and_a_repeat_is_no_flood() -> None:
    channel = [{"type": "mqtt", "name": "mail"}]
    found = mistakes_of(
        {
            "channel": channel,
            "inhibit": [{"when": {}, "mute": {}}],
            "route": [{"to": ["mail"], "repeat": "59s"}],
        }
    )
    assert [problem.split(": ")[0] for problem in found] == [
        "route[0].repeat",
        "inhibit[0].when",
        "inhibit[0].mute",
    ]
    assert mistakes_of({"channel": channel, "route": [{"to": ["mail"], "repeat": None}]}) == []


def test_two_stores_in_one_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "link.duckdb").symlink_to(tmp_path / "telemetry.duckdb")
    stores = [
        {"type": "duckdb"},
        {"type": "duckdb", "name": "second", "path": "./telemetry.duckdb"},
        {"type": "duckdb", "name": "third", "path": str(tmp_path / "link.duckdb")},
        {"type": "duckdb", "name": "fourth", "path": "other.duckdb"},
    ]
    data = tmp_path / "data"
    data.symlink_to(tmp_path)
    found = mistakes_of({"service": {"data_dir": str(tmp_path / "data")}, "store": stores})
    assert [problem.split(": ")[0] for problem in found] == [
        "store[1].path",
        "store[2].path",
        "store[2].path",
    ]
    assert f"{tmp_path / 'telemetry.duckdb'} is the file of store[0] too" in found[0]


@pytest.mark.parametrize(
    ("store", "says"),
    [
        ({"threads": 257}, "store[0].threads"),
        ({"memory_limit": "1KB"}, "store[0].memory_limit: '1KB': write 64MB or more"),
        ({"memory_limit": "much"}, "store[0].memory_limit: 'much': write 64MB or more"),
        ({"name": "ledger"}, "store[0].name: 'ledger' is taken by a part of the service"),
        ({"name": "rollups"}, "store[0].name: 'rollups' is taken by a part of the service"),
        ({"measurements": ["*", "metr"]}, "store[0].measurements: 'metr' matches no measurement"),
        ({"measurements": ["meter", "*_1m"]}, "store[0].measurements: lacks gpu, supply, cooling"),
    ],
)
def test_a_store_that_could_not_serve_is_told(store: dict[str, Any], says: str) -> None:
    found = mistakes_of({"store": [{"type": "duckdb", **store}]})
    assert len(found) == 1
    assert found[0].startswith(says)


def test_a_store_that_is_not_read_takes_what_it_likes() -> None:
    stores = [
        {"type": "duckdb", "memory_limit": "64 MiB", "threads": 256},
        {"type": "influx", "measurements": ["meter", "*_1m"]},
    ]
    assert mistakes_of({"store": stores}) == []


@pytest.mark.parametrize(
    "listen",
    [
        "256.1.1.1:8080",
        "not a host:80",
        "127.0.0.1:65536",
        "127.0.0.1:٨٠",
        "1.2.3:80",
        "-a:80",
        "a..b:80",
        ":80",
    ],
)
def test_an_address_that_is_none_is_told(listen: str) -> None:
    assert mistakes_of({"service": {"listen": listen}}) == [
        f"service.listen: {listen!r}: write HOST:PORT, for example 127.0.0.1:8080"
    ]


SHARDED: dict[str, Any] = {
    "sites": {
        "gdansk": {
            "name": "Gdańsk",
            "zone": "Europe/Warsaw",
            "grid": "PL",
            "meter": [
                {"id": "main-1", "role": "utility"},
                {"id": "ups-a", "role": "it", "category": "pue1", "parent": "main-1"},
            ],
        }
    },
    "shard": [
        {"name": "hall-a", "topics": ["dc/v1/gdansk/a/#"]},
        {"name": "rest", "topics": ["dc/v1/gdansk/meter/+", "dc/v1/grid/pl"], "listen": "0.0.0.0:9101"},
    ],
}


def sharded(number: int, **changed: Any) -> dict[str, Any]:
    """A right file with one of its two shards changed."""
    shards = [{**one, **changed} if k == number else one for k, one in enumerate(SHARDED["shard"])]
    return {**SHARDED, "shard": shards}


def test_shards_that_are_right() -> None:
    shards = resolve(SHARDED).settings.shard
    assert [(one.name, one.listen) for one in shards] == [
        ("hall-a", "127.0.0.1:0"),
        ("rest", "0.0.0.0:9101"),
    ]


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        (sharded(1, name="hall-a"), ["shard[1].name: two shards are named 'hall-a'; give each its own"]),
        (sharded(0, name="Hall A"), ["shard[0].name: String should match pattern '^[a-z0-9-]{1,25}$'"]),
        (
            sharded(0, topics=["dc/v1/gdansk/a/r1/#"]),
            [
                "shard[0].topics: 'dc/v1/gdansk/a/r1/#' parts a hall, and its racks are added up by whoever "
                "takes all of it; write dc/v1/gdansk/a/#"
            ],
        ),
        (
            sharded(0, topics=["dc/v1/gdansk/#"]),
            [
                "shard[1].topics: 'dc/v1/gdansk/meter/+' overlaps 'dc/v1/gdansk/#' of shard 'hall-a': a "
                "message would be taken twice; let each name only what is its own"
            ],
        ),
        (
            sharded(1, topics=["dc/v1/gdansk/meter/main-1/#"]),
            [
                "shard: none takes dc/v1/gdansk/meter/ups-a, which sites.gdansk names; add it to the topics "
                "of one of them",
                "shard: none takes dc/v1/grid/PL, which sites.gdansk.grid names; add it to the topics of one "
                "of them",
            ],
        ),
        (
            {**SHARDED, "broker": {"topics": ["dc/v1/gdansk/#"]}},
            ["shard[1].topics: 'dc/v1/grid/pl' is not within broker.topics; widen those or narrow it"],
        ),
        (
            {**SHARDED, "broker": {"client_id": "c" * 95}},
            ["shard[0].name: with broker.client_id it has over 100 characters; shorten either"],
        ),
        (sharded(1, listen="here"), ["shard[1].listen: 'here': write HOST:PORT, for example 127.0.0.1:8080"]),
    ],
)
def test_what_is_wrong_with_shards_is_told_with_its_fix(tables: dict[str, Any], says: list[str]) -> None:
    assert mistakes_of(tables) == says


def test_what_is_wrong_between_shards_is_told_beside_other_mistakes() -> None:
    tables = sharded(1, topics=["dc/v1/gdansk/meter/#", "dc/v1/gdansk/+/#", "dc/v1/grid/#"])
    found = mistakes_of({**tables, "journal": {"limit": "much"}})
    assert [one.split(": ")[0] for one in found] == ["journal.limit", "shard[1].topics", "shard[1].topics"]


@pytest.mark.parametrize("listen", ["[::1]:8080", "localhost:0", "dc-1.example.org:80", "0.0.0.0:65535"])
def test_an_address_is_right(listen: str) -> None:
    assert mistakes_of({"service": {"listen": listen}}) == []


@pytest.mark.parametrize(
    ("service", "says"),
    [
        ({"database": "mysql://dc:hunter2@db/x"}, "service.database: 'mysql' is not spoken, only sqlite"),
        ({"settle_grace": "25h"}, "service.settle_grace: "),
        ({"replay_from": "2999-01-01T00:00:00Z"}, "service.replay_from: lies in the future"),
    ],
)
def test_what_the_service_cannot_do_is_told(service: dict[str, Any], says: str) -> None:
    found = mistakes_of({"service": service})
    assert len(found) == 1
    assert found[0].startswith(says)
    assert "hunter2" not in found[0]


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_text('[service]\nlisten = "127.0.0.1:1"\n', encoding="utf-8-sig")
    assert read(path).settings.service.port == 1


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate\n")
    (tmp_path / "key.pem").write_text("no key\n")
    path = tmp_path / "a.toml"
    path.write_text(
        '[broker]\nurl = "mqtts://127.0.0.1"\n'
        'ca_file = "ca.pem"\ncert_file = "ca.pem"\nkey_file = "key.pem"\n'
    )
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert [problem.split(": ")[0] for problem in caught.value.problems] == [
        "broker.ca_file",
        "broker.cert_file",
    ]


def test_mistakes_between_tables_are_told_beside_those_within(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(
        """
[service]
listen = "nowhere"
[broker]
password_file = "lost.password"
[sites.gdansk]
name = "Gdańsk"
zone = "Europe/Warsaw"
grid = "PL"
[[sites.gdansk.meter]]
id = "main-1"
role = "utility"
parent = "main-9"
[[target]]
name = "green"
site = "gdynia"
""",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        read(path)
    told = "\n".join(caught.value.problems)
    for expected in (
        "service.listen",
        f"broker.password_file: there is no file {tmp_path / 'lost.password'}",
        "parent = 'main-9' is no meter of this site",
        "no meter has role = 'it'",
        "target[0].site: 'gdynia' is no site; there are: gdansk",
    ):
        assert expected in told


def test_json_is_read_like_toml(tmp_path: Path) -> None:
    path = tmp_path / "amberwatt.json"
    path.write_text('{"service": {"listen": "127.0.0.1:1"}}')
    assert read(path).settings.service.port == 1
    path.write_text("{")
    with pytest.raises(ConfigError, match="is not JSON"):
        read(path)


def test_a_filter_of_topics_must_be_one_and_let_every_device_in() -> None:
    site = {
        "name": "Gdańsk",
        "zone": "Europe/Warsaw",
        "grid": "PL",
        "meter": [
            {"id": "main-1", "role": "utility"},
            {"id": "ups-a", "role": "it", "category": "pue1", "parent": "main-1"},
        ],
    }
    with pytest.raises(ConfigError, match="is no MQTT filter"):
        resolve({"ingest": {"allow": ["dc/v1/gdansk#"]}})
    fix = "ingest.allow: lets no dc/v1/gdansk/meter/ups-a in, which sites.gdansk names; add dc/v1/gdansk/#"
    with pytest.raises(ConfigError) as caught:
        resolve({"sites": {"gdansk": site}, "ingest": {"allow": ["dc/v1/+/meter/main-1"]}})
    assert caught.value.problems == [fix]
    resolve({"sites": {"gdansk": site}, "ingest": {"allow": ["dc/v1/gdansk/#"]}})
    resolve({"sites": {"gdansk": site}})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"grid": ""}, "sites.gdansk.grid: '' is no bidding zone: write letters, digits and -"),
        ({"grid": "DE_LU"}, "sites.gdansk.grid: 'DE_LU' is no bidding zone"),
        ({"grid": 5}, "sites.gdansk.grid: Input should be a valid string"),
        (
            {"supply": [{"id": "a", "kind": "ppa_wind", "zone": "P L"}]},
            "sites.gdansk.supply[0].zone: 'P L' is no",
        ),
        ({"completeness_floor": 0.49}, "sites.gdansk.completeness_floor: "),
        ({"name": " "}, "sites.gdansk.name: "),
        ({"name": "Gda\nsk"}, "sites.gdansk.name: "),
        ({"heat": [{"id": "Heat 1"}]}, "sites.gdansk.heat[0].id: "),
        ({"water": [{"id": "a/b"}]}, "sites.gdansk.water[0].id: "),
        ({"contracted_kw": float("inf")}, "sites.gdansk.contracted_kw: "),
        ({"cooling": [{"id": "a", "max_power_kw": float("inf")}]}, "sites.gdansk.cooling[0].max_power_kw: "),
    ],
)
def test_a_site_that_could_not_be_accounted_is_told(change: dict[str, Any], says: str) -> None:
    found = mistakes_of({"sites": {"gdansk": SITE | change}})
    assert len(found) == 1
    assert found[0].startswith(says)


def test_bidding_zones_are_written_in_capitals_as_in_telemetry() -> None:
    supply = {"id": "ppa", "kind": "ppa_wind", "zone": "de-lu", "max_power_kw": 50_000}
    site = resolve({"sites": {"gdansk": SITE | {"grid": "Pl", "supply": [supply]}}}).settings.sites["gdansk"]
    assert (site.grid, site.supply[0].zone) == ("PL", "DE-LU")


@pytest.mark.parametrize("name", ["", "a\x00b", "x" * 101])
def test_a_client_has_a_name(name: str) -> None:
    (found,) = mistakes_of({"broker": {"client_id": name}})
    assert found.startswith("broker.client_id: ")
