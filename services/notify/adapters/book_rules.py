"""Reads `rules.yaml`: rules, audiences, waits, the summary, and which templates need no rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.kernel.adapters.directory.source import Node
from services.notify.adapters.book_nodes import Reader
from services.notify.core.book import (
    AUDIENCES,
    CHANNELS,
    CITIZENS,
    CONDITIONS,
    INTAKES,
    Audience,
    Channel,
    Quiet,
    Route,
    Rule,
    Summary,
    Waits,
)

KEYS = ("audiences", "waits", "summary", "rules")
MORE = ("groups", "free")
_FLAGS = ("at_once", "gathered", "announced")
_WAITS = ("receipt_minutes", "urgent_receipt_minutes")
_ASSUMED = "assumed_minutes"
_WEEK_MINUTES = 7 * 24 * 60
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True)
class Ruled:
    """What the file says."""

    rules: tuple[Rule, ...]
    routes: Mapping[Audience, Route]
    waits: Mapping[Channel, Waits]
    summary: Summary
    free: frozenset[str]


def read_rules(reader: Reader, text: str) -> Ruled:
    top = reader.top(text, KEYS, MORE)
    groups = {
        name: frozenset(_event(reader, item) for item in reader.items(node))
        for name, node, _ in reader.entries(top.get("groups"))
    }
    return Ruled(
        rules=tuple(_rules(reader, top.get("rules"), groups)),
        routes=dict(_routes(reader, top.get("audiences"))),
        waits=dict(_waits(reader, top.get("waits"))),
        summary=_summary(reader, top.get("summary")),
        free=frozenset(_free(reader, top.get("free"))),
    )


def _event(reader: Reader, node: Node) -> str:
    """A type of event that is named where it makes a message stale; whether there is such, is checked at
    the end, with the place of its first naming."""
    name = reader.text(node)
    if f"event {name}" not in reader.places.at:
        reader.mark(f"event {name}", node.mark)
    return name


def _rules(
    reader: Reader, node: Node | None, groups: Mapping[str, frozenset[str]]
) -> Iterator[Rule]:
    for index, item in enumerate(reader.items(node)):
        more = ("when", "stale", "answered_by", *_FLAGS)
        fields = reader.fields(item, ("event", "to", "template"), more)
        reader.mark(f"rule {index}", item.mark)
        when = fields.get("when")
        stale: frozenset[str] = frozenset()
        for named in reader.items(fields.get("stale")):
            group = groups.get(reader.text(named))
            stale |= group if group is not None else {_event(reader, named)}
        at_once, gathered, announced = (reader.flag(fields.get(name)) for name in _FLAGS)
        yield Rule(
            event=reader.text(fields.get("event")),
            audience=reader.choice(fields.get("to"), AUDIENCES),
            template=reader.text(fields.get("template")),
            when=reader.choice(when, CONDITIONS) if when else None,
            at_once=at_once,
            gathered=gathered,
            announced=announced,
            stale=stale,
            answered_by=frozenset(reader.choices(fields.get("answered_by"), INTAKES)),
        )


def _routes(reader: Reader, node: Node | None) -> Iterator[tuple[Audience, Route]]:
    found: set[str] = set()
    for name, inner, mark in reader.entries(node):
        if name not in AUDIENCES:
            reader.fault(mark, f"unknown audience `{name}`, not one of {', '.join(AUDIENCES)}")
            continue
        found.add(name)
        fields = reader.fields(inner, ("channels",), ("filed_by", "quiet"))
        if "filed_by" in fields and name not in CITIZENS:
            reader.fault(fields["filed_by"].mark, "`filed_by` is for citizens: staff file nothing")
        by = {
            channel: reader.choices(to, CHANNELS)
            for channel, to, _ in reader.entries(fields.get("filed_by"))
        }
        quiet = _quiet(reader, fields["quiet"]) if "quiet" in fields else None
        yield name, Route(reader.choices(fields.get("channels"), CHANNELS), by, quiet)
    for audience in AUDIENCES:
        if audience not in found and node is not None:
            reader.fault(node.mark, f"audiences: `{audience}` is missing")


def _quiet(reader: Reader, node: Node) -> Quiet:
    fields = reader.fields(node, ("from", "to"), ())
    quiet = Quiet(reader.clock(fields.get("from")), reader.clock(fields.get("to")))
    if "from" in fields and "to" in fields and quiet.start == quiet.end:
        reader.fault(node.mark, "quiet hours must end at another time than they begin")
    return quiet


def _waits(reader: Reader, node: Node | None) -> Iterator[tuple[Channel, Waits]]:
    fields = reader.fields(node, CHANNELS, ())
    for channel in CHANNELS:
        # a delivery is announced to citizens alone: WhatsApp gives receipts, and e-mail they do not get
        needed, more = ((*_WAITS, _ASSUMED), ()) if channel == "sms" else (_WAITS, (_ASSUMED,))
        inner = reader.fields(fields.get(channel), needed, more)
        receipt, urgent = (_minutes(reader, inner.get(name)) for name in _WAITS)
        assumed = _minutes(reader, inner[_ASSUMED]) if _ASSUMED in inner else receipt
        if inner.keys() >= {*_WAITS} and urgent > receipt:
            reader.fault(fields[channel].mark, "an urgent message may not wait longer than others")
        yield channel, Waits(receipt, urgent, assumed)


def _minutes(reader: Reader, node: Node | None) -> timedelta:
    return timedelta(minutes=reader.number(node, 1, _WEEK_MINUTES))


def _summary(reader: Reader, node: Node | None) -> Summary:
    fields = reader.fields(node, ("template", "every_minutes"), ())
    if node is not None:
        reader.mark("summary", node.mark)
    minutes = reader.number(fields.get("every_minutes"), 1, _DAY_MINUTES)
    return Summary(reader.text(fields.get("template")), timedelta(minutes=minutes))


def _free(reader: Reader, node: Node | None) -> Iterator[str]:
    for item in reader.items(node):
        name = reader.text(item)
        if f"free {name}" in reader.places.at:
            reader.fault(item.mark, f"`{name}` is given twice")
        reader.mark(f"free {name}", item.mark)
        yield name
