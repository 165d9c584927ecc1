"""What people read: alerts as subject, text and HTML, with units, since when, a link and what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from alerts.board import Alert
from alerts.evidence import Line, lines
from alerts.message import AlertMessage, Attachment, MessageKind
from alerts.route import Envelope
from alerts.verdict import Severity
from energy.configuration.site import SiteOptions
from energy.quantity import quantity
from runtime.clock import to_ms

SHOWN = 20
"""Alerts told one by one in a message; of the others only their number."""

_HEADLINES: Mapping[MessageKind, str] = {"firing": "", "repeat": "Still: ", "resolved": "Over: "}


@dataclass(frozen=True)
class Notice:
    """Something to tell that is no alert; ``link`` is a path of our pages, ``key`` stable for ever."""

    key: str
    subject: str
    text: str
    kind: MessageKind = "report"
    site: str | None = None
    link: str = ""
    attachments: tuple[Attachment, ...] = ()


class Composer:
    """Writes messages; ``url`` is where the service's pages are found from outside, without a final slash."""

    def __init__(self, sites: Mapping[str, SiteOptions], url: str) -> None:
        self._sites, self._url = sites, url.rstrip("/")
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=select_autoescape(["html.j2"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters = {
            "quantity": quantity,
            "moment": self._moment,
            "address": self._address,
            "lines": self._lines,
        }
        self._templates.filters.update(filters, absolute=self._absolute)

    def compose(self, envelope: Envelope, at: datetime, *, again: bool = False) -> AlertMessage:
        """The message in ``envelope``; ``again`` for one that no transition has caused."""
        first = envelope.alerts[0]
        more = f" and {len(envelope.alerts) - 1} more" if len(envelope.alerts) > 1 else ""
        title = first.title + more
        context = {
            "kind": envelope.kind,
            "site": first.site,
            "place": self._place(first.site),
            "at": at,
            "severity": first.severity,
            "headline": _HEADLINES[envelope.kind] + title,
            "subject": self._subject(envelope.kind, first, title),
            "alerts": envelope.alerts,
            "advice": first.advice,
            "shown": SHOWN,
        }
        return AlertMessage(
            key=message_key(envelope, at if again else None),
            alert_key=first.key if len(envelope.alerts) == 1 else _group(first),
            kind=envelope.kind,
            severity=first.severity,
            site=first.site,
            subject=str(context["subject"]),
            text=self._templates.get_template("alert.txt.j2").render(context),
            html=self._templates.get_template("alert.html.j2").render(context),
            at=at,
            since=min(alert.since for alert in envelope.alerts),
            labels=labels(first),
            link=self._address(first) if len(envelope.alerts) == 1 else self._absolute("/alarms"),
            alerts=envelope.alerts,
        )

    def notice(self, notice: Notice, at: datetime) -> AlertMessage:
        """A message about something else than an alert, such as a report with its files."""
        context: dict[str, Any] = {
            "subject": notice.subject,
            "text": notice.text,
            "link": notice.link,
            "place": self._place(notice.site) if notice.site else "",
        }
        return AlertMessage(
            key=notice.key,
            alert_key=notice.key,
            kind=notice.kind,
            severity=Severity.LOW,
            site=notice.site,
            subject=notice.subject,
            text=self._templates.get_template("notice.txt.j2").render(context),
            html=self._templates.get_template("notice.html.j2").render(context),
            at=at,
            link=self._absolute(notice.link) if notice.link else "",
            attachments=notice.attachments,
        )

    def _subject(self, kind: MessageKind, first: Alert, title: str) -> str:
        mark = {"firing": first.severity.upper(), "repeat": f"STILL {first.severity.upper()}"}
        return f"[{mark.get(kind, 'RESOLVED')}] {self._place(first.site)}: {title}"

    def _place(self, site: str | None) -> str:
        if site is None:
            return "All sites"
        return self._sites[site].name if site in self._sites else site

    def _moment(self, at: datetime, site: str | None) -> str:
        local = at.astimezone(self._zone(site))
        return f"{local:%a} {local.day} {local:%b %Y, %H:%M %Z}"

    def _lines(self, alert: Alert) -> list[Line]:
        return lines(alert.evidence, self._zone(alert.site))

    def _zone(self, site: str | None) -> tzinfo:
        known = self._sites.get(site) if site else None
        return known.tz if known else UTC

    def _address(self, alert: Alert) -> str:
        return self._absolute(f"/alarms/{alert.id}")

    def _absolute(self, path: str) -> str:
        return path if "://" in path else self._url + path


def labels(alert: Alert) -> dict[str, str]:
    """What identifies an alert to other systems: no value and no time, or each change would be a new one."""
    found = {"alertname": alert.rule, "key": alert.key, "severity": str(alert.severity)}
    return found | ({"site": alert.site} if alert.site else {})


def message_key(envelope: Envelope, again: datetime | None) -> str:
    """Stable name of a message: condition, occurrence, its transition's number, channel."""
    first = envelope.alerts[0]
    members = ",".join(f"{alert.id}.{alert.rev}" for alert in envelope.alerts)
    if len(envelope.alerts) > 1:
        members = f"{len(envelope.alerts)}-{hashlib.sha256(members.encode()).hexdigest()[:16]}"
    name = first.key if len(envelope.alerts) == 1 else _group(first)
    return f"{name}#{members}{'' if again is None else f'~{to_ms(again)}'}@{envelope.channel}"


def _group(alert: Alert) -> str:
    return f"{alert.rule}/{alert.site or 'all'}"
