"""The one configuration file: read once, strict, every mistake reported at once with its table and key."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy import make_url

from alerts.options import AlertOptions
from alerts.outbox import DeliveryOptions
from alerts.route import InhibitOptions, RouteOptions
from collectors.connect import known_decoder
from collectors.declared import CadenceOptions
from collectors.entsoe import EntsoeOptions
from collectors.shard import ShardOptions
from collectors.shard import problems as shard_problems
from collectors.source import BrokerOptions
from collectors.topic import PREFIX, matcher
from dashboards.house import AuthOptions
from energy.carbon.choice import CarbonOptions, Use, choice_problems, choose, traced_problems
from energy.carbon.library import library
from energy.carbon.zones import EIC, eic
from energy.certificates.mapping import MappingOptions
from energy.certificates.plants import mapping_faults
from energy.certificates.registry import problems as certificate_problems
from energy.configuration.device import devices
from energy.configuration.site import SiteOptions
from energy.contracts.shares import share_faults
from energy.figures import ALL
from energy.proof.options import KEY_FILE, EnergyOptions
from energy.targets.target import TargetOptions
from reports.desk import ReportOptions
from reports.eu.declared import option_problems
from runtime.clock import SystemClock
from runtime.environment import Environment, name_variables
from runtime.errors import ConfigError
from runtime.files import file_problems
from runtime.mistakes import told
from runtime.options import shown
from runtime.plugin_table import Chosen
from runtime.service import ServiceOptions
from telemetry.chosen import choose_stores
from telemetry.journal import JournalOptions
from telemetry.quality import QualityOptions
from telemetry.retention import RetentionOptions
from telemetry.store import Store

K = TypeVar("K")
M = TypeVar("M", bound=BaseModel)

_PREFIX, _DELIMITER = "AMBERWATT_", "__"

_SITE = re.compile(r"[a-z0-9-]{1,60}")

_ALERT_TABLES = ("rule", "channel", "route", "inhibit", "delivery")


class IngestOptions(QualityOptions):
    """The ``[ingest]`` table: whose clock is too far off, how many series there may be, and which topics.

    ``decoder`` names the format of the payloads: one of :data:`collectors.decoder.DECODERS`.
    ``allow`` are MQTT filters; what none of them matches is rejected. Without any, all of the wire contract
    is kept, and what is not configured is shown as that. ``cadence`` says how often nodes and other devices
    without a table of their own send; without it that is learned.
    """

    max_series: int = Field(default=2_000_000, ge=1)
    decoder: str = "native"
    allow: tuple[str, ...] = ()
    cadence: tuple[CadenceOptions, ...] = ()

    @field_validator("decoder")
    @classmethod
    def _known_decoder(cls, value: str) -> str:
        return known_decoder(value)

    @field_validator("allow")
    @classmethod
    def _filters(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            matcher(one)
        return value


class Settings(BaseSettings):
    """The whole file. ``AMBERWATT_SERVICE__LISTEN`` and the like override it."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter=_DELIMITER, extra="forbid", frozen=True
    )

    service: ServiceOptions = ServiceOptions()
    broker: BrokerOptions = BrokerOptions()
    journal: JournalOptions = JournalOptions()
    ingest: IngestOptions = IngestOptions()
    retention: RetentionOptions = RetentionOptions()
    reports: ReportOptions = ReportOptions()
    energy: EnergyOptions = EnergyOptions()
    auth: AuthOptions = AuthOptions()
    store: tuple[dict[str, Any], ...] = ({"type": "duckdb"},)
    carbon: CarbonOptions = CarbonOptions()
    factors: tuple[dict[str, Any], ...] = ()
    collector: tuple[EntsoeOptions, ...] = ()
    sites: dict[str, SiteOptions] = {}
    target: tuple[TargetOptions, ...] = ()
    certificates: tuple[MappingOptions, ...] = ()
    channel: tuple[dict[str, Any], ...] = ()
    route: tuple[RouteOptions, ...] = ()
    inhibit: tuple[InhibitOptions, ...] = ()
    delivery: DeliveryOptions = DeliveryOptions()
    rule: tuple[dict[str, Any], ...] = ()
    shard: tuple[ShardOptions, ...] = ()

    @property
    def key_file(self) -> Path:
        """Where the key of the ledger is."""
        return self.energy.key_file or self.service.data_dir / KEY_FILE

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file; nothing else is read."""
        return Environment(settings_cls), init_settings


@dataclass(frozen=True)
class Configuration:
    """The checked file with every plugin table resolved."""

    settings: Settings
    stores: tuple[Chosen[Store], ...]
    alerting: AlertOptions
    uses: Mapping[str, Use]

    def effective(self) -> dict[str, Any]:
        """The whole file with every default filled in, as plain values; secrets are masked."""
        whole = self.settings.model_dump(mode="json")
        if whole["service"]["database"] is not None:
            whole["service"]["database"] = make_url(whole["service"]["database"]).render_as_string()
        whole["store"] = [
            {"type": one.plugin.name, "name": one.name, **one.options.model_dump(mode="json")}
            for one in self.stores
        ]
        whole["channel"] = [
            {"type": one.plugin.name, "name": one.name, **one.options.model_dump(mode="json")}
            for one in self.alerting.chosen_channels()
        ]
        return whole

    def listening_on(self, address: str) -> Configuration:
        """The same, but with its pages at ``address``."""
        service = self.settings.service.model_copy(update={"listen": address})
        return replace(self, settings=self.settings.model_copy(update={"service": service}))


def read(path: Path | None) -> Configuration:
    """The configuration in ``path``, or all defaults for None. Raises ConfigError with every problem."""
    if path is None:
        return resolve({})
    tables = _absolute(_parse(path), path.resolve().parent)
    return resolve(tables, list(file_problems(tables)))


def resolve(tables: Mapping[str, Any], problems: list[str] | None = None) -> Configuration:
    """Check ``tables``, shaped as the file is. Raises ConfigError with every problem at once.

    ``problems`` are those that were found before.
    """
    problems = list(problems or ())
    try:
        settings = Settings(**tables)
    except ValidationError as error:
        problems += told(error, "")
        settings = None
    stores = choose_stores(
        tables.get("store", [{"type": "duckdb"}]) if settings is None else settings.store,
        ServiceOptions().data_dir if settings is None else settings.service.data_dir,
        problems,
    )
    alerting = _alerting(tables, settings, problems)
    problems += _cross_check_valid(tables) if settings is None else cross_check(settings)
    uses = _uses(tables, settings, problems)
    if problems or settings is None or alerting is None:
        raise ConfigError(name_variables(problems, _PREFIX, _DELIMITER))
    return Configuration(settings, tuple(stores), alerting, uses)


def _uses(tables: Mapping[str, Any], settings: Settings | None, problems: list[str]) -> dict[str, Use]:
    """Which factor sets each site uses; what is wrong with sets and choices is added to ``problems``."""
    found = tables.get("factors", ()) if settings is None else settings.factors
    known = library([one for one in found if isinstance(one, dict)], problems)
    if settings is None:
        return {}
    chosen = {key: site.carbon for key, site in settings.sites.items()}
    zones = {key: (site.grid, site.carbon) for key, site in settings.sites.items()}
    wrong = [*choice_problems(settings.carbon, chosen, known), *traced_problems(settings.carbon, zones)]
    problems += wrong
    return {} if wrong else choose(settings.carbon, chosen, known)


def cross_check(settings: Settings) -> list[str]:
    """What is wrong between the tables, each named with its fix."""
    found = _between(settings.sites, settings.sites, dict(enumerate(settings.target)))
    found += _shut_out(settings.ingest.allow, settings.sites)
    found += certificate_problems(settings.certificates)
    found += mapping_faults(settings.certificates, settings.sites)
    found += [problem for key, site in settings.sites.items() for problem in option_problems(key, site.eu)]
    found += _sharded(settings.sites, settings.broker, dict(enumerate(settings.shard)))
    found += [
        f"collector[{number}].zones: of {zone} no EIC code is known; there are: {', '.join(EIC)}"
        for number, one in enumerate(settings.collector)
        for zone in one.zones
        if eic(zone) is None
    ]
    found += [
        f"service.retired_shards: {one.name!r} is a [[shard]] of this file; remove it here"
        for one in settings.shard
        if one.name in settings.service.retired_shards
    ]
    if settings.auth.anonymous and not settings.auth.anonymous_anywhere and not _loopback(settings.service):
        found.append(
            f"auth.anonymous: service.listen = {settings.service.listen!r} is not loopback, so everybody "
            "could read; listen on 127.0.0.1, or set auth.anonymous_anywhere = true if that is meant"
        )
    return found


def _shut_out(allow: Sequence[str], sites: Mapping[str, SiteOptions]) -> Iterator[str]:
    """Every site that has a device whose topic ``[ingest] allow`` would reject."""
    filters = list(map(matcher, allow))
    for key, site in sites.items() if filters else ():
        topics = (PREFIX + one.source for one in devices(key, site))
        shut = [topic for topic in topics if not any(lets_in(topic) for lets_in in filters)]
        if shut:
            yield f"ingest.allow: lets no {shut[0]} in, which sites.{key} names; add {PREFIX}{key}/#"


def _sharded(
    sites: Mapping[str, SiteOptions], broker: BrokerOptions, shards: Mapping[int, ShardOptions]
) -> Iterator[str]:
    """What is wrong with ``shards``: each configured device, and each zone that is heard, needs its one."""
    every = [one for key, site in sites.items() for one in devices(key, site)]
    named = {PREFIX + one.source: f"sites.{one.site}" for one in every}
    zones = {f"{PREFIX}grid/{site.grid}": f"sites.{key}.grid" for key, site in sites.items()}
    heard = [matcher(topic) for topic in broker.topics]
    named |= {topic: by for topic, by in zones.items() if any(hears(topic) for hears in heard)}
    return shard_problems(shards, broker, named)


def _between(
    named: Collection[str], sites: Mapping[str, SiteOptions], targets: Mapping[int, TargetOptions]
) -> list[str]:
    """What is wrong within and between ``sites`` and ``targets``; ``named`` are the keys of all sites."""
    today = SystemClock().now().date()
    found = [problem for key, site in sites.items() for problem in site.problems(key, today)]
    found += share_faults(sites)
    if "grid" in named:
        found.append("sites.grid: the topics dc/v1/grid/... are the bidding zones'; name the site otherwise")
    if ALL in named:
        found.append("sites.all: by that name figures of all sites are asked for; name the site otherwise")
    found += [
        f"sites.{shown(key)}: is a level of topics: write 1 to 60 of a-z, 0-9 and -"
        for key in named
        if not _SITE.fullmatch(key)
    ]
    known = ", ".join(named) or "none"
    for number, target in targets.items():
        if target.site not in (*named, ALL):
            found.append(f"target[{number}].site: {shown(target.site)} is no site; there are: {known}")
    return found


def _cross_check_valid(tables: Mapping[str, Any]) -> list[str]:
    """The same between those sites, targets and shards that are right in themselves."""
    sites, targets = tables.get("sites", {}), tables.get("target", [])
    if not isinstance(sites, dict) or not isinstance(targets, list):
        return []
    right = _valid(SiteOptions, sites.items())
    found = _between(sites, right, _valid(TargetOptions, enumerate(targets)))
    brokers = _valid(BrokerOptions, [("broker", tables.get("broker", {}))])
    shards = tables.get("shard", [])
    if brokers and isinstance(shards, list):
        known = _valid(ShardOptions, enumerate(shards))
        # What a shard with a mistake in it takes nobody knows.
        found += _sharded(right if len(known) == len(shards) else {}, brokers["broker"], known)
    return found


def _valid(kind: type[M], rows: Iterable[tuple[K, Any]]) -> dict[K, M]:
    found = {}
    for key, row in rows:
        with suppress(ValidationError):
            found[key] = kind.model_validate(row)
    return found


def _alerting(
    tables: Mapping[str, Any], settings: Settings | None, problems: list[str]
) -> AlertOptions | None:
    chosen = {name: tables[name] for name in _ALERT_TABLES if name in tables}
    if settings is not None:
        chosen = {name: getattr(settings, name) for name in _ALERT_TABLES}
        chosen["url"] = settings.service.public_url or f"http://{settings.service.listen}"
    try:
        alerting = AlertOptions.model_validate(chosen)
    except ValidationError as error:
        # The same mistakes were told of the whole file, but for that of the address.
        problems += [] if settings is None else list(told(error, "service.public_url as "))
        return None
    whole = tables if settings is None else {"sites": settings.sites, "target": settings.target}
    problems += alerting.problems(*_named(whole))
    return alerting


def _named(tables: Mapping[str, Any]) -> Iterator[list[str] | None]:
    """The keys of all sites, then the names of all targets, whatever else is wrong; None is not known."""
    sites, targets = tables.get("sites", {}), tables.get("target", ())
    yield list(sites) if isinstance(sites, dict) else None
    right = isinstance(targets, tuple) and all(isinstance(target, TargetOptions) for target in targets)
    yield [target.name for target in targets] if right else None


def _loopback(service: ServiceOptions) -> bool:
    return service.host.startswith("127.") or service.host in ("localhost", "::1")


def _parse(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows editors put a mark first
        tables = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigError([f"{path}: there is no such file"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {error}"]) from None
    except RecursionError:
        raise ConfigError(
            [f"{path}: is nested too deep; no table of ours has more than five levels"]
        ) from None
    except ValueError as error:
        raise ConfigError([f"{path}: is not {path.suffix.removeprefix('.').upper()}: {error}"]) from None
    if not isinstance(tables, dict):
        raise ConfigError([f"{path}: holds no tables; write an object of them"])
    return tables


def _absolute(value: Any, folder: Path, key: str = "") -> Any:
    """Paths in a file are meant from where the file lies, not from where the service was started."""
    if isinstance(value, dict):
        return {k: _absolute(v, folder, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_absolute(v, folder, key) for v in value]
    if isinstance(value, str) and (key.endswith("_file") or key in ("data_dir", "directory", "folder")):
        return str(folder / value)
    return value
