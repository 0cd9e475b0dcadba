"""A provider of messages that answers after 20 ms and does nothing else. Run as a process; says `ready`, then
its address:

    /whatsapp/…   as the Cloud API answers
    /sms          as Mobile Seva answers
    /hanging      takes the request and never answers
    /called       [[key of the message, Unix time], …] of the WhatsApp calls since it was last asked
    /body         of the newest WhatsApp call

The stand-ins of the line check each message, keep a journal of it and send receipts, which costs them more
than the sending costs us: they would be what is measured.
"""

from __future__ import annotations

import asyncio
import time

import orjson
import uvloop
from aiohttp import web

ADDRESS = "127.0.0.1"
LATENCY_SECONDS = 0.02


class Provider:
    def __init__(self) -> None:
        self._called: list[tuple[str, float]] = []
        self._count = 0
        self._newest = b"{}"

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        at = time.time()
        if request.path == "/called":
            called, self._called = self._called, []
            return _json(called)
        if request.path == "/body":
            return web.Response(body=self._newest, content_type="application/json")
        body = await request.read()
        self._count += 1
        if request.path == "/hanging":
            await asyncio.Event().wait()
        if request.path == "/sms":
            await asyncio.sleep(LATENCY_SECONDS)
            return web.Response(text=f"402,MsgID = {self._count:026d}samvad")
        self._newest = body
        message = orjson.loads(body)
        self._called.append((message["biz_opaque_callback_data"], at))
        id_ = f"wamid.{self._count:040d}"
        await asyncio.sleep(LATENCY_SECONDS)
        return _json(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": message["to"], "wa_id": message["to"]}],
                "messages": [{"id": id_, "message_status": "accepted"}],
            }
        )


def _json(value: object) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")


async def _main() -> None:
    runner = web.ServerRunner(web.Server(Provider().answer))
    await runner.setup()
    await web.TCPSite(runner, ADDRESS, 0).start()
    print("ready", flush=True)
    print(f"http://{ADDRESS}:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_main())
