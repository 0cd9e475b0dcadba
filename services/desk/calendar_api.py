"""What a holiday declared late would do to open cases, over the JSON API. Nothing is changed by asking."""

# No deferred annotations here: FastAPI could not resolve those that name what `add` was given.

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Request, Response

from services.desk import calendar_models
from services.desk.core import holidays
from services.desk.core.ports import Previews
from services.desk.handlers.desk import Seat
from services.kernel.adapters import http
from services.kernel.domain.people import visible

STATUSES = (400, 401, 403, 408, 413, 415, 422, 503)


def add(
    app: FastAPI,
    previews: Previews,
    clock: Callable[[], datetime],
    seated: Any,
    responses: dict[int | str, dict[str, Any]],
) -> None:
    """`seated`: the dependency that says who asks; `responses`: the answers, described."""

    @app.post(
        "/api/v1/calendar/preview",
        summary="What a holiday declared late would do to open cases",
        description="Which limits would move from when to when, and which recorded breaches stay, were "
        "these holidays added to the directory of now. `samvad calendar apply` does it.",
        tags=["calendar"],
        responses=responses,
        response_class=Response,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": calendar_models.request()}},
            }
        },
    )
    async def calendar_preview(request: Request, seat: Annotated[Seat, seated]) -> Response:
        holidays.check_right(seat.actor, seat.directory)
        body = http.read_json(await request.body(), request.headers.get("content-type", ""))
        after = holidays.declared(body, seat.directory)
        scope = visible(seat.actor, seat.directory)
        found = await previews.make(scope, seat.directory, after, clock())
        return Response(orjson.dumps(found), media_type="application/json")
