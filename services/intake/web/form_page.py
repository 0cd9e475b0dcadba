"""The page `/`: the form, and what becomes of it when it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from services.intake.filing import Filer
from services.intake.web.form import CARRIED, FIELDS, new_token, read_form, to_application, token_of
from services.intake.web.site import RETRY_SECONDS, Shelf, Site
from services.kernel.adapters import metrics
from services.kernel.adapters.http import Malformed, UnsupportedMedia
from services.kernel.adapters.tokens import link_key
from services.kernel.domain.directory import KINDS, District, Language
from services.kernel.domain.errors import KeyReused, Refused, Unavailable, Unknown
from services.kernel.domain.filing import (
    MOST_LANDMARK,
    MOST_NAME,
    MOST_PLACE,
    MOST_TEXT,
    Faulty,
)

CHANNEL = "web"
MOST = {
    "text": MOST_TEXT, "place": MOST_PLACE, "landmark": MOST_LANDMARK, "name": MOST_NAME, "phone": 40,
}  # fmt: skip
MOST_VILLAGES = 400
"""Names offered while typing; beyond it the list is left out, since the page must stay light."""
_ANCHORS = {**{name: name for name in FIELDS}, "kind": f"kind-{KINDS[0]}"}


class FormPage:
    """Needs no script: what was typed comes back with the page, in any case."""

    def __init__(
        self, site: Site, shelf: Shelf, filer: Filer, *, district: str, link_secret: str
    ) -> None:
        self._site = site
        self._shelf = shelf
        self._filer = filer
        self._district = district
        self._link_secret = link_secret

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/", self.show, methods=["GET", "HEAD"])
        router.add_api_route("/", self.send, methods=["POST"])
        return router

    async def show(self, request: Request) -> Response:
        query = request.query_params
        language = self._site.language(query.get("lang"))
        try:
            directory = await self._shelf.newest(query.get("district") or self._district)
        except Unknown:
            return self._site.message(request, 404, "not_found", language, self._known())
        except Unavailable:
            return self._site.message(request, 503, "unavailable", language, None)
        values = {"district": directory.id}
        return self._form(request, language, directory, values, new_token(), robots="index, follow")

    async def send(self, request: Request) -> Response:
        language = self._site.language(request.query_params.get("lang"))
        try:
            values = read_form(
                await request.body(),
                request.headers.get("content-type", ""),
                (*FIELDS, *CARRIED),
            )
        except UnsupportedMedia as error:
            self._refused(error)
            return self._site.message(request, 415, "malformed", language, self._known())
        except Malformed as error:
            self._refused(error)
            return self._site.message(request, 400, "malformed", language, self._known())
        except Faulty as error:
            self._refused(error)
            return self._site.message(request, 422, "malformed", language, self._known())
        return await self._file(request, values)

    async def _file(self, request: Request, values: Mapping[str, str]) -> Response:
        language = self._site.language(values.get("lang"))
        district = values.get("district") or self._district
        token = token_of(values)
        try:
            application = to_application({**values, "lang": language}, self._district)
            filed = await self._filer.file(application, channel=CHANNEL, client="form", key=token)
        except Faulty as error:
            self._refused(error)
            if any(fault.field == "district" for fault in error.faults):
                return self._site.message(request, 422, "malformed", language, self._known())
            wrong = self._in_words(error, language)
            directory = await self._fresh(district)
            return self._form(request, language, directory, values, token, status=422, wrong=wrong)
        except KeyReused as error:
            self._refused(error)
            return self._form(
                request,
                language,
                self._known(district),
                values,
                new_token(),
                status=409,
                notice="key_reused",
            )
        except Unavailable:
            return self._form(
                request,
                language,
                self._known(district),
                values,
                token,
                status=503,
                notice="unavailable",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        query = {"filed": "1", **({"danger": "1"} if filed.dangers else {}), "lang": language}
        key = link_key(self._link_secret, filed.ticket)
        # relative: `form-action 'self'` holds for where a form is redirected to as well
        where = f"{self._site.root}/s/{filed.ticket}/{key}?{urlencode(query)}"
        return Response(status_code=303, headers={"Location": where, "Cache-Control": "no-store"})

    def _in_words(self, error: Faulty, language: Language) -> dict[str, str]:
        """What is wrong by the form's field, in the form's order; of two faults of a field the first."""
        said: dict[str, str] = {}
        for fault in error.faults:
            name = fault.field.rpartition(".")[2]
            said.setdefault(name, self._site.texts.fault(fault.field, fault.code, language))
        return {name: said.pop(name) for name in FIELDS if name in said} | said

    async def _fresh(self, district: str) -> District | None:
        try:
            return await self._shelf.newest(district)
        except (Unknown, Unavailable):
            return self._known()

    def _known(self, district: str | None = None) -> District | None:
        return self._shelf.last(district or self._district) or self._shelf.last(self._district)

    def _refused(self, error: Refused) -> None:
        metrics.INTAKE_REFUSED.labels(CHANNEL, error.code).inc()

    def _form(
        self,
        request: Request,
        language: Language,
        directory: District | None,
        values: Mapping[str, str],
        token: str,
        *,
        status: int = 200,
        wrong: Mapping[str, str] | None = None,
        notice: str | None = None,
        headers: Mapping[str, str] | None = None,
        robots: str | None = None,
    ) -> Response:
        typed = {name: values.get(name, "") for name in (*FIELDS, *CARRIED)}
        return self._site.page(
            request,
            "form.html",
            language,
            directory,
            status=status,
            headers=headers,
            values=typed,
            token=token,
            wrong=wrong or {},
            faults={**dict.fromkeys(FIELDS, ""), **(wrong or {})},
            anchors=_ANCHORS,
            notice=notice,
            kinds=KINDS,
            most=MOST,
            robots=robots,
            **_choices(directory, language),
        )


def _choices(directory: District | None, language: Language) -> dict[str, Any]:
    """What the form lets one choose from; nothing while no directory was ever read."""
    if directory is None:
        return {
            "departments": (),
            "services_known": {},
            "blocks": (),
            "blocks_known": {},
            "villages": (),
        }
    departments = [
        {
            "name": department.name.say(language),
            "services": [
                {"id": service.id, "name": service.name.say(language)}
                for service in directory.services
                if service.department == department.id
            ],
        }
        for department in directory.departments
    ]
    villages = [
        village.name.say(language) for block in directory.blocks for village in block.villages
    ]
    return {
        "departments": [department for department in departments if department["services"]],
        "services_known": directory.service_by_id,
        "blocks": [
            {"id": block.id, "name": block.name.say(language)} for block in directory.blocks
        ],
        "blocks_known": directory.block_by_id,
        "villages": sorted(set(villages)) if len(villages) <= MOST_VILLAGES else (),
    }
