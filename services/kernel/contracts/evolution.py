"""What may change within a version: optional fields may be added, and nothing else.

Judged on JSON Schemas, after references are resolved and documentation is dropped. Narrowing breaks
today's readers of old bytes, widening breaks old readers of today's bytes; so a field that exists
keeps its schema and its default (which is what old bytes without the field mean).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_DOCUMENTATION = frozenset({"$schema", "$id", "$defs", "title", "description", "examples"})


def shape(schema: Schema) -> Schema:
    """The schema with its references inlined and everything dropped that judges no value."""
    definitions = schema.get("$defs", {})

    def inline(node: Any) -> Any:
        if isinstance(node, list):
            return [inline(item) for item in node]
        if not isinstance(node, dict):
            return node
        merged = dict(node)
        if "$ref" in merged:
            name = str(merged.pop("$ref")).removeprefix("#/$defs/")
            merged = {**definitions[name], **merged}
        kept: Schema = {}
        for key, value in merged.items():
            if key == "properties":
                kept[key] = {name: inline(field) for name, field in value.items()}
            elif key == "default":
                kept[key] = _without_null(value)
            elif key not in _DOCUMENTATION:
                kept[key] = inline(value)
        return kept

    result: Schema = inline(schema)
    return result


def breaks(old: Schema, new: Schema) -> list[str]:
    """Every way in which `new` is more than `old` with optional fields added; empty when none."""
    return list(_compare(shape(old), shape(new), "value"))


def _compare(old: Schema, new: Schema, at: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in before:
        if name not in after:
            yield f"{at}.{name}: removed"
        else:
            yield from _compare(before[name], after[name], f"{at}.{name}")
    was, is_now = set(old.get("required", ())), set(new.get("required", ()))
    yield from (f"{at}.{name}: became required" for name in sorted(is_now - was))
    yield from (f"{at}.{name}: is no longer required" for name in sorted(was - is_now))
    if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
        yield from _compare(old["items"], new["items"], f"{at}[]")
    elif old.get("items") != new.get("items"):
        yield f"{at}: items changed"
    choices, now = old.get("anyOf", []), new.get("anyOf", [])
    if len(choices) != len(now):
        yield f"{at}: anyOf changed"
    for one, other in zip(choices, now, strict=False):
        yield from _compare(one, other, at)
    for key in sorted((old.keys() | new.keys()) - {"properties", "required", "items", "anyOf"}):
        if old.get(key) != new.get(key):
            yield f"{at}: {key} changed"


def _without_null(value: Any) -> Any:
    """A default as it travels: members that are None are left out of events."""
    if isinstance(value, dict):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    return value
