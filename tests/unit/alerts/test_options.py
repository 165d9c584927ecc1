from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest
from pydantic import ValidationError

from alerts.message import CHANNELS
from alerts.options import AlertOptions
from alerts.post import LoginOptions
from alerts.verdict import RULES
from runtime.errors import ConfigError

MAIL = {"type": "email", "name": "on-call", "host": "127.0.0.1", "to": ["a@example.org"]}


def problems(**tables: object) -> list[str]:
    return AlertOptions.model_validate(tables).problems()


def test_nothing_configured_is_fine_and_runs_every_rule() -> None:
    assert problems() == []
    assert set(AlertOptions().rules()) == set(RULES)


def test_every_problem_is_named_at_once_with_its_place() -> None:
    found = problems(
        rule=[
            {"type": "pue_limit", "deadbnad": 0.1},
            {"type": "pue_limt"},
            {"type": "pue_limit", "deadband": -1},
            {"type": "store_lagging", "limit": "soon", "enabled": "no"},
        ],
        channel=[MAIL, MAIL, {"type": "email", "name": "x", "host": "h"}, {"type": "pigeon"}],
        route=[
            {"to": ["on-call", "nobody"], "match": {"rule": "pue*"}},
            {"to": ["x"], "match": {"rule": "pu"}},
        ],
    )
    assert [line.split(": ")[0] for line in found] == [
        "rule[0].deadbnad",
        "rule[1].type",
        "rule[2].deadband",
        "rule[2]",
        "rule[3].limit",
        "rule[3].enabled",
        "channel[1].name",
        "channel[2].to",
        "channel[3].name",
        "channel[3].type",
        "route[0].to",
        "route[1].match.rule",
    ]
    assert "there are: battery_losses, broker_session, burn_rate, c" in found[1]
    assert "write for example 90s" in found[4]
    assert "there are: None, on-call, x" not in found[10]


def test_a_rule_can_be_changed_and_stopped() -> None:
    tables = {"rule": [{"type": "pue_limit", "enabled": False}, {"type": "reject_rate", "limit": 0.2}]}
    options = AlertOptions.model_validate(tables)
    assert options.problems() == []
    assert set(options.rules()) == set(RULES) - {"pue_limit"}


def test_a_secret_file_that_is_not_there_is_a_configuration_error(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    options = AlertOptions.model_validate({"channel": [{**MAIL, "user": "dc", "password_file": str(gone)}]})
    with pytest.raises(ConfigError, match=f"channel 'on-call'.*{gone}"):
        options.channels()


def test_a_login_over_http_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    basic = LoginOptions(user="dc", password_file=file).authorization()
    assert basic == {"Authorization": "Basic " + b64encode(b"dc:s3cret").decode()}
    assert LoginOptions(token_file=file).authorization() == {"Authorization": "Bearer s3cret"}
    assert LoginOptions().authorization() == {}
    for wrong in ({"user": "dc"}, {"user": "dc", "password_file": file, "token_file": file}):
        with pytest.raises(ValidationError):
            LoginOptions.model_validate(wrong)


def test_the_handbook_names_every_rule_and_channel_with_its_options() -> None:
    AlertOptions().problems()
    text = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
    for registry in (RULES, CHANNELS):
        for name in registry:
            assert f"| `{name}` |" in text, f"docs/alerts.md has no row for the {registry.kind} {name!r}"
            row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
            for option in registry[name].options.model_fields:
                assert f"`{option}" in row, f"docs/alerts.md: the row of {name!r} lacks its option {option!r}"


def test_the_handbook_tells_the_defaults_as_they_are() -> None:
    AlertOptions().problems()
    text = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
    for name in RULES:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        for option, value in RULES[name].options().model_dump().items():
            told = row.split(f"`{option} = ")[1].split("`")[0]
            assert getattr(RULES[name].options.model_validate({option: _parsed(told)}), option) == value


def _parsed(told: str) -> object:
    return told.strip('"') if told.startswith('"') else float(told)
