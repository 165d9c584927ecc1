"""The poller of the transparency platform, against a server that answers as the platform does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from collectors.entsoe import DAY_MS, Entsoe, EntsoeOptions, due
from energy.carbon.intake import GridIntake
from energy.carbon.zones import EIC
from runtime.clock import to_ms
from runtime.errors import BadDocument, SourceError
from tests.servers.entsoe import Platform
from tests.unit.energy.carbon.documents import EIC_OF, acknowledgement, document, series

AT = datetime(2026, 10, 20, 9, 40, tzinfo=UTC)
DAY = to_ms(AT) // DAY_MS


class Shelf:
    """What the poller needs of whoever keeps its answers, in memory."""

    def __init__(self) -> None:
        self.days: dict[str, dict[int, datetime]] = {}
        self.bodies: list[bytes] = []

    async def fetched(self, zone: str, days: range) -> Mapping[int, datetime]:
        return {day: at for day, at in self.days.get(zone, {}).items() if day in days}

    async def keep(self, zone: str, body: bytes, days: Sequence[int], at: datetime) -> bool:
        if not body.startswith(b"<?xml"):
            raise BadDocument("the document is not XML")
        self.bodies.append(body)
        self.days.setdefault(zone, {}).update(dict.fromkeys(days, at))
        return True


def told(query: Mapping[str, str]) -> tuple[int, bytes]:
    start = datetime.strptime(query["periodStart"], "%Y%m%d%H%M").replace(tzinfo=UTC)
    end = datetime.strptime(query["periodEnd"], "%Y%m%d%H%M").replace(tzinfo=UTC)
    hours = (end - start) // timedelta(hours=1)
    zone = query.get("in_Domain", "")
    return 200, document(series("B05", start, [500.0] * hours, zone=zone))


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    server = Platform(told)
    await server.start()
    yield server
    await server.stop()


def options(platform: Platform, **changed: object) -> EntsoeOptions:
    tables = {"type": "entsoe", "zones": ["pl"], "url": platform.url, "token": platform.token,
              "history": "3d", "spacing": "150ms", **changed}  # fmt: skip
    return EntsoeOptions.model_validate(tables)


async def test_it_asks_for_what_is_missing_then_only_for_what_may_be_new(platform):
    shelf = Shelf()
    poller = Entsoe(options(platform), EIC, shelf)
    assert await poller.poll(AT) == 1
    assert platform.asked == [
        {
            "documentType": "A75",
            "processType": "A16",
            "in_Domain": "10YPL-AREA-----S",
            "periodStart": "202610170000",
            "periodEnd": "202610201000",
        }
    ]
    assert sorted(shelf.days["PL"]) == [DAY - 3, DAY - 2, DAY - 1, DAY]
    assert await poller.poll(AT + timedelta(minutes=5)) == 0
    assert await poller.poll(AT + timedelta(minutes=30)) == 1
    assert (platform.asked[1]["periodStart"], platform.asked[1]["periodEnd"]) == (
        "202610180000",
        "202610201100",
    )


async def test_it_asks_for_loads_and_for_flows_over_every_border_both_ways_if_it_is_to(platform):
    shelf, asked = Shelf(), ["load", "flows"]
    borders = {"LT": ("PL", "LV")}
    poller = Entsoe(options(platform, zones=["LT"], documents=asked, spacing="150ms"), EIC, shelf, borders)
    assert await poller.poll(AT) == 5
    periods = ("periodStart", "periodEnd")
    questions = [{k: v for k, v in query.items() if k not in periods} for query in platform.asked]
    lt, pl, lv = (EIC[zone] for zone in ("LT", "PL", "LV"))
    assert questions == [
        {"documentType": "A65", "processType": "A16", "outBiddingZone_Domain": lt},
        *(
            {"documentType": "A11", "in_Domain": into, "out_Domain": origin}
            for into, origin in ((lt, pl), (pl, lt), (lt, lv), (lv, lt))
        ),
    ]
    assert list(shelf.days) == ["LT load", "LT from PL", "PL from LT", "LT from LV", "LV from LT"]
    assert await poller.poll(AT + timedelta(minutes=5)) == 0


async def test_what_came_is_kept_as_hours_that_are_revised_later(platform, database):
    intake = GridIntake(database, {})
    poller = Entsoe(options(platform), EIC, intake)
    await poller.poll(AT)
    assert sorted(await intake.fetched("PL", range(DAY - 5, DAY + 1))) == [DAY - 3, DAY - 2, DAY - 1, DAY]
    platform.answer = lambda _: (200, acknowledgement())
    assert await poller.poll(AT + timedelta(days=1)) == 1


def test_days_are_asked_for_again_when_they_may_have_been_revised():
    chosen = EntsoeOptions(type="entsoe", zones=("PL",), token="t", history=timedelta(days=60))  # type: ignore[arg-type]
    fetched = dict.fromkeys(range(DAY - 60, DAY + 1), AT)
    assert due(fetched, AT, chosen) == []

    def asked(day: int, then: timedelta) -> bool:
        return any(day in run for run in due(fetched | {day: AT - then}, AT, chosen))

    assert asked(DAY - 10, timedelta(days=4))
    assert not asked(DAY - 10, timedelta(days=1))
    assert asked(DAY - 50, timedelta(days=20))
    assert not asked(DAY - 50, timedelta(days=3))
    assert asked(DAY - 4, timedelta(days=3))


def test_no_question_spans_more_than_a_month():
    chosen = EntsoeOptions(type="entsoe", zones=("PL",), token="t", history=timedelta(days=70))  # type: ignore[arg-type]
    runs = due({}, AT, chosen)
    assert [len(run) for run in runs] == [31, 31, 9]
    assert (runs[0].start, runs[-1].stop) == (DAY - 70, DAY + 1)


@pytest.mark.parametrize(
    ("status", "said"), [(401, "refuses the token"), (429, "asked too often"), (503, "status 503")]
)
async def test_a_platform_that_refuses_is_named_without_the_token(platform, status, said):
    platform.answer = lambda _: (status, b"no")
    with pytest.raises(SourceError, match=said) as error:
        await Entsoe(options(platform), EIC, Shelf()).poll(AT)
    assert platform.token not in str(error.value)


async def test_a_wrong_token_and_an_address_where_nobody_listens_are_named(platform):
    with pytest.raises(SourceError, match="check token_file"):
        await Entsoe(options(platform, token="wrong"), EIC, Shelf()).poll(AT)
    away = options(platform)
    await platform.stop()
    with pytest.raises(SourceError, match="cannot be reached") as error:
        await Entsoe(away, EIC, Shelf()).poll(AT)
    assert platform.token not in str(error.value)


async def test_an_answer_that_cannot_be_read_leaves_the_other_zones_alone(platform):
    shelf = Shelf()
    platform.answer = lambda query: (200, b"<html>") if query["in_Domain"] == EIC_OF["PL"] else told(query)
    with pytest.raises(SourceError, match="PL: the document is not XML"):
        await Entsoe(options(platform, zones=["PL", "LT"]), EIC, shelf).poll(AT)
    assert list(shelf.days) == ["LT"]


def test_the_token_comes_from_a_file_and_is_shown_nowhere(tmp_path):
    file = tmp_path / "token"
    file.write_text("abc\n")
    chosen = EntsoeOptions.model_validate({"type": "entsoe", "zones": ["PL"], "token_file": str(file)})
    assert chosen.secret() == "abc"
    shown = EntsoeOptions.model_validate({"type": "entsoe", "zones": ["PL"], "token": "abc"})
    assert "abc" not in repr(shown)
    file.unlink()
    with pytest.raises(SourceError, match="token_file cannot be read"):
        chosen.secret()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"url": "ftp://x/y"}, "no address of the platform"),
        ({"url": "https://me@host/api"}, "no address of the platform"),
        ({"spacing": "10ms"}, "greater than or equal"),
        ({"zones": []}, "at least 1 item"),
        ({"token": None}, "give token_file"),
    ],
)
def test_options_that_cannot_be_used_are_named(changed, said):
    with pytest.raises(ValueError, match=said):
        EntsoeOptions.model_validate({"type": "entsoe", "zones": ["PL"], "token": "t", **changed})
