"""Where the relational state lives, and that its password is told to the driver and to nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from runtime.errors import ConfigError
from settings import Configuration, read, resolve

ADDRESS = "postgresql+asyncpg://amberwatt@db.example.org/amberwatt"
PASSWORD = "h%unt/er2@:ż"


def configured(folder: Path, **service: str) -> Configuration:
    file = folder / "amberwatt.toml"
    lines = [f'{key} = "{value}"' for key, value in service.items()]
    file.write_text("\n".join(["[service]", *lines]), encoding="utf-8")
    return read(file)


def test_the_password_comes_from_its_file_whatever_characters_it_has(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(PASSWORD + "\n", encoding="utf-8")
    configuration = configured(tmp_path, database=ADDRESS, database_password_file="secret")
    url = make_url(configuration.settings.service.database_url)
    assert (url.username, url.password, url.host) == ("amberwatt", PASSWORD, "db.example.org")
    assert PASSWORD not in str(configuration.effective())
    assert PASSWORD not in repr(configuration)


def test_the_password_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMBERWATT_SERVICE__DATABASE", ADDRESS.replace("@", ":hunter2@"))
    configuration = resolve({})
    assert make_url(configuration.settings.service.database_url).password == "hunter2"
    assert "hunter2" not in str(configuration.effective())
    assert "hunter2" not in repr(configuration.settings)


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ({"database": ADDRESS + "?password=hunter2"}, "a login behind the ? would stand in logs"),
        ({"database": ADDRESS + "?USER=x&Password=hunter2"}, "a login behind the ? would stand in logs"),
        (
            {"database": ADDRESS.replace("@", ":hunter2@"), "database_password_file": "secret"},
            "both give a password: give one",
        ),
        ({"database_password_file": "secret"}, "needs database ="),
        ({"database": "sqlite+aiosqlite:///x", "database_password_file": "secret"}, "needs database ="),
        (
            {"database": ADDRESS.replace("amberwatt@", ""), "database_password_file": "secret"},
            "needs database =",
        ),
        ({"database": ADDRESS, "database_password_file": "nowhere"}, "there is no file"),
    ],
)
def test_what_is_wrong_with_a_password_is_told_without_it(
    tmp_path: Path, service: dict[str, str], told: str
) -> None:
    (tmp_path / "secret").write_text("hunter2")
    with pytest.raises(ConfigError, match="service") as caught:
        configured(tmp_path, **service)
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_password_file_that_went_or_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    service = configured(tmp_path, database=ADDRESS, database_password_file="secret").settings.service
    with pytest.raises(ConfigError, match=r"service\.database_password_file: cannot be read"):
        _ = service.database_url
    (tmp_path / "secret").unlink()
    with pytest.raises(ConfigError, match=r"service\.database_password_file: cannot be read"):
        _ = service.database_url
