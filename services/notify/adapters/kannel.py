"""Kannel's `sendsms` over HTTP, for an installation with an SMSC of its own.

Kannel 1.4 takes no form: a POST has the text as its body and everything else in `X-Kannel-…` headers, so
that neither credentials nor texts are part of an address that somebody logs.

Kannel itself must be set up for it: the `sendsms-user` with `concatenation = true` and a `max-messages`
of at least 3 (else long texts are cut), the smsbox with `http-request-retry` (else a receipt that comes
while we are away is lost), a `smsc-id` for each SMSC, and, where the SMSC wants DLT's ids, two `smpp-tlv`
groups named `PE_ID` and `TEMPLATE_ID`.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

from services.notify.adapters.provider_receipts import signature
from services.notify.adapters.wire import Answer, Client, retry_after
from services.notify.core.book import Channel
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import Outgoing, ProviderName
from services.notify.core.sms_codes import kannel_answer
from services.notify.core.wording import septets

DLR_MASK = 1 + 2 + 16
"""Delivered, not delivered, refused by the SMSC: what is final."""
GSM, UCS2 = "0", "2"
URGENT, NORMAL = "3", "0"


class Kannel:
    """`receipts_url`: where Kannel tells what became of a message; `secret` signs what it calls back with.
    `entity`: the installation's id with DLT, sent with the template's; empty: neither is sent."""

    name: ProviderName = "kannel"
    channel: Channel = "sms"
    receipts = True

    def __init__(
        self,
        client: Client,
        *,
        url: str,
        username: str,
        password: str,
        sender: str,
        receipts_url: str,
        secret: str,
        entity: str = "",
    ) -> None:
        self._client = client
        self._url = url
        self._username = username
        self._password = password
        self._sender = sender
        self._receipts_url = receipts_url
        self._secret = secret
        self._entity = entity

    async def send(self, message: Outgoing) -> Outcome:
        if not message.text:
            return Outcome("permanent", "kannel_empty")
        return await self._client.post(
            "kannel", self._url, self.headers(message), message.text.encode(), _judge
        )

    def headers(self, message: Outgoing) -> dict[str, str]:
        """The fields of the request; the text is its body."""
        fields = {
            "Username": self._username,
            "Password": self._password,
            "From": self._sender,
            "To": message.to,
            "Coding": GSM if septets(message.text) is not None else UCS2,
            "DLR-Mask": str(DLR_MASK),
            "DLR-Url": self.receipt_url(message),
            "Priority": URGENT if message.urgent else NORMAL,
        }
        if self._entity:
            ids = urlencode({"PE_ID": self._entity, "TEMPLATE_ID": message.registered})
            fields["Meta-Data"] = f"?smpp?{ids}"
        headers = {f"X-Kannel-{name}": value for name, value in fields.items()}
        return {"Content-Type": "text/plain; charset=UTF-8", **headers}

    def receipt_url(self, message: Outgoing) -> str:
        """The address as Kannel fills it in: `%d` the kind of report, `%F` the SMSC's id, `%A` its words.

        Every other % is doubled, or `%A4` of a percent-encoded text would be taken for its `%A`. `%I` would
        be an id that Kannel makes anew for every report.
        """
        signed = signature(self._secret, message.key, message.claim)
        fields = {"m": message.key, "a": message.claim, "t": signed}
        ours = urlencode(fields, quote_via=quote, safe="")
        joint = "&" if "?" in self._receipts_url else "?"
        return f"{self._receipts_url}{joint}{ours}".replace("%", "%%") + "&d=%d&i=%F&s=%A"


def _judge(answer: Answer) -> Outcome:
    return kannel_answer(answer.status, answer.text, retry_after(answer))
