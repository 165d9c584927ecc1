"""A table becomes a plugin with checked options, or lines that name place and fix; the same for all."""

from __future__ import annotations

import pytest
from pydantic import Field

from alerts.message import CHANNELS
from alerts.options import load_plugins
from alerts.verdict import RULES
from runtime.options import Options
from runtime.plugin_table import BESIDE, Chosen, choose
from runtime.registry import Registry
from settings import read
from telemetry.store import STORES


class LampOptions(Options):
    watts: float = Field(gt=0)
    colours: tuple[str, ...] = ()


class Lamp:
    """What the plugins of these tests are."""

    def __init__(self, options: LampOptions, room: str = "hall") -> None:
        self.options, self.room = options, room


@pytest.fixture
def lamps() -> Registry[Lamp]:
    registry = Registry[Lamp]("lamp")
    registry.add("floor", LampOptions)(Lamp)
    return registry


def test_a_table_becomes_its_plugin(lamps: Registry[Lamp]) -> None:
    chosen = choose(lamps, {"type": "floor", "name": "by the door", "watts": 8}, "lamp[0]")
    assert isinstance(chosen, Chosen)
    assert (chosen.name, chosen.plugin) == ("by the door", lamps["floor"])
    lamp = chosen.build("office")
    assert (lamp.options, lamp.room) == (LampOptions(watts=8), "office")


def test_without_a_name_it_is_called_as_its_type(lamps: Registry[Lamp]) -> None:
    chosen = choose(lamps, {"type": "floor", "watts": 8}, "lamp[0]")
    assert isinstance(chosen, Chosen)
    assert chosen.name == "floor"


@pytest.mark.parametrize("odd", [None, 5, [], {}, "flor"], ids=repr)
def test_a_type_that_is_none_is_answered_with_those_that_are(lamps: Registry[Lamp], odd: object) -> None:
    told = choose(lamps, {"type": odd}, "lamp[3]")
    assert told == [f"lamp[3].type: no lamp is named {odd!r}; there are: floor"]


def test_every_wrong_option_is_told_with_its_place(lamps: Registry[Lamp]) -> None:
    wrong = {"type": "floor", "wats": 8, "colours": ["red", 7]}
    assert choose(lamps, wrong, "lamp[1]") == [
        "lamp[1].watts: floor needs it; add it",
        "lamp[1].colours[1]: Input should be a valid string",
        "lamp[1].wats: floor has no such key; check its spelling, or remove it",
    ]


def test_what_stands_beside_the_options_is_said_by_who_asks(lamps: Registry[Lamp]) -> None:
    table = {"type": "floor", "watts": 8, "enabled": True}
    assert isinstance(choose(lamps, table, "lamp[0]", BESIDE | {"enabled"}), Chosen)
    assert choose(lamps, table, "lamp[0]") == [
        "lamp[0].enabled: floor has no such key; check its spelling, or remove it"
    ]


@pytest.mark.parametrize("registry", [STORES, RULES, CHANNELS], ids=lambda registry: registry.kind)
def test_stores_rules_and_channels_are_told_of_in_the_same_words(registry: Registry[object]) -> None:
    read(None)  # loads every plugin
    load_plugins()
    name = next(iter(registry))
    place = f"{registry.kind}[0]"
    told = choose(registry, {"type": name, "colour": "red"}, place)
    assert isinstance(told, list)
    assert told[-1] == f"{place}.colour: {name} has no such key; check its spelling, or remove it"
