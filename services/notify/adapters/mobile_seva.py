"""C-DAC Mobile Seva, the government's SMS gateway: form POST `sendsmsrequestDLT`.

`key` is the SHA-512 of username + sender + content + secure key, all as sent; a text outside the GSM
alphabet is sent as `&#NNNN;` of its UTF-16 units and hashed in that form. The password travels as the
hex digest that the account was set up with.
"""

from __future__ import annotations

import hashlib
from typing import Literal
from urllib.parse import urlencode

from services.notify.adapters.wire import Answer, Client, retry_after
from services.notify.core.book import Channel
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import Outgoing, ProviderName
from services.notify.core.sms_codes import mobile_seva_answer
from services.notify.core.wording import as_entities, septets

Digest = Literal["sha1", "sha256"]
COUNTRY = "+91"
HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}


class MobileSeva:
    """Gives no receipts: what it has accepted is all that is known."""

    name: ProviderName = "mobile_seva"
    channel: Channel = "sms"
    receipts = False

    def __init__(
        self,
        client: Client,
        *,
        url: str,
        username: str,
        password: str,
        secure_key: str,
        sender: str,
        digest: Digest = "sha1",
    ) -> None:
        self._client = client
        self._url = url
        self._username = username
        self._password = hashlib.new(digest, password.encode(), usedforsecurity=False).hexdigest()
        self._secure_key = secure_key
        self._sender = sender

    async def send(self, message: Outgoing) -> Outcome:
        if not message.to.startswith(COUNTRY):
            return Outcome("permanent", "sms_number_abroad")
        body = urlencode(self.form(message)).encode()
        return await self._client.post("sms", self._url, HEADERS, body, _judge)

    def form(self, message: Outgoing) -> dict[str, str]:
        """The fields of the request, all for one recipient."""
        plain = septets(message.text) is not None
        content = (message.text if plain else as_entities(message.text)).strip()
        return {
            "username": self._username,
            "password": self._password,
            "senderid": self._sender,
            "content": content,
            "smsservicetype": "singlemsg" if plain else "unicodemsg",
            # the gateway's own examples write ten digits
            "mobileno": message.to.removeprefix(COUNTRY),
            "key": key_of(self._username, self._sender, content, self._secure_key),
            "templateid": message.registered,
        }


def _judge(answer: Answer) -> Outcome:
    return mobile_seva_answer(answer.status, answer.text, retry_after(answer))


def key_of(username: str, sender: str, content: str, secure_key: str) -> str:
    """The request's `key`: SHA-512, hex."""
    joined = f"{username.strip()}{sender.strip()}{content.strip()}{secure_key.strip()}"
    return hashlib.sha512(joined.encode()).hexdigest()
