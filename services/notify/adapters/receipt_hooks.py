"""Where providers tell what became of a message: Kannel's delivery reports, and mails that came back."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from fastapi import APIRouter, Request, Response

from services.kernel.adapters.http import Malformed, problem
from services.kernel.adapters.logging import get_logger
from services.kernel.domain.errors import Forbidden, Retry, Unauthenticated, Unavailable
from services.notify.adapters.provider_receipts import kannel_receipt, mail_receipt, signature
from services.notify.core.receipts import Receipt

log = get_logger()
Apply = Callable[[Sequence[Receipt]], Awaitable[None]]
RETRY_AFTER_SECONDS = 5
MOST_KIND_DIGITS = 4


def router(apply: Apply, now: Callable[[], datetime], secret: str) -> APIRouter:
    """`apply` has stored the receipts when it returns; when it cannot, it raises Retry, and the provider is
    told to come again (503). A report that says nothing new of a message is taken all the same (200)."""
    hooks = APIRouter(prefix="/receipts", include_in_schema=False)

    async def take(receipt: Receipt | None) -> Response:
        if receipt is None:
            return Response(status_code=200)
        try:
            await apply([receipt])
        except Retry as error:
            seconds = error.retry_after if isinstance(error, Unavailable) else RETRY_AFTER_SECONDS
            return problem(503, "unavailable", str(error), retry_after=seconds)
        return Response(status_code=200)

    @hooks.api_route("/kannel", methods=["GET", "POST"])
    async def kannel(request: Request) -> Response:
        """`m` the message, `a` the attempt, `t` their signature: ours. `d` the kind of report, `i` the
        SMSC's id, `s` its words: Kannel's."""
        query = request.query_params
        for name in ("m", "a", "t", "d"):
            if name not in query:
                raise Malformed("is missing", field=name)
        message_id, claim = query["m"], query["a"]
        expected = signature(secret, message_id, claim)
        if not hmac.compare_digest(query["t"].encode(), expected.encode()):
            raise Forbidden("the signature is not ours", field="t")
        kind = query["d"]
        if not (kind.isascii() and kind.isdigit() and len(kind) <= MOST_KIND_DIGITS):
            raise Malformed("must be a number", field="d")
        receipt = kannel_receipt(
            int(kind), message_id, claim, query.get("i", ""), query.get("s", ""), now()
        )
        return await take(receipt)

    @hooks.post("/mail")
    async def mail(request: Request) -> Response:
        """A whole mail as it came back to the sender's address, piped here by the mail server."""
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {secret}".encode()):
            raise Unauthenticated("the secret is not ours", field="authorization")
        receipt = mail_receipt(await request.body(), now())
        if receipt is None:
            log.info("receipts.mail_ignored")
        return await take(receipt)

    return hooks
