"""The relational tables of workload accounts. A quarter is a number: 15-minute intervals since 1970, UTC."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, UniqueConstraint

from runtime.database import Moment, Words, metadata

EVENT = Table(
    "workload_event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site", Words(64), nullable=False),
    Column("job", Words(64), nullable=False),
    Column("at", Moment, nullable=False),
    Column("known_at", Moment, nullable=False),
    Column("digest", Words(64), nullable=False, comment="SHA-256 of the event: told twice, it is one"),
    Column("told", Words, nullable=False, comment="JSON: the event"),
    Column("mark", Words, comment="where the job stood after its moment; null is not worked out yet"),
    UniqueConstraint("site", "job", "digest"),
    Index("ix_workload_event_job_at", "site", "job", "at"),
)
"""Append-only: what was told of jobs, each event once, in the order in which it became known."""

JOB = Table(
    "workload_job",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site", Words(64), nullable=False),
    Column("job", Words(64), nullable=False),
    Column("tenant", Words(200), nullable=False),
    Column("project", Words(200), nullable=False),
    Column("name", Words(200), nullable=False),
    Column("since", Moment, comment="its first start; null until one is known"),
    Column("until", Moment, comment="its last stop; null while it runs"),
    Column("heard", Moment, nullable=False, comment="time of its last event"),
    Column("flags", Integer, nullable=False),
    UniqueConstraint("site", "job"),
)
"""What is known of each job now, made from its events."""

SPAN = Table(
    "workload_span",
    metadata,
    Column("job", Integer, primary_key=True, autoincrement=False),
    Column("since", Moment, primary_key=True, autoincrement=False),
    Column("site", Words(64), nullable=False),
    Column("owner", Integer, nullable=False),
    Column("until", Moment, comment="null while it runs"),
    Column("share", Float, comment="promised part of its members; null is not told"),
    Column("members", Words, nullable=False, comment="JSON: nodes, GPUs and UUIDs"),
    Index("ix_workload_span_site_until", "site", "until"),
)
"""Who ran on what from when to when, made from the events of the job."""

OWNER = Table(
    "workload_owner",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant", Words(200), nullable=False),
    Column("project", Words(200), nullable=False),
    UniqueConstraint("tenant", "project"),
)

SEAT = Table(
    "workload_seat",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("uuid", Words(256), primary_key=True),
    Column("since", Moment, primary_key=True),
    Column("place", Words(256), nullable=False, comment="hall/rack/node/number"),
)
"""Where each GPU is from a time on; a later row says that it was moved."""

COUNTER = Table(
    "workload_counter",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("uuid", Words(256), primary_key=True),
    Column("at", Moment, primary_key=True),
    Column("mj", BigInteger, nullable=False, comment="millijoules since the driver was loaded"),
)
"""Energy counters of GPUs as events of jobs told them."""

WORK = Table(
    "workload_work",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site", Words(64), nullable=False),
    Column("first", Integer, nullable=False, comment="first quarter to account for again"),
    Column("until", Integer, nullable=False, comment="the quarter after the last"),
    Column("at", Moment, comment="when that became known; null was not kept"),
)
"""What events told late open again."""

REACHED = Table(
    "workload_reached",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("since", Integer, nullable=False, comment="quarter in which the first job began"),
    Column("until", Integer, nullable=False, comment="every quarter before it is accounted for"),
    Column("cause", Integer, nullable=False, comment="newest energy_cause that was looked at"),
)

INTERVAL = Table(
    "workload_interval",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("quarter", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("known_at", Moment, nullable=False),
    Column("superseded_at", Moment, comment="when the next revision replaced it; null is the newest"),
    Column(
        "figures", Words(64), nullable=False, comment="digest of the site's figures that it was made from"
    ),
    Column("digest", Words(64), nullable=False, comment="digest of all its amounts"),
    Column("load_wh", BigInteger, comment="what the accounts add up to; null is not known"),
    Column("eit_wh", BigInteger),
    Column("green_wh", BigInteger),
    Column("unknown_wh", BigInteger),
    Column("co2_location_g", BigInteger),
    Column("co2_market_g", BigInteger),
    Column("gpu_wh", BigInteger, nullable=False, comment="of all GPUs that told theirs"),
    Column("idle_gpu_wh", BigInteger, nullable=False, comment="of GPUs in no job"),
    Column("rest_it_wh", BigInteger),
    Column("rest_wh", BigInteger, comment="the unattributed rest of load_wh"),
    Column("rest_green_wh", BigInteger),
    Column("rest_unknown_wh", BigInteger),
    Column("rest_location_g", BigInteger),
    Column("rest_market_g", BigInteger),
    Column(
        "part", BigInteger, comment="of 10^9 the rest's; where the load or its carbon is not known for sure"
    ),
    Column("told_ms", BigInteger, nullable=False, comment="time of GPUs of which the energy is known"),
    Column("expected_ms", BigInteger, nullable=False),
    Column("flags", Integer, nullable=False),
)
"""Append-only: what each settled interval of a site was cut into."""

ACCOUNT = Table(
    "workload_account",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("quarter", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("job", Integer, primary_key=True, autoincrement=False),
    Column("owner", Integer, primary_key=True, autoincrement=False),
    Column("gpu_wh", BigInteger, nullable=False),
    Column("it_wh", BigInteger),
    Column("total_wh", BigInteger),
    Column("green_wh", BigInteger),
    Column("unknown_wh", BigInteger),
    Column("co2_location_g", BigInteger),
    Column("co2_market_g", BigInteger),
    Column("told_ms", BigInteger, nullable=False),
    Column("expected_ms", BigInteger, nullable=False),
    Column("flags", Integer, nullable=False),
    Column("part", BigInteger, comment="of 10^9 its own; where the load or its carbon is not known for sure"),
    Index("ix_workload_account_owner", "site", "owner", "quarter"),
    Index("ix_workload_account_job", "site", "job", "quarter"),
)
"""What each job had of an interval, under the revision of the interval."""

DAY = Table(
    "workload_day",
    metadata,
    Column("site", Words(64), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="days since 1970, UTC"),
    Column("job", Integer, primary_key=True, autoincrement=False),
    Column("owner", Integer, primary_key=True, autoincrement=False),
    Column("gpu_wh", BigInteger, nullable=False),
    Column("it_wh", BigInteger, nullable=False),
    Column("overhead_wh", BigInteger, nullable=False),
    Column("total_wh", BigInteger, nullable=False),
    Column("green_wh", BigInteger, nullable=False),
    Column("unknown_wh", BigInteger, nullable=False),
    Column("co2_location_g", BigInteger, nullable=False),
    Column("co2_market_g", BigInteger, nullable=False),
    Column("told_ms", BigInteger, nullable=False),
    Column("expected_ms", BigInteger, nullable=False),
    Column("intervals", Integer, nullable=False),
    Column("n_it_wh", Integer, nullable=False, comment="intervals in which it is known; so for the next"),
    Column("n_overhead_wh", Integer, nullable=False),
    Column("n_total_wh", Integer, nullable=False),
    Column("n_green_wh", Integer, nullable=False),
    Column("n_unknown_wh", Integer, nullable=False),
    Column("n_co2_location_g", Integer, nullable=False),
    Column("n_co2_market_g", Integer, nullable=False),
    Column("n_shared", Integer, nullable=False, comment="intervals with this flag; so for the next"),
    Column("n_oversold", Integer, nullable=False),
    Column("n_unknown_gpu", Integer, nullable=False),
    Column("n_by_counter", Integer, nullable=False),
    Column("n_unsure", Integer, nullable=False, server_default="0"),
    Column("n_crowded", Integer, nullable=False, server_default="0"),
    Column(
        "lost_load", BigInteger, nullable=False, server_default="0", comment="sum of parts; so for the next"
    ),
    Column("lost_location", BigInteger, nullable=False, server_default="0"),
    Column("lost_market", BigInteger, nullable=False, server_default="0"),
    Column("unsure_wh", BigInteger, nullable=False, server_default="0", comment="known, but not for sure"),
    Column("unsure_location_g", BigInteger, nullable=False, server_default="0"),
    Column("unsure_market_g", BigInteger, nullable=False, server_default="0"),
    Index("ix_workload_day_owner", "site", "owner", "day"),
    Index("ix_workload_day_job", "site", "job", "day"),
)
"""Sums of the newest revisions of the accounts of a day, written with them."""
