"""A stand-in for Kannel's smsbox: `sendsms` with its parameters, answers and delivery reports.

GET takes them from the query, POST of text/plain from X-Kannel-… headers; a form is refused, as Kannel does.
Kannel itself reads no text: one that is not registered with DLT is accepted, and the operator rejects it,
which a delivery report tells (16).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from services.kernel.adapters.clock import Clock
from services.standins.behaviour import Behaviours
from services.standins.dlr import Reports, Sms
from services.standins.gsm import in_gsm, segments
from services.standins.journal import Journal, Taken, language_of
from services.standins.registry import Registry
from services.standins.sms import digest

PATH = "/kannel/cgi-bin/sendsms"
ACCEPTED, QUEUED = "0: Accepted for delivery", "3: Queued for later delivery"
DENIED = "Number(s) has/have been denied by white- and/or black-lists."
LATER = "Temporal failure, try again later."
FAILURES = {
    400: DENIED,
    403: "Not routable. Do not try again.",
    500: "Sending failed.",
    503: LATER,
}
RANGES = {
    "coding": ("Coding", -1, 2),
    "dlr-mask": ("DLR-Mask", -1, 63),
    "priority": ("Priority", 0, 3),
}
HEADERS = (
    "username", "password", "from", "to", "coding", "dlr-mask", "dlr-url", "smsc", "account",
    "meta-data", "priority",
)  # fmt: skip
UCS2 = 2


class Rejected(Exception):
    """What Kannel answers instead, word for word."""

    def __init__(self, status: int, answer: str) -> None:
        super().__init__(answer)
        self.status = status
        self.answer = answer


@dataclass(frozen=True)
class Order:
    """A request that Kannel takes. `key` is what the caller's dlr-url calls the message (`m`)."""

    receivers: tuple[str, ...]
    sender: str
    text: str
    is_unicode: bool
    key: str
    mask: int
    dlr_url: str
    meta_data: str
    account: str
    smsc: str

    def identity(self, to: str) -> str:
        if not self.key:
            return f"kannel:{to}:{digest(self.text)}"
        return f"kannel:{self.key}" + (f":{to}" if len(self.receivers) > 1 else "")

    def registered_as(self, registry: Registry) -> str | None:
        """The DLT template that the text is of: the one whose id the meta-data hold, or any."""
        named = [id_ for id_ in registry.sms if id_ in self.meta_data]
        ids: Iterable[str] = named or registry.sms
        return next((id_ for id_ in ids if registry.sms[id_].matches(self.text)), None)


def router(
    journal: Journal,
    behaviours: Behaviours,
    registry: Registry,
    reports: Reports,
    clock: Clock,
    *,
    username: str,
    password: str,
    sender: str,
) -> APIRouter:
    routes = APIRouter()

    @routes.api_route(PATH, methods=["GET", "POST"])
    async def send(request: Request) -> Response:
        ruling = behaviours.rule("kannel")
        now = clock()
        try:
            given = await _given(request)
            if (given.get("username"), given.get("password")) != (username, password):
                raise Rejected(403, "Authorization failed for sendsms")
            order = read_order(given)
        except Rejected as rejection:
            return _answer(rejection.status, rejection.answer)
        template = order.registered_as(registry) if order.sender == sender else None
        failure = (ruling.http_status or ruling.fail_code or 503) if ruling.fails else None
        for receiver in order.receivers:
            to = receiver.lstrip("+")
            sms = Sms(
                id=str(uuid4()), to=to, sender=order.sender, text=order.text, mask=order.mask,
                url=order.dlr_url, meta_data=order.meta_data, account=order.account,
                smsc=order.smsc or "standin", user=username,
            )  # fmt: skip
            journal.add(
                Taken(
                    id=sms.id,
                    at=now,
                    provider="kannel",
                    to=to,
                    kind="sms",
                    template=template or "",
                    language=language_of(order.text),
                    text=order.text,
                    key=order.key,
                    identity=order.identity(to),
                    accepted=failure is None and template is not None,
                    code=str(failure or ("" if template else "dlt")),
                    segments=segments(order.text, unicode=order.is_unicode),
                )
            )
            if failure is None:
                reports.tell_of(sms, ruling, behaviours.chance, now, rejected=template is None)
        await behaviours.hold(ruling)
        if failure is not None:
            return _answer(failure, FAILURES.get(failure, LATER))
        # what makes Kannel queue is an operator that is not connected for a while
        return _answer(202, QUEUED if ruling.receipts.delay_ms else ACCEPTED)

    return routes


async def _given(request: Request) -> dict[str, str]:
    """The parameters, of which `text` is still bytes, one a character."""
    if request.method == "GET":
        query = request.scope["query_string"].decode("latin-1")
        return dict(parse_qsl(query, keep_blank_values=True, encoding="latin-1"))
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != "text/plain":
        raise Rejected(400, "Invalid content-type")
    given = {name: request.headers.get(f"x-kannel-{name}") for name in HEADERS}
    given["charset"] = rest.partition("charset=")[2].strip(' "') or None
    given["text"] = (await request.body()).decode("latin-1")
    return {name: value for name, value in given.items() if value is not None}


def read_order(given: Mapping[str, str]) -> Order:
    """Raises Rejected as Kannel does."""
    if "to" not in given:
        raise Rejected(400, "Missing receiver number, rejected")
    if not given["to"]:
        raise Rejected(400, "Empty receiver number not allowed, rejected")
    receivers = tuple(to for to in given["to"].split() if _is_number(to))
    if not receivers:
        raise Rejected(400, DENIED)
    if not given.get("from"):
        raise Rejected(400, "Sender missing and no global set, rejected")
    url = given.get("dlr-url", "")
    if url and not url.lower().startswith(("http://", "https://")):
        raise Rejected(400, "DLR-URL field misformed, rejected")
    is_unicode = _number(given, "coding") == UCS2
    _number(given, "priority")
    return Order(
        receivers=receivers,
        sender=given["from"],
        text=_text(given.get("text", ""), given.get("charset", ""), is_unicode=is_unicode),
        is_unicode=is_unicode,
        key=_key(url),
        mask=max(_number(given, "dlr-mask"), 0),
        dlr_url=url,
        meta_data=given.get("meta-data", ""),
        account=given.get("account", ""),
        smsc=given.get("smsc", ""),
    )


def _key(url: str) -> str:
    """Kannel's escapes begin with %, so a percent that is meant is doubled in the address."""
    query = urlsplit(url.replace("%%", "%")).query
    return (parse_qs(query).get("m") or [""])[0]


def _is_number(text: str) -> bool:
    return all(char in "+-0123456789" for char in text)


def _number(given: Mapping[str, str], name: str) -> int:
    """-1 where it is not given, or no number, of which Kannel says nothing."""
    title, lowest, highest = RANGES[name]
    try:
        value = int(given[name])
    except (KeyError, ValueError):
        return -1
    if not lowest <= value <= highest:
        raise Rejected(400, f"{title} field misformed, rejected")
    return value


def _text(raw: str, charset: str, *, is_unicode: bool) -> str:
    """What the phone shows: in the GSM alphabet unless it goes as UCS-2."""
    default = "utf-16-be" if is_unicode else "utf-8"
    try:
        text = raw.encode("latin-1").decode(charset or default)
    except (LookupError, ValueError):
        raise Rejected(400, "Charset or body misformed, rejected") from None
    return text if is_unicode else in_gsm(text)


def _answer(status: int, answer: str) -> Response:
    return Response(answer, status, media_type="text/html")
