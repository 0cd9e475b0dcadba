"""The page of one case, for whoever has its link: how it stands, and the citizen's word on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from services.intake.cases import Cases
from services.intake.following import Followed, placement
from services.intake.web.form import new_token, read_form, token_of
from services.intake.web.site import PRIVATE, RETRY_SECONDS, Shelf, Site
from services.intake.web.status import Status, see
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.http import Malformed, UnsupportedMedia
from services.kernel.adapters.tokens import link_opens
from services.kernel.domain import tickets
from services.kernel.domain.case import Act
from services.kernel.domain.causes import cause_of
from services.kernel.domain.directory import District, Language, Text
from services.kernel.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    KeyReused,
    Unavailable,
    Unknown,
)
from services.kernel.domain.filing import Fault, Faulty
from services.kernel.domain.lifecycle import END_STATES
from services.kernel.domain.people import Actor

MOST_WORDS = 1000
"""Characters of a reason or an answer."""
_WORDS_OF = {"confirm": None, "reopen": "reason", "answer": "answer"}
"""Each act with the field whose words it needs."""
_FIELDS = ("act", "token", "lang", "reason", "answer")


@dataclass(frozen=True)
class _Found:
    followed: Followed
    directory: District
    language: Language


class Follower:
    """Finds a case by its link. A wrong key and an unknown ticket are the same to the asker."""

    def __init__(self, cases: Cases, shelf: Shelf, link_secret: str) -> None:
        self._cases = cases
        self._shelf = shelf
        self._link_secret = link_secret

    async def follow(self, ticket: str, key: str) -> tuple[Followed, District]:
        """Raises Unknown, Unavailable."""
        # only a number in its own writing, or one case would have many addresses
        genuine = tickets.parse(ticket) == ticket and link_opens(self._link_secret, ticket, key)
        followed = await self._cases.find(ticket) if genuine else None
        if followed is None:
            raise Unknown("there is no such case, or the link is not complete")
        return followed, await self._shelf.newest(followed.district)


class StatusPage:
    def __init__(
        self,
        site: Site,
        shelf: Shelf,
        cases: Cases,
        follower: Follower,
        clock: Clock,
        *,
        district: str,
    ) -> None:
        self._site = site
        self._shelf = shelf
        self._cases = cases
        self._follower = follower
        self._clock = clock
        self._district = district

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/s/{ticket}/{key}", self.show, methods=["GET", "HEAD"])
        router.add_api_route("/s/{ticket}/{key}", self.act, methods=["POST"])
        return router

    async def show(self, request: Request, ticket: str, key: str) -> Response:
        query = request.query_params
        found = await self._find(request, ticket, key, query.get("lang"))
        if isinstance(found, Response):
            return found
        done = f"notice.done.{query.get('done')}"
        notice = self._site.texts.say(done, found.language) if done in self._site.texts else None
        return self._page(
            request,
            found,
            filed=query.get("filed") == "1",
            danger=query.get("danger") == "1",
            notice=notice,
            tone="done",
        )

    async def act(self, request: Request, ticket: str, key: str) -> Response:
        found = await self._find(request, ticket, key, request.query_params.get("lang"))
        if isinstance(found, Response):
            return found
        try:
            values = read_form(
                await request.body(), request.headers.get("content-type", ""), _FIELDS
            )
        except UnsupportedMedia:
            return self._message(request, 415, "malformed", found.language)
        except Malformed:
            return self._message(request, 400, "malformed", found.language)
        except Faulty:
            return self._message(request, 422, "malformed", found.language)
        language = self._site.language(values.get("lang"))
        return await self._carry_out(
            request, _Found(found.followed, found.directory, language), values
        )

    async def _carry_out(
        self, request: Request, found: _Found, values: Mapping[str, str]
    ) -> Response:
        action = values.get("act", "")
        if action not in _WORDS_OF:
            return self._message(request, 422, "malformed", found.language)
        field = _WORDS_OF[action]
        followed = found.followed
        citizen = Actor("citizen", None, followed.district)
        try:
            words = _words(field, values.get(field, "")) if field else None
            cause = cause_of(citizen, token_of(values), {"action": action, "words": words})
            if not _is_repeated(found, cause):
                self._within_window(found, action)
            await self._cases.act(
                followed.ticket,
                Act(
                    action=action,
                    by=citizen,
                    cause=cause,
                    note=words,
                    public=words is not None,
                    data=self._reopened(found) if action == "reopen" else {},
                ),
            )
        except Faulty as error:
            wrong = {
                fault.field: self._site.texts.fault(fault.field, fault.code, found.language)
                for fault in error.faults
            }
            return self._page(request, found, status=422, wrong=wrong, values=values)
        except (Conflict, Forbidden, Invalid, Unknown):
            return await self._refused(request, found, values)
        except Unavailable:
            notice = self._site.texts.say("notice.unavailable.body", found.language)
            return self._page(
                request,
                found,
                status=503,
                notice=notice,
                tone="unavailable",
                values=values,
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        query = urlencode({"done": action, "lang": found.language})
        return Response(
            status_code=303,
            headers={
                "Location": f"{self._site.root}{_path(request, followed)}?{query}",
                "Cache-Control": "no-store",
            },
        )

    def _within_window(self, found: _Found, action: str) -> None:
        """The lifecycle lets a closed case be opened again at any time; the district for some weeks."""
        case = found.followed.case
        if action != "reopen" or case is None:
            return
        if case.state in END_STATES and "reopen" not in self._see(found).can:
            raise Conflict("the time in which the case can be opened again is over")

    def _reopened(self, found: _Found) -> dict[str, object]:
        """Who works it again."""
        say = self._site.texts.say
        sentence = Text(hi=say("reopened.to", "hi"), en=say("reopened.to", "en"))
        return placement(found.followed, found.directory, self._clock(), sentence)

    async def _refused(
        self, request: Request, found: _Found, values: Mapping[str, str]
    ) -> Response:
        """Kindly, with the state as it is now."""
        notice = self._site.texts.say("notice.refused", found.language)
        try:
            fresh = await self._cases.find(found.followed.ticket)
        except Unavailable:
            fresh = None
        now = _Found(fresh or found.followed, found.directory, found.language)
        return self._page(request, now, status=409, notice=notice, tone="refused", values=values)

    async def _find(
        self, request: Request, ticket: str, key: str, asked: str | None
    ) -> _Found | Response:
        try:
            followed, directory = await self._follower.follow(ticket, key)
        except Unknown:
            return self._message(request, 404, "not_found", self._site.language(asked))
        except Unavailable:
            return self._message(request, 503, "unavailable", self._site.language(asked))
        of_case = followed.case.language if followed.case else None
        return _Found(followed, directory, self._site.language(asked, of_case))

    def _message(self, request: Request, status: int, key: str, language: Language) -> Response:
        directory = self._shelf.last(self._district)
        return self._site.message(request, status, key, language, directory)

    def _see(self, found: _Found) -> Status:
        return see(found.followed, found.directory, self._site.texts, found.language, self._clock())

    def _page(
        self,
        request: Request,
        found: _Found,
        *,
        status: int = 200,
        filed: bool = False,
        danger: bool = False,
        notice: str | None = None,
        tone: str = "refused",
        wrong: Mapping[str, str] | None = None,
        values: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        view = self._see(found)
        case = found.followed.case
        typed = values or {}
        action = typed.get("act")
        tokens = {name: new_token() for name in _WORDS_OF}
        if status in (422, 503) and action in tokens:
            # the same form again: what may have been done already is not done a second time
            tokens[action] = token_of(typed)
        path = _path(request, found.followed)
        return self._site.page(
            request,
            "status.html",
            found.language,
            found.directory,
            status=status,
            headers={**PRIVATE, **(headers or {})},
            view=view,
            filed=filed,
            danger=danger or (case is not None and case.open and bool(case.dangers)),
            notice=notice,
            tone=tone,
            wrong=wrong or {},
            faults={"reason": "", "answer": "", **(wrong or {})},
            values={"reason": typed.get("reason", ""), "answer": typed.get("answer", "")},
            tokens=tokens,
            most_words=MOST_WORDS,
            here=self._site.root + path,
            link=self._site.absolute(request, path),
        )


def _path(request: Request, followed: Followed) -> str:
    return f"/s/{followed.ticket}/{request.path_params['key']}"


def _is_repeated(found: _Found, cause: str) -> bool:
    """Whether the same form was sent before with the same words. Raises KeyReused for other words:
    saying "done" of them would lose them."""
    case = found.followed.case
    entry = case.by_key(cause) if case is not None else None
    if entry is not None and entry.cause != cause:
        raise KeyReused("the form was sent before with something else", field="token")
    return entry is not None


def _words(field: str, given: str) -> str:
    """The citizen's words, trimmed. Raises Faulty."""
    words = given.replace("\r\n", "\n").strip()
    if "\x00" in words:
        raise Faulty([Fault(field, "invalid", "contains a NUL character")])
    if not words:
        raise Faulty([Fault(field, "missing", f"{field} is missing")])
    if len(words) > MOST_WORDS:
        raise Faulty([Fault(field, "too_long", f"more than {MOST_WORDS} characters")])
    return words
