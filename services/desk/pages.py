"""The desk's pages: log-in, the list that refreshes itself, the case with what can be done. They work
without scripts; htmx only spares the reload."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from services.desk import media as files
from services.desk import rendering, table
from services.desk.core import clock_view, rights, view
from services.desk.core import notices as told
from services.desk.core.forms import forms
from services.desk.core.ports import Media, Notices
from services.desk.core.texts import Texts
from services.desk.handlers.desk import Desk, Page, Refusal, Seat
from services.desk.rendering import Renderer
from services.desk.session import Sessions, check_origin, safe_path
from services.kernel.adapters import tokens
from services.kernel.adapters.http import check_text
from services.kernel.domain import tickets
from services.kernel.domain.directory import Language
from services.kernel.domain.errors import (
    Forbidden,
    Invalid,
    KeyReused,
    Refused,
    Unauthenticated,
    Unavailable,
    Unknown,
)

_FORM_FIELDS = ("officer", "department", "service", "reason", "outcome")
_SEE_OTHER = 303


def add(
    app: FastAPI,
    desk: Desk,
    texts: Texts,
    *,
    token_secret: str,
    assets: Path | None,
    secure: bool,
    notices: Notices | None = None,
    media: Media | None = None,
) -> None:
    sessions = Sessions(token_secret, secure=secure)
    pages = Pages(desk, Renderer(texts, assets), sessions, token_secret, notices, media)
    for path, method, handler in (
        ("/", "GET", pages.list),
        ("/fragments/cases", "GET", pages.fragment),
        ("/login", "POST", pages.login),
        ("/logout", "POST", pages.logout),
        ("/cases/{ticket}", "GET", pages.case),
        ("/cases/{ticket}/actions", "POST", pages.act),
        ("/cases/{ticket}/media/{media_id}", "GET", pages.file),
    ):
        app.add_api_route(path, handler, methods=[method], include_in_schema=False)


class Pages:
    def __init__(
        self,
        desk: Desk,
        renderer: Renderer,
        sessions: Sessions,
        token_secret: str,
        notices: Notices | None,
        media: Media | None,
    ) -> None:
        self._desk = desk
        self._renderer = renderer
        self._sessions = sessions
        self._secret = token_secret
        self._notices = notices
        self._media = media

    async def list(self, request: Request) -> Response:
        async def show(seat: Seat, language: Language) -> Response:
            try:
                found = await self._page(request, seat)
            except Refused as error:
                message = self._why(error, language)
                if isinstance(error, Invalid) and error.field != "q":
                    message = self._renderer.texts.say("refused.filter", language)
                return self._list(request, seat, language, None, message, _status(error))
            ticket = tickets.parse(request.query_params.get("q", ""))
            if ticket is not None and [row.case.ticket for row in found.rows] == [ticket]:
                return RedirectResponse(f"/cases/{ticket}", _SEE_OTHER)
            done = request.query_params.get("done", "")
            known = f"action.{done}" in self._renderer.texts
            message = self._done(done, language) if known else ""
            shown = await self._table(request, seat, found, language)
            return self._list(request, seat, language, shown, message)

        return await self._seated(request, show)

    async def fragment(self, request: Request) -> Response:
        """The table alone; nothing (204) when it is as the page already shows it."""

        async def show(seat: Seat, language: Language) -> Response:
            found = await self._page(request, seat)
            values = await self._table(request, seat, found, language)
            if values["digest"] == request.query_params.get("seen"):
                return Response(status_code=204)
            return self._renderer.page(request, "_cases.html", language, **values)

        return await self._seated(request, show)

    async def login(self, request: Request) -> Response:
        check_origin(request)
        form = await request.form()
        token = _text(form.get("token")).strip()
        language = self._sessions.language(request, "hi")
        try:
            seat = await self._desk.seat(tokens.read(self._secret, token, self._desk.now()))
            if seat.actor.role not in rights.STAFF:
                raise Forbidden("no place at the desk")
        except Refused as error:
            reason = "no_place" if isinstance(error, Forbidden) else "wrong"
            message = self._renderer.texts.say(f"login.{reason}", language)
            return self._login(request, language, message, _status(error))
        answer = RedirectResponse(safe_path(_text(form.get("next"))), _SEE_OTHER)
        self._sessions.begin(answer, token)
        return answer

    async def logout(self, request: Request) -> Response:
        check_origin(request)
        answer = RedirectResponse("/", _SEE_OTHER)
        self._sessions.end(answer)
        return answer

    async def case(self, ticket: str, request: Request) -> Response:
        async def show(seat: Seat, language: Language) -> Response:
            row = await self._desk.look(seat, ticket)
            done = request.query_params.get("done", "")
            known = f"action.{done}" in self._renderer.texts
            message = self._done(done, language) if known else ""
            return await self._case(request, seat, language, row, message=message)

        return await self._seated(request, show)

    async def file(self, ticket: str, media_id: str, request: Request) -> Response:
        async def show(seat: Seat, language: Language) -> Response:
            if self._media is None:
                raise Unknown("files are not served here", field="media")
            return await files.answer(self._desk, self._media, seat, ticket, media_id, request)

        return await self._seated(request, show)

    async def act(self, ticket: str, request: Request) -> Response:
        async def do(seat: Seat, language: Language) -> Response:
            form = await request.form()
            given = {name: _text(value) for name, value in form.multi_items()}
            token = self._sessions.token(request) or ""
            try:
                self._sessions.check_form(request, token, given.get("csrf", ""))
            except Forbidden:
                row = await self._desk.look(seat, ticket)
                expired = self._renderer.texts.say("said.expired", language)
                return await self._case(request, seat, language, row, given, expired, 403)
            try:
                outcome = await self._desk.act(seat, ticket, _body(given), given.get("key") or None)
            except (Refusal, KeyReused, Invalid, Forbidden, Unknown) as error:
                # a case that is gone or was never his: told by the page for all refusals
                row = await self._desk.look(seat, ticket)
                why = self._why(error, language)
                return await self._case(request, seat, language, row, given, why, _status(error))
            try:
                await self._desk.look(seat, ticket)
                where = f"/cases/{outcome.ticket}"
            except Unknown:
                where = "/"
            return RedirectResponse(f"{where}?done={given['action']}", _SEE_OTHER)

        return await self._seated(request, do)

    async def _seated(
        self, request: Request, show: Callable[[Seat, Language], Awaitable[Response]]
    ) -> Response:
        """Run `show` for who is logged in; what it raises is told on a page."""
        language = self._sessions.language(request, "hi")
        fragment = request.url.path.startswith("/fragments/")
        token = self._sessions.token(request)
        try:
            if token is None:
                return self._login(request, language, "", 401 if fragment else 200)
            seat = await self._desk.seat(tokens.read(self._secret, token, self._desk.now()))
            person = seat.directory.officer_by_id.get(seat.actor.id or "")
            language = self._sessions.language(request, person.language if person else "hi")
            answer = await show(seat, language)
        except Unauthenticated:
            ended = self._renderer.texts.say("login.ended", language)
            answer = self._login(request, language, ended, 401)
            self._sessions.end(answer)
        except (Refused, Unavailable) as error:
            message = self._why(error, language)
            answer = self._renderer.page(
                request,
                "message.html",
                language,
                _status(error),
                message=message,
                reload=isinstance(error, Unavailable),
            )
        self._sessions.remember_language(request, answer, language)
        return answer

    def _login(self, request: Request, language: Language, message: str, status: int) -> Response:
        following = request.url.path
        if request.method != "GET" or following.startswith("/fragments/"):
            following = "/"
        elif request.url.query:
            following = f"{following}?{request.url.query}"
        answer = self._renderer.page(
            request, "login.html", language, status, message=message, following=following
        )
        # tells htmx to leave the page, which a table inside it could not
        answer.headers["HX-Redirect"] = "/"
        return answer

    async def _page(self, request: Request, seat: Seat) -> Page:
        asked = rendering.asked(request)
        for name, value in asked.items():
            check_text(value, name)
        return await self._desk.list(seat, asked)

    def _list(
        self,
        request: Request,
        seat: Seat,
        language: Language,
        shown: dict[str, Any] | None,
        message: str,
        status: int = 200,
    ) -> Response:
        """`shown`: the table's values; None where the list was refused."""
        return self._renderer.page(
            request,
            "list.html",
            language,
            status,
            seat=seat,
            person=self._person(seat, language),
            table=shown is not None,
            recordings=rights.finds_by_personal(seat.actor),
            message=message,
            bad=status != 200,
            states=rendering.state_choices(),
            departments=seat.directory.departments,
            reload=True,
            **{"chosen": rendering.chosen(request), **(shown or {})},
        )

    async def _table(
        self, request: Request, seat: Seat, found: Page, language: Language
    ) -> dict[str, Any]:
        unwritten = await self._desk.unwritten(seat)
        return table.values(self._renderer, request, seat, found, unwritten, language)

    async def _case(
        self,
        request: Request,
        seat: Seat,
        language: Language,
        row: view.Row,
        given: dict[str, str] | None = None,
        message: str = "",
        status: int = 200,
    ) -> Response:
        now = self._desk.now()
        shown = await files.shown(self._media, row.case, seat.actor)
        case = view.whole(row, seat.actor, seat.directory, now, shown)
        clock = await self._desk.clock(row, now)
        messages, more_messages = await self._told(seat, row, language)
        day = now.astimezone(ZoneInfo(seat.directory.zone)).date()
        return self._renderer.page(
            request,
            "case.html",
            language,
            status,
            seat=seat,
            person=self._person(seat, language),
            case=case,
            due=self._renderer.texts.due(row.deadline, now, language),
            limits=clock_view.rows(clock, language, seat.directory.officer_by_id),
            summary=clock_view.summary(clock, language),
            messages=messages,
            more_messages=more_messages,
            personal=rights.reads_personal(seat.actor, row.case),
            forms=forms(
                case["allowed"], row.case, seat.directory, day, self._renderer.texts, language
            ),
            given=given or {},
            message=message,
            bad=status != 200,
            local=rendering.local(seat.directory),
            number=rendering.number(seat.directory),
            size=self._renderer.size(language),
            departments=seat.directory.department_by_id,
            services=seat.directory.service_by_id,
            csrf=self._sessions.form_token(self._sessions.token(request) or ""),
            new_key=lambda: secrets.token_urlsafe(12),
        )

    async def _told(
        self, seat: Seat, row: view.Row, language: Language
    ) -> tuple[Sequence[Mapping[str, Any]] | None, bool]:
        """The case's messages in words, and whether there were more; None: they are not served."""
        if self._notices is None:
            return None, False
        found, more = await self._notices.of(row.case.ticket, told.MOST)
        items = told.items(found, row.case, seat.actor, seat.directory)
        return told.lines(items, self._renderer.texts, language), more

    def _person(self, seat: Seat, language: Language) -> str:
        role = self._renderer.texts.say(f"role.{seat.actor.role}", language)
        officer = seat.directory.officer_by_id.get(seat.actor.id or "")
        return f"{officer.name.say(language)} · {role}" if officer is not None else role

    def _done(self, action: str, language: Language) -> str:
        texts = self._renderer.texts
        return texts.say("said.done", language, action=texts.say(f"done.{action}", language))

    def _why(self, error: Refusal | Refused | Unavailable, language: Language) -> str:
        """The refusal in the reader's words."""
        if isinstance(error, Unavailable):
            return self._renderer.texts.say("said.unavailable", language)
        told = error.error if isinstance(error, Refusal) else error
        return self._renderer.texts.refused(told, language)


def _body(given: dict[str, str]) -> dict[str, Any]:
    """The form as the API would be asked."""
    version = given.get("version", "")
    if not (version.isascii() and version.isdigit() and len(version) <= 9):
        raise Invalid("is missing", field="version")
    body: dict[str, Any] = {"action": given.get("action", ""), "expected_version": int(version)}
    for name in ("note", *_FORM_FIELDS):
        value = check_text(given.get(name, ""), name)
        if value.strip():
            # words go as they were written: what is wrong with them is told, not cut off
            body[name] = value if name == "note" else value.strip()
    if given.get("media"):
        body["media"] = [given["media"]]
    rating = given.get("rating", "")
    if rating:
        body["rating"] = int(rating) if rating in "12345" and len(rating) == 1 else rating
    if given.get("public"):
        body["public"] = True
    return body


def _text(value: object) -> str:
    """A form's field; a file that somebody sends instead counts as empty."""
    return value if isinstance(value, str) else ""


def _status(error: Exception) -> int:
    if isinstance(error, Unauthenticated):
        return 401
    for kind, status in ((Invalid, 422), (Unknown, 404), (Forbidden, 403), (Unavailable, 503)):
        if isinstance(error, kind):
            return status
    return 409
