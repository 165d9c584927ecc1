"""The method pages of the handbook as HTML: read from the package, or from ``docs/`` of a checkout."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from energy.sums.hall import PREFIX

METHOD = "method"
"""The page that tells of every figure; each of the others goes into one topic."""

_HERE = Path(__file__).resolve().parent
_PLACES = (_HERE / "handbook", _HERE.parent / "docs")
_TOPIC = re.compile(r"^(?:method/)?(\w+)\.md(#[\w-]+)?$")


@dataclass(frozen=True)
class Chapter:
    """One page: its ``title``, and its text as safe HTML."""

    title: str
    text: Markup


def section(figure: str) -> str:
    """Where the section of a figure stands: ``/method#pue``; all halls share one."""
    return f"/method#{'ppue' if figure.startswith(PREFIX) else figure}"


def topics() -> list[str]:
    """The topics that have a page."""
    return sorted(path.stem for path in (_home() / METHOD).glob("*.md"))


@cache
def chapter(topic: str | None = None) -> Chapter | None:
    """The page of ``topic``, or of all figures; None where there is none."""
    if topic is not None and topic not in topics():
        return None
    path = _home() / f"{METHOD}.md" if topic is None else _home() / METHOD / f"{topic}.md"
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(path.read_text(encoding="utf-8"))
    for token, words in pairwise(tokens):
        _fit(token, words)
    text = reader.renderer.render(tokens, reader.options, {})
    # A table or block that is wider than a phone scrolls by itself, and by keyboard.
    text = text.replace("<table", '<div class="scroll" tabindex="0"><table')
    text = text.replace("</table>", "</table></div>").replace("<pre>", '<pre tabindex="0">')
    title = next(words.content for token, words in pairwise(tokens) if token.tag == "h1")
    return Chapter(title, Markup(text))


def _fit(token: Token, following: Token) -> None:
    """Give ``token`` what the pages need: anchors, classes, links that lead somewhere; no styles in line."""
    if token.type == "heading_open":
        token.attrSet("id", anchor(following.content))
    elif token.type == "inline":
        token.children = _linked(token.children or [])
    elif token.type == "table_open":
        token.attrSet("class", "figures wordy")
    elif token.type in ("th_open", "td_open"):
        token.attrs.pop("style", None)


def anchor(heading: str) -> str:
    """The fragment of a heading, as the usual viewers of Markdown make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _home() -> Path:
    return next(place for place in _PLACES if (place / f"{METHOD}.md").is_file())


def _linked(tokens: list[Token]) -> list[Token]:
    """Links to pages that are shown here lead there; of all other links only the words are left."""
    kept, gone = [], False
    for token in tokens:
        if token.type == "link_open":
            target = _target(str(token.attrGet("href")))
            gone = target is None
            token.attrSet("href", target or "")
        if token.type not in ("link_open", "link_close") or not gone:
            kept.append(token)
        gone = gone and token.type != "link_close"
    return kept


def _target(link: str) -> str | None:
    if link.startswith("#"):
        return link
    found = _TOPIC.match(link.removeprefix("../") if link.startswith("../method.md") else link)
    if found is None:
        return None
    name, fragment = found[1], found[2] or ""
    if name == METHOD:
        return f"/method{fragment}"
    return f"/method/{name}{fragment}" if name in topics() else None
