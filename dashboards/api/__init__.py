"""The JSON API, one noun per file; ``ROUTERS`` is all of it."""

from __future__ import annotations

from dashboards.api import (
    alerts,
    carbon,
    certificates,
    completeness,
    demand,
    docs,
    health,
    ingest,
    kpi,
    ledger,
    live,
    meters,
    proof,
    replay,
    reports,
    series,
    session,
    targets,
    workloads,
)

ROUTERS = (
    health.router,
    ingest.router,
    series.router,
    live.router,
    ledger.router,
    kpi.router,
    targets.router,
    demand.router,
    proof.router,
    meters.router,
    carbon.router,
    alerts.router,
    replay.router,
    certificates.router,
    reports.router,
    reports.short,
    completeness.router,
    workloads.router,
    session.router,
    docs.router,
)
