"""The desk's application: the JSON API, and the pages beside it. Builds from given dependencies."""

# No deferred annotations here: FastAPI could not resolve those that name what `build` was given.

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi import Path as PathParameter
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, WithJsonSchema
from starlette.staticfiles import StaticFiles

from services.desk import calendar_api, models, pages
from services.desk import media as files
from services.desk.calendar_models import CalendarPreview
from services.desk.core import acts, clock_view, filters, view
from services.desk.core import notices as told
from services.desk.core.ports import Media, Notices, Previews
from services.desk.core.texts import Texts
from services.desk.handlers.desk import Desk, Page, Refusal, Seat
from services.desk.notice_models import NoticesShape
from services.kernel.adapters import http, tokens
from services.kernel.adapters.http import Check
from services.kernel.domain.directory import KINDS, PRIORITIES
from services.kernel.domain.errors import StaleVersion, Unauthenticated

_BEARER = HTTPBearer(auto_error=False, description="`samvad token --role …` prints one.")
_TEXT = WithJsonSchema({"type": "string"})
_ID = "An id of the district's directory."
_KEY_IS = f"1 to {acts.LONGEST_KEY} printable ASCII characters; of one person."
_KEY = WithJsonSchema(
    {
        "type": "string",
        "minLength": 1,
        "maxLength": acts.LONGEST_KEY,
        "pattern": r"^[\x20-\x7e]+$",
    }
)
Ticket = Annotated[
    str,
    PathParameter(
        description="A ticket number as people write it: with the district's letters or without, "
        "spaces and dashes anywhere, digits of any script.",
        examples=["JC-2600104237"],
    ),
]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]


def build(
    desk: Desk,
    texts: Texts,
    ready: Mapping[str, Check],
    *,
    token_secret: str,
    assets: Path | None = None,
    secure: bool = False,
    previews: Previews | None = None,
    notices: Notices | None = None,
    media: Media | None = None,
) -> FastAPI:
    """`assets`: where htmx and pico lie, if they do; `secure`: cookies travel over HTTPS only; `previews`
    of holidays, `notices` and `media` of cases are not served without."""
    app = FastAPI(
        title="Samvad desk",
        version="1",
        description="Cases of a district, for those who work them.",
        docs_url=None,
        redoc_url=None,
    )
    http.instrument(app, ready)

    @app.exception_handler(Unauthenticated)
    async def unauthenticated(_: Request, error: Unauthenticated) -> Response:
        answer = http.refusal(error)
        answer.headers["WWW-Authenticate"] = 'Bearer realm="samvad"'
        return answer

    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> Response:
        return conflict(refusal)

    async def seated(bearer: Bearer) -> Seat:
        if bearer is None:
            raise Unauthenticated("a bearer token is needed")
        return await desk.seat(tokens.read(token_secret, bearer.credentials, desk.now()))

    _routes(app, desk, Depends(seated), media)
    if previews is not None:
        responses = _responses(CalendarPreview, *calendar_api.STATUSES)
        calendar_api.add(app, previews, desk.now, Depends(seated), responses)
    if notices is not None:
        _notices(app, desk, notices, Depends(seated))
    if media is not None:
        _media(app, desk, media, Depends(seated))
    pages.add(
        app,
        desk,
        texts,
        token_secret=token_secret,
        assets=assets,
        secure=secure,
        notices=notices,
        media=media,
    )
    if assets is not None and assets.is_dir():
        app.mount("/assets", StaticFiles(directory=assets, follow_symlink=True), name="assets")
    app.mount("/static", StaticFiles(packages=[("services.desk", "static")]), name="static")
    return app


def _routes(app: FastAPI, desk: Desk, seated: Any, media: Media | None) -> None:
    @app.get(
        "/api/v1/cases",
        summary="Cases by the nearest deadline",
        tags=["cases"],
        responses=_responses(models.CasesPage, 401, 403, 404, 422, 503),
        response_class=Response,
    )
    async def cases(
        request: Request,
        seat: Annotated[Seat, seated],
        state: Annotated[
            str | None,
            _one_of(filters.STATE_VALUES),
            Query(description="Default: open; a ticket number is found in any state."),
        ] = None,
        department: Annotated[str | None, _TEXT, Query(description=_ID)] = None,
        officer: Annotated[str | None, _TEXT, Query(description=_ID)] = None,
        kind: Annotated[str | None, _one_of(KINDS)] = None,
        overdue: Annotated[str | None, _one_of(("true", "false"))] = None,
        unwritten: Annotated[
            str | None,
            _one_of(("true", "false")),
            Query(
                description="Whether the case has a recording that nobody has written down. Not for those "
                "who do not read the citizen's words (403); an officer finds only his own cases by it."
            ),
        ] = None,
        q: Annotated[
            str | None,
            WithJsonSchema({"type": "string", "maxLength": filters.LONGEST_SEARCH}),
            Query(
                description="A ticket number, a phone number, or beginnings of words of the "
                "citizen's name and village."
            ),
        ] = None,
        block: Annotated[str | None, _TEXT, Query(description=_ID)] = None,
        service: Annotated[str | None, _TEXT, Query(description=_ID)] = None,
        priority: Annotated[str | None, _one_of(PRIORITIES)] = None,
        cursor: Annotated[
            str | None, _TEXT, Query(description="`next_cursor` of the page before.")
        ] = None,
        limit: Annotated[
            str | None,
            WithJsonSchema(
                {
                    "anyOf": [
                        {"type": "integer", "minimum": filters.LEAST, "maximum": filters.MOST},
                        {"type": "string", "maxLength": 0},
                    ]
                }
            ),
            Query(description=f"Cases a page; default {filters.DEFAULT}."),
        ] = None,
    ) -> Response:
        for name, value in request.query_params.items():
            http.check_text(value, name[:80] or "query")
        page = await desk.list(seat, dict(request.query_params))
        return _json(page_of(page, seat))

    @app.get(
        "/api/v1/cases/{ticket}",
        summary="One case, whole",
        tags=["cases"],
        responses=_responses(models.CaseWhole, 401, 404, 422, 503),
        response_class=Response,
    )
    async def case(ticket: Ticket, seat: Annotated[Seat, seated]) -> Response:
        row = await desk.look(seat, ticket)
        shown = await files.shown(media, row.case, seat.actor)
        return _json(view.whole(row, seat.actor, seat.directory, desk.now(), shown))

    @app.get(
        "/api/v1/cases/{ticket}/sla",
        summary="A case's time limits, and why they are what they are",
        description="The segments of each limit reach from its start to `until` without a gap, and "
        "their seconds add up to it. `burnt` is what the worked ones make together.",
        tags=["cases"],
        responses=_responses(models.ClockShape, 401, 404, 422, 503),
        response_class=Response,
    )
    async def clock(
        ticket: Ticket,
        seat: Annotated[Seat, seated],
        at: Annotated[
            str | None,
            WithJsonSchema({"type": "string", "format": "date-time"}),
            Query(
                description="As of this instant, with its zone, from the year 2000 to a year from "
                "now; default: now."
            ),
        ] = None,
    ) -> Response:
        row = await desk.look(seat, ticket)
        instant = clock_view.read_at(at, desk.now())
        found = await desk.clock(row, instant)
        return _json(clock_view.whole(row.case.ticket, found, instant))

    @app.post(
        "/api/v1/cases/{ticket}/actions",
        summary="Act on a case",
        description="Guarded by the version that was seen. The same Idempotency-Key again is "
        "answered with its first outcome; with another body it is refused.",
        tags=["cases"],
        responses=_responses(models.ActDone, 400, 401, 403, 404, 408, 409, 413, 415, 422, 503),
        response_class=Response,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": models.act_request()}},
            }
        },
    )
    async def act(
        ticket: Ticket,
        request: Request,
        seat: Annotated[Seat, seated],
        idempotency_key: Annotated[
            str | None, _KEY, Header(alias="Idempotency-Key", description=_KEY_IS)
        ] = None,
    ) -> Response:
        body = http.read_json(await request.body(), request.headers.get("content-type", ""))
        return _json(vars(await desk.act(seat, ticket, body, idempotency_key)))


def _notices(app: FastAPI, desk: Desk, notices: Notices, seated: Any) -> None:
    @app.get(
        "/api/v1/cases/{ticket}/notices",
        summary="What anybody was told of a case",
        description="One item a message, however often it was tried. Who sees the case sees them.",
        tags=["cases"],
        responses=_responses(NoticesShape, 401, 404, 422, 503),
        response_class=Response,
    )
    async def of_case(ticket: Ticket, seat: Annotated[Seat, seated]) -> Response:
        row = await desk.look(seat, ticket)
        rows, more = await notices.of(row.case.ticket, told.MOST)
        items = told.items(rows, row.case, seat.actor, seat.directory)
        return _json({"items": items, "more": more})


def _media(app: FastAPI, desk: Desk, media: Media, seated: Any) -> None:
    @app.get(
        "/api/v1/cases/{ticket}/media/{media_id}",
        summary="A file that the citizen sent",
        description="Its id is one of the case's `media`, its type what its own bytes say. A single "
        "`Range` of bytes is answered with that part. Who may read the citizen's words sees it.",
        tags=["cases"],
        responses={
            **_problems(401, 404, 416, 422, 503),
            200: {"description": "The file.", "content": files.CONTENT},
            206: {"description": "A part of it.", "content": files.CONTENT},
        },
        response_class=Response,
    )
    async def file(
        ticket: Ticket,
        media_id: Annotated[str, PathParameter(description="An id of the case's `media`.")],
        seat: Annotated[Seat, seated],
        request: Request,
    ) -> Response:
        return await files.answer(desk, media, seat, ticket, media_id, request)


def page_of(page: Page, seat: Seat) -> dict[str, Any]:
    return {
        "items": [view.short(row, seat.actor, seat.directory, page.now) for row in page.rows],
        "next_cursor": page.next_cursor,
        "totals": vars(page.totals),
    }


def conflict(refusal: Refusal) -> Response:
    """409 with the case as it stands, so that the asker can go on."""
    error = refusal.error
    return http.problem(
        409,
        error.code,
        error.reason,
        field=error.field,
        action=refusal.action,
        expected_version=error.expected if isinstance(error, StaleVersion) else None,
        version=refusal.version,
        state=refusal.state,
        allowed=list(refusal.allowed),
    )


def _one_of(values: tuple[str, ...]) -> WithJsonSchema:
    """A choice; an empty value counts as none."""
    return WithJsonSchema({"type": "string", "enum": [*values, ""]})


_WHY = {
    400: "Not JSON.",
    401: "No token, or one that is not valid (any more).",
    403: "The role does not carry this.",
    404: "There is no such case, or it is not yours to see.",
    408: "The body did not come in time.",
    409: "The case does not allow it now; its fresh state is told.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    416: "The file ends before the part that is asked for.",
    422: "A value is wrong; `field` names it.",
    503: "A store is away; try again after Retry-After seconds.",
}


_HEADERS: Mapping[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"description": "How to ask.", "schema": {"type": "string"}}},
    503: {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
}


def _responses(model: type[BaseModel], *statuses: int) -> dict[int | str, dict[str, Any]]:
    return {200: {"model": model}, **_problems(*statuses)}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    answers: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        answers[status] = {"model": models.Problem, "description": _WHY[status]}
        if status in _HEADERS:
            answers[status]["headers"] = _HEADERS[status]
    return answers


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")
