"""The API's description: OpenAPI as JSON, and a page of it that needs no script and no other host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import FileResponse, HTMLResponse, JSONResponse

router = APIRouter(include_in_schema=False)

_HERE = Path(__file__).parent
_PAGE = "docs.html"
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_HERE),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Line:
    """One parameter or field: its type in words, whether it must be there, and what it means."""

    name: str
    place: str
    kind: str
    required: bool
    text: str


@dataclass(frozen=True)
class Call:
    """One operation, ready to be shown."""

    method: str
    path: str
    tag: str
    text: str
    asked: tuple[Line, ...]
    told: tuple[Line, ...]
    about: str


@router.get("/api/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """The description for programs."""
    return JSONResponse(request.app.openapi())


@router.get("/api/docs")
async def docs(request: Request) -> HTMLResponse:
    """The description for people."""
    schema = request.app.openapi()
    page = _ENVIRONMENT.get_template(_PAGE)
    base = str(request.base_url).rstrip("/")
    return HTMLResponse(page.render(info=schema["info"], calls=list(calls(schema)), base=base))


@router.get("/api/docs.css")
async def docs_style() -> FileResponse:
    """Its style sheet."""
    return FileResponse(_HERE / "docs.css", media_type="text/css")


def calls(schema: Mapping[str, Any]) -> Iterator[Call]:
    """Every operation of an OpenAPI ``schema``, in its order."""
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            answer, about = _answer(schema, operation)
            yield Call(
                method=method.upper(),
                path=path,
                tag=(operation.get("tags") or ["live"])[0],
                text=operation.get("description", ""),
                asked=(*_parameters(schema, operation), *_body(schema, operation)),
                told=answer,
                about=about,
            )


def _parameters(schema: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[Line]:
    for parameter in operation.get("parameters", ()):
        kind = _kind(schema, parameter["schema"])
        text = parameter.get("description") or parameter["schema"].get("description", "")
        yield Line(parameter["name"], parameter["in"], kind, parameter.get("required", False), text)


def _body(schema: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[Line]:
    for media in operation.get("requestBody", {}).get("content", {}).values():
        yield from _fields(schema, media["schema"], "body")


def _answer(schema: Mapping[str, Any], operation: Mapping[str, Any]) -> tuple[tuple[Line, ...], str]:
    good: Mapping[str, Any] = next((r for s, r in operation["responses"].items() if s.startswith("2")), {})
    for kind, media in good.get("content", {}).items():
        if kind == "application/json":
            resolved = _resolve(schema, media.get("schema", {}))
            return tuple(_fields(schema, resolved, "answer")), resolved.get("description", "")
    return (), ", ".join(good.get("content", {}))


def _fields(
    schema: Mapping[str, Any], part: Mapping[str, Any], place: str, prefix: str = ""
) -> Iterator[Line]:
    part = _resolve(schema, part)
    required = part.get("required", ())
    for name, field in part.get("properties", {}).items():
        yield Line(prefix + name, place, _kind(schema, field), name in required, field.get("description", ""))
        inner = _inside(schema, field)
        if inner is not None:
            mark = "[]." if "items" in field else "."
            yield from _fields(schema, inner, place, f"{prefix}{name}{mark}")


def _inside(schema: Mapping[str, Any], field: Mapping[str, Any]) -> Mapping[str, Any] | None:
    part = _resolve(schema, field)
    part = _resolve(schema, part.get("items") or part.get("additionalProperties") or part)
    return part if "properties" in part else None


def _resolve(schema: Mapping[str, Any], part: Any) -> Mapping[str, Any]:
    if not isinstance(part, Mapping):
        return {}
    for choice in part.get("anyOf", ()):
        if "$ref" in choice:
            return _resolve(schema, choice)
    reference = part.get("$ref")
    if reference is None:
        return part
    found: Mapping[str, Any] = schema["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def _kind(schema: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(_kind(schema, choice) for choice in part["anyOf"]))
    resolved = _resolve(schema, part)
    if "enum" in resolved:
        return ", ".join(str(value) for value in resolved["enum"])
    if resolved.get("type") == "array" and "items" in resolved:
        return f"list of {_kind(schema, resolved['items'])}"
    return str(resolved.get("const", resolved.get("type", "any")))
