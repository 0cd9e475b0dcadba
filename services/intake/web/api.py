"""The web intake's application, made of what it is given: pages, JSON API, health, errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from services.intake.cases import Cases
from services.intake.filing import Accepts, Directories, Filer, Numbers
from services.intake.web import texts
from services.intake.web.form_page import FormPage
from services.intake.web.json_api import JsonApi
from services.intake.web.models import CaseIn
from services.intake.web.site import ASSETS, Shelf, Site
from services.intake.web.status_page import Follower, StatusPage
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.http import Check, instrument, problem
from services.kernel.contracts.envelope import MasterKeys
from services.kernel.domain.filing import Faulty


@dataclass(frozen=True)
class Parts:
    """What the web intake stands on. `district`: the one meant where none is named."""

    directories: Directories
    receipts: Accepts
    numbers: Numbers
    cases: Cases
    keys: MasterKeys
    clock: Clock
    district: str
    link_secret: str
    public_url: str = ""


def build(parts: Parts, ready: Mapping[str, Check]) -> tuple[FastAPI, Shelf]:
    """The application, and its shelf of directories, which is best warmed before the first citizen."""
    site = Site(texts.load(), parts.public_url)
    shelf = Shelf(parts.directories)
    filer = Filer(parts.directories, parts.receipts, parts.numbers, parts.keys, parts.clock)
    follower = Follower(parts.cases, shelf, parts.link_secret)
    app = FastAPI(
        title="Samvad: citizens' cases",
        version="1",
        description="File a complaint, a suggestion or a demand, and follow it.",
        docs_url=None,
        redoc_url=None,
    )
    secret = parts.link_secret
    app.include_router(
        JsonApi(
            site, filer, follower, parts.clock, district=parts.district, link_secret=secret
        ).router()
    )
    app.include_router(
        FormPage(site, shelf, filer, district=parts.district, link_secret=secret).router()
    )
    app.include_router(
        StatusPage(
            site, shelf, parts.cases, follower, parts.clock, district=parts.district
        ).router()
    )
    _add_assets(app, site)
    instrument(app, ready)
    _add_errors(app, site, shelf, parts.district)
    _document(app)
    return app, shelf


def _add_assets(app: FastAPI, site: Site) -> None:
    @app.get("/assets/{name}", include_in_schema=False)
    async def asset(name: str) -> Response:
        if name not in ASSETS:
            raise HTTPException(404, "there is no such asset")
        # pages name assets with a stamp of their content
        headers = {"Cache-Control": "public, max-age=31536000", "X-Content-Type-Options": "nosniff"}
        return Response(site.assets[name], 200, headers, ASSETS[name])


def _add_errors(app: FastAPI, site: Site, shelf: Shelf, district: str) -> None:
    @app.exception_handler(Faulty)
    async def faulty(_: Request, error: Faulty) -> Response:
        faults = [
            {
                "field": fault.field,
                "code": fault.code,
                "reason": fault.reason,
                **({"allowed": list(fault.allowed)} if fault.allowed else {}),
            }
            for fault in error.faults
        ]
        return problem(
            422,
            error.code,
            error.reason,
            field=error.field,
            allowed=faults[0].get("allowed"),
            faults=faults,
        )

    @app.exception_handler(405)
    async def not_allowed(_: Request, error: Exception) -> Response:
        answer = problem(405, "method_not_allowed", "this address does not take the method")
        if isinstance(error, HTTPException):
            answer.headers.update(error.headers or {})  # Allow, which RFC 9110 wants
        return answer

    @app.exception_handler(404)
    async def not_found(request: Request, error: Exception) -> Response:
        """A mistyped address is a citizen's in a browser, and a program's elsewhere."""
        if "text/html" in request.headers.get("accept", "") and "/api/" not in request.url.path:
            language = site.language(request.query_params.get("lang"))
            return site.message(request, 404, "not_found", language, shelf.last(district))
        reason = error.detail if isinstance(error, HTTPException) else "not found"
        return problem(404, "unknown", str(reason))


def _document(app: FastAPI) -> None:
    """Bodies are read by hand, for the limits and the reasons; the document is told of them here."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            schema = CaseIn.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas.update(schema.pop("$defs", {}))
            schemas[CaseIn.__name__] = schema
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
