"""The JSON API under `/api/v1`: filing a case and following it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, WithJsonSchema

from services.intake.filing import Filed, Filer
from services.intake.web.models import (
    Accepted,
    CaseIn,
    EmergencyOut,
    LineOut,
    Named,
    Problem,
    StatusOut,
    read_case,
)
from services.intake.web.site import Site
from services.intake.web.status import Name, see
from services.intake.web.status_page import Follower
from services.kernel.adapters import metrics
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.http import read_json
from services.kernel.adapters.tokens import link_key
from services.kernel.domain.directory import Language
from services.kernel.domain.errors import Refused

CHANNEL = "web"
CLIENT = "api"
"""The API knows no clients apart: a key is one key, whoever sends it."""

_WHY = {
    400: "Not JSON.",
    404: "No such case, or the link is not complete.",
    408: "The body did not come in time.",
    409: "The idempotency key was used before for another body.",
    413: "The body is too large.",
    415: "The content type is not application/json.",
    422: "A field is wrong; it is named, with the reason and, where that is a list, what is allowed.",
    503: "The store is away. Nothing was filed; try again after `Retry-After` seconds.",
}


def _problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    answers: dict[int | str, dict[str, Any]] = {
        code: {"model": Problem, "description": _WHY[code]} for code in codes
    }
    if 503 in answers:
        answers[503]["headers"] = {
            "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}
        }
    return answers


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x20-\x7e]+$",
        description="1 to 200 printable ASCII characters. The same key with the same body is "
        "answered with the same ticket.",
    ),
]

# documented, not checked here: whatever else is asked for is an unknown case, and not told apart from one
Ticket = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[0-9]{10}$"})]
LinkKey = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"})]


class JsonApi:
    def __init__(
        self,
        site: Site,
        filer: Filer,
        follower: Follower,
        clock: Clock,
        *,
        district: str,
        link_secret: str,
    ) -> None:
        self._site = site
        self._filer = filer
        self._follower = follower
        self._clock = clock
        self._district = district
        self._link_secret = link_secret

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/api/v1", tags=["cases"])
        router.add_api_route(
            "/cases",
            self.file,
            methods=["POST"],
            status_code=202,
            summary="File a complaint, suggestion or demand",
            description="Answered when a receipt is stored; from then on the case cannot be lost.",
            response_model=Accepted,
            response_description="Accepted, now or by an earlier request with the same key.",
            responses={
                202: {
                    "headers": {
                        "Idempotency-Replayed": {
                            "description": "`true` when an earlier request made the case.",
                            "schema": {"type": "string", "enum": ["true"]},
                        }
                    }
                },
                **_problems(400, 408, 409, 413, 415, 422, 503),
            },
            openapi_extra={
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {"$ref": f"#/components/schemas/{CaseIn.__name__}"}
                        }
                    },
                }
            },
        )
        router.add_api_route(
            "/status/{ticket}/{key}",
            self.status,
            methods=["GET"],
            summary="How a case stands",
            description="`ticket` and `key` are those of the case's `status_url`.",
            response_model=StatusOut,
            responses=_problems(404, 422, 503),
        )
        return router

    async def file(self, request: Request, idempotency_key: IdempotencyKey = None) -> Response:
        try:
            value = read_json(await request.body(), request.headers.get("content-type", ""))
            application = read_case(value, self._district)
            filed = await self._filer.file(
                application, channel=CHANNEL, client=CLIENT, key=idempotency_key
            )
        except Refused as error:
            metrics.INTAKE_REFUSED.labels(CHANNEL, error.code).inc()
            raise
        language = self._site.language(application.language)
        path = f"/s/{filed.ticket}/{link_key(self._link_secret, filed.ticket)}"
        accepted = Accepted(
            ticket=filed.ticket,
            number=filed.number,
            kind=filed.kind,
            received_at=filed.received_at,
            status_url=self._site.absolute(request, path),
            emergency=self._emergency(filed, language),
        )
        headers = {"Idempotency-Replayed": "true"} if filed.repeated else {}
        return _json(accepted, 202, headers)

    async def status(
        self,
        ticket: Ticket,
        key: LinkKey,
        lang: Annotated[Language, Query(description="Of the texts.")] = "hi",
    ) -> Response:
        followed, directory = await self._follower.follow(ticket, key)
        seen = see(followed, directory, self._site.texts, lang, self._clock())
        return _json(
            StatusOut(
                ticket=seen.ticket,
                number=seen.number,
                kind=seen.kind,
                state=seen.state,
                state_text=seen.state_text,
                filed_at=seen.filed_at,
                service=_named(seen.service),
                block=_named(seen.block),
                village=seen.village,
                deadline=seen.deadline,
                overdue=seen.overdue,
                paused=seen.paused,
                closes_at=seen.closes_at,
                question=seen.question,
                history=[LineOut(at=x.at, text=x.text, note=x.note) for x in seen.lines],
            ),
            200,
            {},
        )

    def _emergency(self, filed: Filed, language: Language) -> EmergencyOut | None:
        if not filed.dangers:
            return None
        numbers = filed.directory.emergency
        text = self._site.texts.say(
            "emergency.text", language, number=numbers.number, control_room=numbers.control_room
        )
        return EmergencyOut(number=numbers.number, control_room=numbers.control_room, text=text)


def _named(name: Name | None) -> Named | None:
    return Named(id=name.id, name=name.name) if name else None


def _json(body: BaseModel, status: int, headers: dict[str, str]) -> Response:
    safe = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **headers}
    return Response(body.model_dump_json(exclude_none=True), status, safe, "application/json")
