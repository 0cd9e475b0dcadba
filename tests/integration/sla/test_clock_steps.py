"""The machine's clock is put forward and back: nothing is said twice, and history keeps its order."""

from __future__ import annotations

from typing import Any

from services.sla.testing import ist, lines


async def said(line: Any, ticket: str) -> list[str]:
    told = await line.told(ticket)
    assert [one.id.n for one in told] == list(range(1, len(told) + 1)), "each once, in order"
    return lines([one.event for one in told])


async def test_a_clock_put_back_says_nothing_twice(line: Any) -> None:
    ticket = await line.file()
    await line.deliver()
    await line.look("2026-03-02 18:01")
    before = await said(line, ticket)
    assert before == [
        "2026-03-02 16:00 warning acknowledge",
        "2026-03-02 18:00 breach acknowledge",
        "2026-03-02 18:00 acknowledge to officer",
    ]
    await line.look("2026-03-02 15:00")
    await line.look("2026-03-02 17:00")
    await line.look("2026-03-02 18:01")
    assert await said(line, ticket) == before
    assert (await line.room(ticket))["next_at"] == ist("2026-03-03 11:00")


async def test_an_act_by_a_clock_put_back_comes_after_what_was_said(line: Any) -> None:
    ticket = await line.file()
    await line.deliver()
    await line.look("2026-03-02 18:01")
    done = await line.act(ticket, "acknowledge", "2026-03-02 14:00")
    assert done.at == ist("2026-03-02 18:00").replace(microsecond=1000)
    await line.deliver()
    room = await line.room(ticket)
    assert room["targets"]["acknowledge"]["breached_at"] == ist("2026-03-02 18:00")
    assert room["targets"]["acknowledge"]["met_at"] == done.at
    await line.look("2026-03-04 12:00")
    assert "2026-03-03 11:00 acknowledge to head" not in await said(line, ticket)


async def test_a_clock_put_forward_by_mistake_stays_a_fact_but_stops_nothing(line: Any) -> None:
    """What it says too early is said for good; the case goes on when the clock is right again."""
    ticket = await line.file()
    await line.deliver()
    await line.look("2026-03-05 12:00")  # three days ahead
    early = await said(line, ticket)
    assert "2026-03-03 18:00 acknowledge to collector" in early
    await line.look("2026-03-02 11:00")
    done = await line.act(ticket, "acknowledge", "2026-03-02 11:30")
    await line.deliver()
    assert done.at > ist("2026-03-03 18:00")
    await line.look("2026-03-09 18:01")
    later = await said(line, ticket)
    assert later[: len(early)] == early
    assert "2026-03-09 18:00 breach resolve" in later
