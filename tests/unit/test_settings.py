"""The configuration: strict, every mistake at once, each with table, key and fix."""

from __future__ import annotations

import re
from pathlib import Path

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
        "store[0].type: 'oracle' is no store; there are: duckdb",
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
        ],
        "supply": [{"id": "main-1", "kind": "ppa_wind"}],
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
    assert "['pue1', 'pue2']" in told
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
    assert len(blocks) == 7
    uncommented = "".join(block.replace("# ", "", 1).replace("\n# ", "\n") for block in blocks)
    path = tmp_path / "amberwatt.toml"
    path.write_text(text + uncommented, encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "influx.token").write_text("token", encoding="utf-8")
    configuration = read(path)
    assert [s.name for s in configuration.stores] == ["duckdb", "influx"]
    assert [unit.id for unit in configuration.settings.sites["gdansk"].water] == ["makeup"]


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
    assert told["store"][0]["memory_limit"] == "1GB"
    assert [channel["name"] for channel in told["channel"]] == ["chat", "hook"]
    assert told["channel"][1]["url"] == "https://hooks.example.org/***"
    assert told["service"]["database"] == "postgresql+asyncpg://dc:***@db.example.org/dc"
    assert "hunter2" not in str(told)
    assert "s3cret" not in str(told)
    assert configuration.settings.service.database_url == service["database"]


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
    for place in ("store[1] (influx).url", "channel[0].url", "channel[1].urls.0"):
        told = next(problem for problem in problems if problem.startswith(f"{place}: "))
        assert "a login does not belong in the url: use" in told
        assert "token_file" in told
    assert "hunter2" not in str(caught.value)


def test_no_site_is_named_like_the_zones_of_the_grid() -> None:
    with pytest.raises(ConfigError, match=r"sites\.grid"):
        resolve({"sites": {"grid": {"name": "Grid", "zone": "Europe/Warsaw", "grid": "PL"}}})


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
