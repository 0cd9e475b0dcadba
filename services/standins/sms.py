"""A stand-in for C-DAC's Mobile Seva (`sendsmsrequestDLT`): form in, `code,text` out.

Checked as the gateway does: account, sender, hash, number, and the text against the template that is
registered under its DLT id. No key of ours travels, so two sendings are one message when recipient,
template and content are the same.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from secrets import token_hex

from fastapi import APIRouter, Request, Response

from services.kernel.adapters.clock import Clock
from services.standins.behaviour import Behaviours, Ruling
from services.standins.gsm import segments
from services.standins.journal import Journal, Taken
from services.standins.registry import Registry

ANSWERS = {
    "401": "Credentials Error, may be invalid username or password",
    "403": "Credits not available",
    "406": "Mobile number is not valid",
    "411": "Invalid sender id",
    "413": "Message rejected",
    "414": "Message does not match the registered template",
    "416": "Hash is not matching",
    "418": "Daily limit reached",
}
UNICODE = frozenset({"unicodemsg", "unicodeotpmsg"})
BULK = frozenset({"bulkmsg"})
SERVICES = frozenset({"singlemsg", "otpmsg"}) | UNICODE | BULK
_ENTITY = re.compile(r"&#([0-9]{1,5});")


def router(
    journal: Journal,
    behaviours: Behaviours,
    registry: Registry,
    clock: Clock,
    *,
    username: str,
    password: str,
    secure_key: str,
    sender: str,
) -> APIRouter:
    routes = APIRouter()
    digests = {
        hashlib.new(name, password.encode(), usedforsecurity=False).hexdigest()
        for name in ("sha1", "sha256")
    }

    def judge(form: dict[str, str]) -> str | None:
        """The code of the first thing that is wrong, or None."""
        if form["username"] != username or form["password"].lower() not in digests:
            return "401"
        if form["senderid"] != sender:
            return "411"
        joined = f"{form['username']}{form['senderid']}{form['content']}{secure_key}"
        right = hashlib.sha512(joined.encode()).hexdigest()
        if not hmac.compare_digest(form["key"].lower().encode(), right.encode()):
            return "416"
        if not form["content"] or form["smsservicetype"] not in SERVICES:
            return "413"
        if not all(re.fullmatch(r"(?:\+?91|0)?[6-9][0-9]{9}", n) for n in _numbers(form)):
            return "406"
        registered = registry.sms.get(form["templateid"])
        if registered is None or not registered.matches(text_of(form)):
            return "414"
        return None

    @routes.post("/sms")
    @routes.post("/sms/sendsmsrequestDLT")
    async def send(request: Request) -> Response:
        ruling = behaviours.rule("sms")
        given = await request.form()
        form = {name: str(given.get(name, "")) for name in FIELDS}
        code = judge(form)
        if code is not None:
            return _answer(200, code)
        text = text_of(form)
        message_id = f"{clock():%d%m%Y%H%M%S}{token_hex(6)}"
        for index, number in enumerate(_numbers(form)):
            to = "91" + number[-10:]
            journal.add(
                Taken(
                    id=f"{message_id}-{index}",
                    at=clock(),
                    provider="sms",
                    to=to,
                    kind=form["smsservicetype"],
                    template=form["templateid"],
                    language="hi" if form["smsservicetype"] in UNICODE else "en",
                    text=text,
                    key="",
                    identity=f"sms:{to}:{form['templateid']}:{digest(form['content'])}",
                    accepted=not ruling.fails,
                    code=_failed(ruling) if ruling.fails else "",
                    segments=segments(text, unicode=form["smsservicetype"] in UNICODE),
                )
            )
        await behaviours.hold(ruling)
        if not ruling.fails:
            return _answer(200, "402", f"MsgID = {message_id}{username}")
        if ruling.throttled:
            return Response(status_code=429, headers={"Retry-After": "1"})
        return _answer(ruling.http_status or 200, str(ruling.fail_code or ""))

    return routes


FIELDS = (
    "username", "password", "senderid", "content", "smsservicetype", "mobileno", "bulkmobno", "key",
    "templateid",
)  # fmt: skip


def text_of(form: dict[str, str]) -> str:
    """What the phone shows: entities are UTF-16 units, so two may make one character."""
    if form["smsservicetype"] not in UNICODE:
        return form["content"]
    units = _ENTITY.sub(lambda found: chr(int(found[1]) % 0x10000), form["content"])
    return units.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")


def _numbers(form: dict[str, str]) -> list[str]:
    numbers = form["bulkmobno"].split(",") if form["smsservicetype"] in BULK else [form["mobileno"]]
    return [number.strip() for number in numbers]


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _failed(ruling: Ruling) -> str:
    return "429" if ruling.throttled else str(ruling.fail_code or ruling.http_status or "")


def _answer(status: int, code: str, text: str | None = None) -> Response:
    body = f"{code},{text if text is not None else ANSWERS.get(code, 'failed on request')}"
    return Response(body if code else "", status, media_type="text/plain")
