"""Alarms, their timeline, silences, and the outbox; all of one decision is written in one transaction."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table, Text, text

from runtime.database import Moment, metadata

alert = Table(
    "alert",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(300), nullable=False),
    Column("rule", String(100), nullable=False),
    Column("site", String(100)),
    Column("severity", String(10), nullable=False),
    Column("state", String(20), nullable=False),
    Column("title", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("advice", Text, nullable=False),
    Column("value", Float),
    Column("limit_value", Float),
    Column("unit", String(20), nullable=False),
    Column("since", Moment, nullable=False),
    Column("ended", Moment),
    Column("fired_at", Moment, comment="null while it has only been pending"),
    Column("acknowledged_by", String(200)),
    Column("acknowledged_at", Moment),
    Column("note", Text),
    Column("rev", Integer, nullable=False, comment="grows with every transition and command"),
    Column("link", Text, nullable=False),
    Column("evidence", Text, nullable=False, comment="JSON"),
    Column("episode", String(100), nullable=False),
    Column("timer", Moment, comment="since when a delay runs"),
    Index("ix_alert_since", "since"),
    Index(
        "uq_alert_open",
        "key",
        unique=True,
        sqlite_where=text("state <> 'normal'"),
        postgresql_where=text("state <> 'normal'"),
    ),
)

alert_transition = Table(
    "alert_transition",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("alert_id", ForeignKey("alert.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("before", String(20), nullable=False),
    Column("after", String(20), nullable=False),
    Column("who", String(200), nullable=False),
    Column("note", Text),
)

alert_silence = Table(
    "alert_silence",
    metadata,
    Column("key", String(300), primary_key=True),
    Column("until", Moment, nullable=False),
    Column("who", String(200), nullable=False),
    Column("note", Text),
    Column("at", Moment, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(500), nullable=False, unique=True),
    Column("channel", String(100), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("thread", String(300), nullable=False, comment="messages of one thread go out in order"),
    Column("payload", Text, nullable=False, comment="the message as JSON"),
    Column("created_at", Moment, nullable=False),
    Column("due_at", Moment, comment="not before; null means at once"),
    Column("first_tried_at", Moment),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("owner", String(100)),
    Column("lease_until", Moment),
    Column("delivered_at", Moment),
    Column("failed_at", Moment, comment="given up, or superseded"),
    Column("error", Text),
    Column("superseded_by", Integer, comment="the later message that was delivered instead"),
    Index(
        "ix_outbox_waiting",
        "channel",
        "id",
        sqlite_where=text("delivered_at IS NULL AND failed_at IS NULL"),
        postgresql_where=text("delivered_at IS NULL AND failed_at IS NULL"),
    ),
)

outbox_alert = Table(
    "outbox_alert",
    metadata,
    Column("outbox_id", ForeignKey("outbox.id", ondelete="CASCADE"), primary_key=True),
    Column("alert_id", ForeignKey("alert.id", ondelete="CASCADE"), primary_key=True, index=True),
)
