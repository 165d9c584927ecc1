"""Environment variables over a configuration file; what is wrong in one is told by its name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource
from pydantic_settings.exceptions import SettingsError

from runtime.errors import ConfigError

_SEPARATOR = re.compile(r"\[|\]\.?|\.|:| ")
"""What stands between the parts of a place, and behind it: ``store[0] (influx).url: …``."""


class Environment(EnvSettingsSource):
    """The variables of a settings class. Raises ConfigError that names every one that is not readable."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls)
        self._refused: tuple[Any, str] = (None, "")

    def __call__(self) -> dict[str, Any]:
        """The values by field, as they stand in the environment."""
        problems: list[str] = []
        while True:
            try:
                values = super().__call__()
            except SettingsError:
                problems += self._set_aside()
            else:
                if problems:
                    raise ConfigError(problems)
                return values

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """The value of a whole table or list, which stands in its variable as JSON. Raises ValueError."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError as error:
            self._refused = value, str(error)
            raise
        except RecursionError:
            self._refused = value, "nested too deep"
            raise ValueError(self._refused[1]) from None

    def _set_aside(self) -> list[str]:
        """Leave out the variables that hold what was refused last, so that the next can be read.

        What they hold is not repeated: it may be a secret.
        """
        refused, reason = self._refused
        ours = {
            name: value for name, value in self.env_vars.items() if name.startswith(self.env_prefix.lower())
        }
        wrong = [name for name, value in ours.items() if value == refused]
        self.env_vars = {name: value for name, value in self.env_vars.items() if name not in wrong}
        return [
            f"{_spelt(name)}: is not JSON ({reason}); write a list as "
            """'["a", "b"]', a table as '{"key": "value"}'"""
            for name in wrong
        ]


def name_variables(problems: Iterable[str], prefix: str, delimiter: str) -> list[str]:
    """Each problem, with the variable that sets its place: the mistake is not in the file then."""
    names = [name for name in os.environ if name.lower().startswith(prefix.lower())]
    places = {_place(name[len(prefix) :].lower().split(delimiter)): name for name in sorted(names)}
    return [_named(problem, places) for problem in problems]


def _place(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(part for part in parts if part)


def _named(problem: str, places: dict[tuple[str, ...], str]) -> str:
    where = _place(_SEPARATOR.split(problem.partition(": ")[0].lower()))
    found = [place for place in places if place == where[: len(place)]]
    if not found:
        return problem
    return f"{problem} (set by {places[max(found, key=len)]})"


def _spelt(lower: str) -> str:
    return next((name for name in os.environ if name.lower() == lower), lower.upper())
