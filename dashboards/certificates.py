"""The Certificates pages: what is held and serves whom, one bundle's story, and what an operator enters."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from fastapi import APIRouter, Form, Request, UploadFile
from pydantic import BaseModel
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dashboards.drawing import Frame, draw, frame
from dashboards.here import house_of
from dashboards.panels.certificates import certificate_page
from dashboards.problem import Problem
from dashboards.security import Operator, own_path
from energy.certificates.act import Act
from energy.certificates.book import Order
from energy.certificates.consumption import consumption, end_of_day
from energy.certificates.desk import Certificates
from energy.certificates.importing import Import
from energy.certificates.selection import Selection
from energy.certificates.sheet import Source

router = APIRouter(include_in_schema=False)

LARGEST_FILE = 150 * 1024
"""Bytes: in the form that confirms it, it is a third larger."""


DONE = {
    "imported": "The file is imported: its certificates are held.",
    "allocated": "The certificates are allocated: they count once they are cancelled.",
    "cancelled": "The cancellation is entered: the certificates count now.",
    "released": "The certificates are free again.",
}
"""What the page says after each deed."""


class Allocation(BaseModel):
    """What the form that allocates sends."""

    registry: str
    site: str
    period: str
    mwh: str = ""
    document: str = ""


class Serving(BaseModel):
    """What the forms about one site and period send; ``statement`` and ``on`` (a day) of a cancellation."""

    site: str
    period: str
    statement: str = ""
    on: str = ""
    next: str = ""


class Confirmed(BaseModel):
    """A file that was checked and is to be taken, in base64."""

    registry: str
    name: str
    content: str


@router.get("/certificates")
async def certificates_page(request: Request) -> HTMLResponse:
    """What is held and what it serves."""
    return await _page(request)


@router.get("/certificates/{bundle}")
async def bundle_page(request: Request, bundle: int) -> HTMLResponse:
    """One bundle, from its file to what its numbers serve."""
    shell = await frame(request, "certificates")
    story = await _desk(shell).holdings.story(bundle, shell.at)
    if story is None:
        raise Problem(404, f"there is no bundle {bundle} of certificates.")
    return draw(request, "bundle.html", frame=shell, story=story)


@router.post("/certificates/check")
async def check_file(
    request: Request, who: Operator, registry: Annotated[str, Form()], file: UploadFile
) -> HTMLResponse:
    """What a file holds and what is wrong with it; nothing is taken yet."""
    content = await file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        told = f"The file is larger than {LARGEST_FILE // 1024} kB: split it, or use service.py certificates."
        return await _page(request, told)
    source = Source((file.filename or "file.csv")[:200], content)
    return await _checked(request, who, registry, source)


@router.post("/certificates/import")
async def import_file(request: Request, who: Operator, form: Annotated[Confirmed, Form()]) -> Response:
    """Take a file that was checked; the preview again when something is wrong by now."""
    try:
        source = Source(form.name[:200], base64.b64decode(form.content, validate=True))
    except (binascii.Error, ValueError):
        raise Problem(400, "the file did not arrive as it was checked; choose it again.") from None
    found = await _desk_of(request).take(form.registry, source, _act(request, who))
    if not found.taken:
        return await _preview(request, found, source)
    return _done("imported")


@router.post("/certificates/allocate")
async def allocate(request: Request, who: Operator, form: Annotated[Allocation, Form()]) -> Response:
    """Let certificates serve a site and period."""
    try:
        order = Order(form.registry, form.site, form.period.strip(), _wh(form.mwh))
        await _desk_of(request).book.allocate(order, _act(request, who, form.document))
    except ValueError as error:
        return await _page(request, f"Nothing was allocated. {error}")
    return _done("allocated")


@router.post("/certificates/cancel")
async def cancel(request: Request, who: Operator, form: Annotated[Serving, Form()]) -> Response:
    """Enter the registry's cancellation of what serves a site and period."""
    desk = _desk_of(request)
    try:
        act = _act(request, who, form.statement)
        chosen = _selection(desk, form)
        on = end_of_day(form.on, desk.sites[form.site].tz, act.at)
        await desk.book.cancel(chosen, on, act)
    except ValueError as error:
        return await _page(request, f"Nothing was cancelled. {error}")
    return _done("cancelled", form.next)


@router.post("/certificates/release")
async def release(request: Request, who: Operator, form: Annotated[Serving, Form()]) -> Response:
    """Free what is allocated to a site and period."""
    desk = _desk_of(request)
    try:
        await desk.book.release(_selection(desk, form), _act(request, who))
    except ValueError as error:
        return await _page(request, f"Nothing was released. {error}")
    return _done("released", form.next)


async def _page(request: Request, wrong: str | None = None) -> HTMLResponse:
    shell = await frame(request, "certificates")
    older = request.query_params.get("older") == "1"
    page = await certificate_page(_desk(shell), shell.view, shell.at, shell.tz, older=older)
    done = DONE.get(request.query_params.get("done", ""))
    status = 200 if wrong is None else 400
    return draw(request, "certificates.html", status=status, frame=shell, page=page, wrong=wrong, done=done)


async def _checked(request: Request, who: str, registry: str, source: Source) -> HTMLResponse:
    try:
        found = await _desk_of(request).take(registry, source, _act(request, who), dry_run=True)
    except ValueError as error:
        return await _page(request, f"The file was not read. {error}")
    return await _preview(request, found, source)


async def _preview(request: Request, found: Import, source: Source) -> HTMLResponse:
    shell = await frame(request, "certificates")
    content = base64.b64encode(source.content).decode()
    return draw(request, "certificate_import.html", frame=shell, found=found, content=content)


def _desk(shell: Frame) -> Certificates:
    if shell.house.certificates is None:
        raise Problem(404, "no certificates are kept here.")
    return shell.house.certificates


def _desk_of(request: Request) -> Certificates:
    found = house_of(request).certificates
    if found is None:
        raise Problem(404, "no certificates are kept here.")
    return found


def _act(request: Request, who: str, document: str = "") -> Act:
    return Act(who, house_of(request).clock.now(), document.strip() or None)


def _selection(desk: Certificates, form: Serving) -> Selection:
    if form.site not in desk.sites:
        raise ValueError(f"site: there is no {form.site[:60]!r}")
    return Selection(site=form.site, period=consumption(form.period, desk.sites[form.site].tz))


def _wh(mwh: str) -> int | None:
    plain = mwh.strip().replace(",", ".")
    if not plain:
        return None
    try:
        return round(float(plain) * 1_000_000)
    except (ValueError, OverflowError):
        raise ValueError(f"volume: {mwh[:40]!r} is no amount in MWh") from None


def _done(deed: str, next: str = "") -> Response:
    path = own_path(next, "/certificates")
    return RedirectResponse(f"{path}{'&' if '?' in path else '?'}done={deed}", 303)
