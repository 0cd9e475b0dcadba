"""The WhatsApp chatbot: bodies a second at the webhook, how long until a citizen is answered, and turns a
second of the worker.

One line for all three. *Answered* is measured first, on the whole line while it does nothing else, with all
messages that the built-in book has about the cases that are filed meanwhile; then its other processes are
stopped, and the worker and the webhook are measured alone, each against a bare one on the same stores.
"""

from __future__ import annotations

import uvloop

from services.bench import whatsapp_delay, whatsapp_turns, whatsapp_webhook
from services.bench.book import write_daytime_book
from services.bench.figures import Figure
from services.bench.ground import SHARE, Lines, Say, Scale, line
from services.bench.processes import pids_of
from services.cli.stack import Home

STORES = {"kafka", "mongod"}


def measure(lines: Lines, scale: Scale, say: Say) -> list[Figure]:
    """Each with people of its own."""
    book = write_daytime_book(Home.from_environment().path / "bench" / "daytime")
    environment = {"SAMVAD_NOTIFY_BOOK": str(book), "SAMVAD_RECIPIENT_BURST": "1000000"}
    with line("whatsapp", environment=environment) as stack:
        answered = uvloop.run(whatsapp_delay.measure(stack, 0, scale, say))
        for name in pids_of(stack).keys() - STORES:
            stack.stop(name)
        turns = uvloop.run(whatsapp_turns.measure(stack, SHARE, scale, say))
        stack.start("intake-whatsapp")
        accepted = whatsapp_webhook.measure(stack, 2 * SHARE, scale, say)
    return [*accepted, *answered, *turns]
