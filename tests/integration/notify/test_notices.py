"""Records into messages, against MongoDB: whatever comes twice, is lost or races, each is planned once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.contracts.codec import Message
from services.kernel.domain.errors import Unavailable
from services.kernel.domain.naming import Names
from services.notify.adapters.sender import CLAIM_SECONDS
from services.notify.core.outcomes import Outcome
from tests.integration.notify.bench import BUCKETS, Bench


async def test_a_case_from_filing_to_resolution(bench: Bench, cases: Any) -> None:
    ticket, filed = await cases.file()
    for message in (filed, cases.assigned(ticket), cases.resolved(ticket)):
        await bench.handle(message)
        await bench.send()
    stored = await bench.stored()
    assert sorted((m["event"], m["audience"]) for m in stored) == [
        ("samvad.case.assigned.v1", "citizen"),
        ("samvad.case.assigned.v1", "officer"),
        ("samvad.case.filed.v1", "citizen"),
        ("samvad.case.resolved.v1", "citizen"),
    ]
    contact = Names(bench.settings.contact_secret.get_secret_value()).phone("+919876543210")
    assert f"{ticket}/intake/1:{contact}" in {m["_id"] for m in stored}
    for message in stored:
        assert message["bucket"] in BUCKETS
        assert "9876543210" not in repr(message)
        assert "Made Up" not in repr(message)
    sms = bench.providers["mobile_seva"].calls
    assert [call.text[:40] for call in sms] == [
        f"Samvad, Janjgir-Champa: your case JC-{ticket}"[:40],
        f"Samvad, 05-01-2026 10:01: your case JC-{ticket}"[:40],
        "Samvad, 05-01-2026 10:02: the officer says that"[:40],
    ]
    assert {call.to for call in sms} == {"+919876543210"}
    (officer,) = bench.providers["whatsapp"].calls
    assert officer.to == "+919999900008"
    assert {m["state"] for m in stored} == {"sent"}
    room = (await bench.database["cases"].find_one({"_id": ticket}) or {})["notices"]
    assert room == {"n": 0, "seen": {"intake": 1, "case": 2, "sla": 0}, "outbox": []}


async def test_nobody_is_told_of_an_assignment_after_the_resolution(
    bench: Bench, cases: Any
) -> None:
    ticket, filed = await cases.file()
    await bench.handle(filed, cases.assigned(ticket), cases.resolved(ticket))
    await bench.send()
    states = {(m["event"], m["audience"]): m["state"] for m in await bench.stored()}
    assert states == {
        ("samvad.case.filed.v1", "citizen"): "sent",
        ("samvad.case.assigned.v1", "citizen"): "collapsed",
        ("samvad.case.assigned.v1", "officer"): "collapsed",
        ("samvad.case.resolved.v1", "citizen"): "sent",
    }


async def test_an_event_that_comes_again_plans_nothing_new(bench: Bench, cases: Any) -> None:
    ticket, filed = await cases.file()
    assigned = cases.assigned(ticket)
    await bench.handle(filed, filed, assigned, filed, assigned)
    await bench.handle(filed, assigned)
    await bench.send()
    await bench.handle(filed, assigned)
    # even by a process that does not know that the room has seen it
    await bench.database["cases"].delete_many({})
    await bench.handle(filed, assigned, guard=bench.process()[1])
    await bench.send()
    assert len(await bench.stored()) == 3
    assert len(bench.texts()) == 3


async def test_two_processes_with_the_same_records(
    bench: Bench, cases: Any, eventually: Any
) -> None:
    messages: list[Message] = []
    for _ in range(40):
        ticket, filed = await cases.file()
        messages += [filed, cases.assigned(ticket)]
    service, guard = bench.process()
    await asyncio.gather(bench.handle(*messages), bench.handle(*messages, guard=guard))
    assert len(await bench.stored()) == 120

    async def all_sent() -> bool:
        # what one has in flight the other leaves alone, and puts off what comes behind it
        bench.clock.advance(seconds=2)
        await asyncio.gather(bench.send(), bench.send(service))
        return all(message["state"] == "sent" for message in await bench.stored())

    await eventually(all_sent, "every message is sent")
    assert len(bench.texts()) == 120
    for provider in bench.providers.values():
        assert set(provider.times.values()) <= {1}


async def test_a_crash_between_the_messages_and_the_room(
    bench: Bench, cases: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, filed = await cases.file()
    rooms = bench.service.consumer._rooms
    real = rooms.write
    crashes = 2

    async def write(drafts: Sequence[Any]) -> set[int]:
        nonlocal crashes
        if crashes:
            crashes -= 1
            # the messages lie in the store already, and may be sent by now
            await bench.send()
            raise Unavailable("the store")
        return await real(drafts)

    monkeypatch.setattr(rooms, "write", write)
    await bench.handle(filed)
    await bench.send()
    assert len(await bench.stored()) == 1
    assert len(bench.texts()) == 1


async def test_a_crash_after_the_claim_is_unknown_and_never_sent_again(
    bench: Bench, cases: Any
) -> None:
    ticket, filed = await cases.file()
    await bench.handle(filed)
    sms = bench.providers["mobile_seva"]
    sms.gate.clear()
    sender = bench.service.senders["mobile_seva"]
    await sender.fire(bench.clock(), BUCKETS, 500)
    while not sms.calls:
        await asyncio.sleep(0)
    for task in list(sender._tasks):
        task.cancel()
    assert [m["state"] for m in await bench.stored()] == ["claimed"]

    service, guard = bench.process()
    sms.gate.set()
    await bench.handle(filed, cases.assigned(ticket), guard=guard)
    await bench.send(service)
    bench.clock.advance(seconds=CLAIM_SECONDS)
    await bench.send(service)
    bench.clock.advance(seconds=1)
    await bench.send(service)
    await bench.handle(filed, guard=guard)
    bench.clock.advance(days=2)
    await bench.send(service)
    states = {m["event"]: m["state"] for m in await bench.stored() if m["audience"] == "citizen"}
    assert states == {"samvad.case.filed.v1": "unknown", "samvad.case.assigned.v1": "sent"}
    assert len(sms.calls) == 2
    assert set(sms.times.values()) == {1}


async def test_a_citizen_without_a_phone_and_an_erased_one(
    bench: Bench, cases: Any
) -> None:
    none, filed_none = await cases.file(phone=None)
    erased, filed_erased = await cases.file()
    later, filed_later = await cases.file()
    receipts = bench.database["receipts"]
    await receipts.update_one({"_id": erased}, {"$set": {"wrapped_key": None}})
    await bench.handle(filed_none, filed_erased, filed_later)
    assert [m["ticket"] for m in await bench.stored()] == [later]
    # erased while the message waits: it goes to nobody
    await receipts.update_one({"_id": later}, {"$unset": {"wrapped_key": ""}})
    await bench.handle(cases.assigned(none), cases.assigned(erased))
    await bench.send()
    states = {(m["ticket"], m["audience"]): m["state"] for m in await bench.stored()}
    assert states == {
        (later, "citizen"): "failed",
        (none, "officer"): "sent",
        (erased, "officer"): "sent",
    }


async def test_a_tampered_envelope_holds_up_nobody(bench: Bench, cases: Any) -> None:
    bad, filed_bad = await cases.file()
    good, filed_good = await cases.file()
    other = await bench.database["receipts"].find_one({"_id": good})
    assert other is not None
    wrong = bench.settings.keys.wrap(bytes(32), bad)
    await bench.database["receipts"].update_one({"_id": bad}, {"$set": {"wrapped_key": wrong}})
    await bench.handle(filed_bad, filed_good)
    assert [m["ticket"] for m in await bench.stored()] == [good]


async def test_the_officers_newest_number_counts(
    bench: Bench, cases: Any, directory: DirectoryStore, janjgir: Any
) -> None:
    ticket, filed = await cases.file(phone=None)
    await bench.handle(filed, cases.assigned(ticket))
    officers = tuple(
        replace(o, phone="+919999900999") if o.id == "phe-head-1" else o for o in janjgir.officers
    )
    await directory.put(replace(janjgir, officers=officers), by="test", at=bench.clock())
    fresh, _ = bench.process()
    await bench.send(fresh)
    assert [c.to for c in bench.providers["whatsapp"].calls] == ["+919999900999"]


async def test_a_provider_that_is_away_for_a_while(bench: Bench, cases: Any) -> None:
    ticket, filed = await cases.file()
    await bench.handle(filed)
    (message,) = await bench.stored()
    away = Outcome("transient", "sms_connecterror", whole_provider=True)
    bench.providers["mobile_seva"].outcomes[message["_id"]] = [away] * 3
    await bench.handle(cases.assigned(ticket))
    for _ in range(80):
        await bench.send()
        bench.clock.advance(seconds=0.5)
    order = [call.registered for call in bench.providers["mobile_seva"].calls]
    assert order == ["1007000000000000102"] * 4 + ["1007000000000000124"]
    (stored,) = [m for m in await bench.stored() if m["event"].endswith("filed.v1")]
    assert [a["outcome"] for a in stored["attempts"]] == ["transient"] * 3 + ["accepted"]
    assert stored["created_at"] - stored["event_at"] < timedelta(seconds=1)
