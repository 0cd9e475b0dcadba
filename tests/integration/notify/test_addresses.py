"""Where people are reached, against MongoDB: by a user id who shows no number, and at the new number who has
another one now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.kernel.contracts.codec import Message
from services.kernel.contracts.topics import CALLS
from services.kernel.domain.errors import Unavailable
from services.notify.core.outcomes import Outcome
from services.notify.core.whatsapp_codes import whatsapp_error
from tests.integration.notify.asking import (
    PHONE,
    citizen,
    moved,
    name,
    names,
    receive,
    received,
    requested,
    said,
    status,
    wrote,
)
from tests.integration.notify.bench import Bench, records

USER = "IN.13491208655302741918"
NEW, NEWER = "+919812345678", "+919812345679"
NOBODY = Outcome("permanent", "whatsapp_131026_undeliverable", bad_address=True)
RESOLVED = "samvad.case.resolved.v1"


def to_him(bench: Bench, provider: str = "whatsapp") -> list[str]:
    """Whom citizens' messages went to, of a provider."""
    return [call.to for call in bench.providers[provider].calls if not call.to.startswith("+919999")]


async def contact(bench: Bench, of: str) -> dict[str, Any]:
    return await bench.database["contacts"].find_one({"_id": of}) or {}


class TestByAUserId:
    async def file(self, cases: Any, **more: Any) -> tuple[str, Message]:
        filed: tuple[str, Message] = await cases.file(
            phone=None, user_id=USER, channel="whatsapp", **more
        )
        return filed

    async def test_who_shows_no_number_is_told_by_whatsapp(self, bench: Bench, cases: Any) -> None:
        ticket, filed = await self.file(cases)
        await bench.handle(filed, cases.assigned(ticket))
        await bench.settle()
        message = await citizen(bench)
        assert message["recipient"] == names(bench).user(USER)
        assert (message["channels"], message["state"]) == (["whatsapp"], "sent")
        assert to_him(bench) == [USER]
        assert USER not in repr(await bench.stored())
        await receive(bench, status(bench, message["_id"], "read", "id-1"))
        assert (await citizen(bench))["state"] == "read"

    async def test_a_number_counts_where_there_is_one(self, bench: Bench, cases: Any) -> None:
        ticket, filed = await cases.file(phone=PHONE, user_id=USER, channel="whatsapp")
        await bench.handle(filed, cases.assigned(ticket))
        await bench.settle()
        assert to_him(bench) == [PHONE]
        assert (await citizen(bench))["channels"] == ["whatsapp", "sms"]

    async def test_what_he_writes_opens_his_window(self, bench: Bench, cases: Any) -> None:
        await receive(bench, wrote(bench, "नमस्ते", phone=None, user_id=USER))
        ticket, filed = await self.file(cases)
        await bench.handle(filed, cases.assigned(ticket))
        await bench.settle()
        assert [call.in_window for call in bench.providers["whatsapp"].calls if call.to == USER] == [True]

    async def test_he_wants_no_messages_and_wants_them_again(
        self, bench: Bench, cases: Any
    ) -> None:
        await receive(bench, wrote(bench, "STOP", phone=None, user_id=USER))
        ticket, filed = await self.file(cases)
        await bench.handle(filed, cases.assigned(ticket))
        await bench.settle()
        assert (await citizen(bench, ticket=ticket))["reason"] == "opted_out"
        assert said(bench, CALLS) == []
        bench.clock.advance(minutes=1)
        await receive(bench, wrote(bench, "START", phone=None, user_id=USER))
        await bench.handle(cases.resolved(ticket))
        await bench.settle()
        assert (await citizen(bench, event=RESOLVED))["state"] == "sent"
        asked = {m["template"] for m in await bench.stored(ticket=None)}
        assert asked == {"opted_out", "opted_in"}
        assert set(to_him(bench)) == {USER}

    @pytest.mark.parametrize("code", [131062, 131026])
    async def test_who_cannot_be_reached_is_not_called_either(
        self, bench: Bench, cases: Any, code: int
    ) -> None:
        ticket, filed = await self.file(cases, dangers=("wire",), priority="emergency")
        await bench.handle(filed, cases.assigned(ticket))
        message = await citizen(bench)
        bench.providers["whatsapp"].outcomes[message["_id"]] = [whatsapp_error(400, code, None)]
        await bench.settle()
        message = await citizen(bench)
        assert (message["state"], message["urgent"]) == ("failed", True)
        assert message["reason"].startswith(f"whatsapp_{code}")
        assert to_him(bench) == [USER]
        assert to_him(bench, "mobile_seva") == []
        assert said(bench, CALLS) == []
        # a fault of the address is known to what follows
        await bench.handle(cases.resolved(ticket))
        await bench.settle()
        assert len(to_him(bench)) == (1 if code == 131026 else 2)

    async def test_a_reply_goes_to_the_user_id(self, bench: Bench) -> None:
        asked = requested(
            bench, "wa/a/0", to=USER, channels=("whatsapp",), text="कहिए", template="reply",
            answers=bench.clock(),
        )  # fmt: skip
        assert not await bench.service.requests.handle(records(asked))
        await bench.settle()
        assert to_him(bench) == [USER]
        assert USER not in repr(await bench.stored())

    async def test_no_sms_reaches_a_user_id(self, bench: Bench) -> None:
        asked = requested(bench, "code", to=USER, channels=("sms", "whatsapp"), values={"code": "1"})
        assert not await bench.service.requests.handle(records(asked))
        await bench.settle()
        assert to_him(bench, "mobile_seva") == []
        assert to_him(bench) == [USER]

    async def test_who_shows_both_is_heard_under_both(self, bench: Bench, cases: Any) -> None:
        """Now he shows his number, and filed when he did not."""
        ticket, filed = await self.file(cases)
        await receive(bench, wrote(bench, "x", phone=None, user_id=USER))
        bench.clock.advance(days=2)
        await receive(bench, wrote(bench, "नमस्ते", user_id=USER))
        await bench.handle(filed, cases.assigned(ticket))
        await bench.settle()
        assert [call.in_window for call in bench.providers["whatsapp"].calls if call.to == USER] == [True]
        await receive(bench, wrote(bench, "STOP", user_id=USER))
        await bench.handle(cases.resolved(ticket))
        await bench.settle()
        assert (await citizen(bench, event=RESOLVED))["reason"] == "opted_out"
        for one in (name(bench), names(bench).user(USER)):
            assert (await contact(bench, one))["opted_out_at"] == bench.clock()
        # answered once, where he wrote from
        assert [m["recipient"] for m in await bench.stored(template="opted_out")] == [name(bench)]

    async def test_nothing_is_begun_for_a_user_id_beside_a_number(self, bench: Bench) -> None:
        await receive(bench, wrote(bench, "नमस्ते", user_id=USER))
        assert await contact(bench, names(bench).user(USER)) == {}


class TestAnotherNumber:
    async def test_what_was_filed_before_goes_to_the_new_one(
        self, bench: Bench, cases: Any
    ) -> None:
        ticket, filed = await cases.file(at=bench.clock())
        bench.clock.advance(minutes=1)
        await receive(bench, moved(bench, PHONE, NEW))
        await bench.handle(filed, cases.assigned(ticket))
        await bench.settle()
        assert set(to_him(bench, "mobile_seva")) == {NEW}
        message = await citizen(bench, event="samvad.case.filed.v1")
        assert message["recipient"] == name(bench), "he is who he was"
        # by WhatsApp too, when his phone takes no SMS
        await bench.handle(cases.resolved(ticket))
        resolved = await citizen(bench, event=RESOLVED)
        bench.providers["mobile_seva"].outcomes[resolved["_id"]] = [NOBODY]
        await bench.settle()
        assert to_him(bench) == [NEW]
        assert (await contact(bench, name(bench, NEW)))["bad"].keys() == {"sms"}
        assert "bad" not in await contact(bench, name(bench))

    async def test_what_is_filed_later_goes_to_the_number_as_it_is_written(
        self, bench: Bench, cases: Any
    ) -> None:
        """By whoever has the number then."""
        await receive(bench, moved(bench, PHONE, NEW))
        bench.clock.advance(days=90)
        _, filed = await cases.file(at=bench.clock())
        await bench.handle(filed)
        await bench.settle()
        assert to_him(bench, "mobile_seva") == [PHONE]

    async def test_one_after_the_other(self, bench: Bench, cases: Any) -> None:
        """He moves twice, and comes back to his first number, which somebody else had in between."""
        other = "+919812340000"
        now: dict[str, str] = {}
        for old, new in ((PHONE, NEW), (NEW, NEWER), (PHONE, other), (NEWER, PHONE)):
            ticket, filed = await cases.file(at=bench.clock(), phone=old)
            bench.clock.advance(days=1)
            await receive(bench, moved(bench, old, new))
            bench.clock.advance(days=1)
            now[ticket] = other if new == other else PHONE
            await bench.handle(filed)
        await bench.settle()
        sent = {call.key[:10]: call.to for call in bench.providers["mobile_seva"].calls}
        assert sent == now

    async def test_no_number_is_kept_in_the_clear(self, bench: Bench) -> None:
        await receive(bench, moved(bench, PHONE, NEW))
        kept = repr(await bench.database["contacts"].find().to_list(None))
        assert PHONE[3:] not in kept
        assert NEW[3:] not in kept

    async def test_what_he_has_wished_goes_with_him(self, bench: Bench, cases: Any) -> None:
        ticket, filed = await cases.file(at=bench.clock())
        await receive(bench, wrote(bench, "STOP"))
        bench.clock.advance(minutes=1)
        await receive(bench, moved(bench, PHONE, NEW))
        await bench.handle(filed, cases.assigned(ticket))
        await bench.settle()
        assigned = await citizen(bench, event="samvad.case.assigned.v1")
        assert (assigned["state"], assigned["reason"]) == ("failed", "opted_out")
        # and whoever has the number after him has wished nothing
        bench.clock.advance(days=90)
        other, filed = await cases.file(at=bench.clock())
        await bench.handle(filed, cases.assigned(other))
        await bench.settle()
        assert (await citizen(bench, ticket=other, event="samvad.case.assigned.v1"))["state"] == "sent"
        # he wants them again, and writes so from his new number
        await receive(bench, wrote(bench, "start", phone=NEW))
        await bench.handle(cases.resolved(ticket))
        await bench.settle()
        assert (await citizen(bench, ticket=ticket, event=RESOLVED))["state"] == "sent"
        assert len(await bench.stored(template="opted_in")) == 1

    async def test_his_window_is_that_of_the_new_number(self, bench: Bench, cases: Any) -> None:
        ticket, filed = await cases.file(at=bench.clock(), channel="whatsapp")
        await receive(bench, wrote(bench, "नमस्ते"))
        bench.clock.advance(minutes=1)
        await receive(bench, moved(bench, PHONE, NEW))
        await bench.handle(filed, cases.assigned(ticket))
        await bench.settle()
        await receive(bench, wrote(bench, "नमस्ते", phone=NEW))
        await bench.handle(cases.resolved(ticket))
        await bench.settle()
        his = [call for call in bench.providers["whatsapp"].calls if call.to == NEW]
        assert [call.in_window for call in his] == [False, True]

    async def test_told_twice_and_after_a_crash(
        self, bench: Bench, cases: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, filed = await cases.file(at=bench.clock())
        await receive(bench, wrote(bench, "STOP"))
        bench.clock.advance(minutes=1)
        told = moved(bench, PHONE, NEW)
        contacts = bench.service.inbound._contacts._contacts
        real = contacts.update_one

        async def crash(*_: Any, **__: Any) -> Any:
            raise Unavailable("the store")

        monkeypatch.setattr(contacts, "update_one", crash)
        with pytest.raises(Unavailable):
            await bench.service.inbound.handle(records(told))
        monkeypatch.setattr(contacts, "update_one", real)
        for _ in range(2):
            await receive(bench, told)
        assert len((await contact(bench, name(bench)))["moved"]) == 1
        assert "opted_out_at" in await contact(bench, name(bench, NEW))
        assert "opted_out_at" not in await contact(bench, name(bench))
        await bench.handle(filed)
        await bench.settle()
        assert to_him(bench, "mobile_seva") == [NEW]

    async def test_from_a_number_to_a_user_id(self, bench: Bench, cases: Any) -> None:
        ticket, filed = await cases.file(at=bench.clock())
        bench.clock.advance(minutes=1)
        told = {"type": "user_changed_number", "user_id": USER, "previous_user_id": "IN.1"}
        item = {"from": PHONE[1:], "type": "system", "system": told}
        await receive(bench, received(bench, "message", item))
        await bench.handle(filed, cases.assigned(ticket))
        await bench.settle()
        assert to_him(bench, "mobile_seva") == []
        assert set(to_him(bench)) == {USER}

    async def test_a_key_that_cannot_be_unwrapped_now_keeps_the_message_waiting(
        self, bench: Bench, cases: Any
    ) -> None:
        _, filed = await cases.file(at=bench.clock())
        bench.clock.advance(minutes=1)
        await receive(bench, moved(bench, PHONE, NEW))
        (kept,) = (await contact(bench, name(bench)))["moved"]
        contacts = bench.database["contacts"]
        field = {"moved.0.wrapped_key": "gone:" + kept["wrapped_key"].partition(":")[2]}
        await contacts.update_one({"_id": name(bench)}, {"$set": field})
        await bench.handle(filed)
        await bench.settle()
        assert (await citizen(bench))["state"] == "planned"
        assert to_him(bench, "mobile_seva") == []
        back = {"moved.0.wrapped_key": kept["wrapped_key"]}
        await contacts.update_one({"_id": name(bench)}, {"$set": back})
        bench.clock.advance(seconds=timedelta(minutes=2).total_seconds())
        await bench.settle()
        assert to_him(bench, "mobile_seva") == [NEW]
