"""Whether what a route or an inhibition matches can exist: a name that was mistyped would tell nobody."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from alerts.route import MONTHLY_REPORT, MatchOptions
from alerts.verdict import RULES, Severity
from alerts.watch import RULE_FAILING
from runtime.options import shown

_OF_SITE = ("pue", "contract", "demand", "silent", "report", "lost")
"""What the keys of one condition of a site begin with."""

_BELOW_SITE = ("silent", "completeness", "report")
"""What the keys of many conditions of a site begin with; their ends are devices and months."""

_ALONE = ("journal/filling", "ingest/rejects", "broker/session")

_LISTED = 400
"""Characters of a list in a message."""

_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Named:
    """What the rest of the configuration names.

    ``sites`` or ``targets`` are not judged by when there are none, or None: their table is wrong itself.
    """

    sites: Collection[str] | None = None
    targets: Collection[str] | None = None
    channels: Collection[str] = ()


def match_problems(match: MatchOptions, place: str, named: Named) -> Iterator[str]:
    """Every pattern of ``match`` that nothing can ever match, each with what there is."""
    yield from _unmatched(match.severity, f"{place}.severity", "severity", [str(s) for s in Severity])
    rules = (*RULES, RULE_FAILING, MONTHLY_REPORT)
    yield from _unmatched(match.rule, f"{place}.rule", "rule", rules)
    if named.sites:
        given = [pattern for pattern in match.site if pattern]  # "" means alerts of no site
        yield from _unmatched(given, f"{place}.site", "site", named.sites)
    for pattern in match.key:
        if not _may_be_a_key(pattern, named):
            known = _listed(sorted(_keys(named)))
            yield f"{place}.key: {shown(pattern)} matches no alert's key; there are: {known}"


def _unmatched(patterns: Collection[str], place: str, kind: str, names: Collection[str]) -> Iterator[str]:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            yield f"{place}: {shown(pattern)} matches no {kind}; there are: {_listed(names)}"


def _listed(names: Collection[str]) -> str:
    told = ", ".join(names) or "none"
    return told if len(told) <= _LISTED else f"{told[:_LISTED]}…"


def _keys(named: Named) -> set[str]:
    """The keys of conditions as configured; one that ends in ``/*`` stands for all that begin so."""
    sites, targets = named.sites or ["*"], named.targets or ["*"]
    found = {*_ALONE, "store/*", *(f"rule/{rule}" for rule in RULES)}
    found |= {f"channel/{channel}" for channel in named.channels}
    for site in sites:
        found |= {f"{kind}/{site}" for kind in _OF_SITE} | {f"{kind}/{site}/*" for kind in _BELOW_SITE}
    for target in targets:
        found |= {f"target/{target}/{condition}" for condition in ("missed", "at-risk", "burn")}
    return found


def _may_be_a_key(pattern: str, named: Named) -> bool:
    return any(_meet(pattern, key) for key in _keys(named))


def _meet(pattern: str, key: str) -> bool:
    """Whether something may match ``pattern`` and be ``key``; in doubt it may."""
    if "*" not in key:
        return fnmatchcase(key, pattern)
    fixed, begin = _WILD.split(pattern, maxsplit=1)[0], key.partition("*")[0]
    if fixed == pattern:
        return pattern.startswith(begin) and pattern != begin
    return fixed.startswith(begin) or begin.startswith(fixed)
