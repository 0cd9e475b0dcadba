"""The AsyncAPI 3.0 document of the catalogue: who sends what to whom, for readers outside the code.

It describes the whole line, not one service: every service has one operation a topic that it writes
and one a topic that it reads. Headers follow the CloudEvents 1.0 Kafka binding, binary mode.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.kernel.contracts.catalogue import SERVICES, TOPICS, Topic, Travels
from services.kernel.contracts.events import RecordDead

Json = dict[str, Any]

KAFKA_BINDING = "0.5.0"
_TRACEPARENT = "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"


def document(schemas: Mapping[str, Json], examples: Mapping[str, Json]) -> Json:
    """The document. `schemas` and `examples` by type; a stored example is optional."""
    components: Json = {}
    for _, row in _pairs():
        components.update(_components(row, schemas[row.type]))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Samvad",
            "version": "1.0.0",
            "description": (
                "The events of a district administration's grievance line. Generated from the"
                " models and the catalogue of services/kernel/contracts; do not edit."
            ),
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "localhost:19092",
                "protocol": "kafka",
                "description": "The line on one machine.",
            }
        },
        "channels": {topic.name: _channel(topic) for topic in TOPICS.values()},
        "operations": dict(_operations()),
        "components": {
            "messages": {row.type: _message(topic, row, examples) for topic, row in _pairs()},
            "schemas": components,
        },
    }


def headers(topic: Topic, row: Travels) -> Json:
    """The schema of a record's headers, as text, for one type on its topic."""
    required = ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type"]
    ce_id: Json = {"type": "string", "minLength": 1, "description": topic.ce_id}
    subject: Json = {"type": "string", "minLength": 1}
    if row.room is not None:
        ce_id["pattern"] = f"^[0-9]{{10}}/{row.room}/[1-9][0-9]{{0,11}}$"
        subject |= {"pattern": "^[0-9]{10}$", "description": "The ticket."}
        required.append("ce_subject")
    if row.model is not RecordDead:
        # what was set aside may have come without a trace
        required.append("traceparent")
    return {
        "type": "object",
        "properties": {
            "ce_specversion": {"type": "string", "const": "1.0"},
            "ce_id": ce_id,
            "ce_source": {
                "type": "string",
                "minLength": 1,
                "format": "uri-reference",
                "description": "/samvad/<room> on the complaints topic, else /samvad/<service>.",
            },
            "ce_type": {"type": "string", "const": row.type},
            "ce_subject": subject,
            "ce_time": {"type": "string", "format": "date-time"},
            "content-type": {"type": "string", "const": "application/json"},
            "traceparent": {
                "type": "string",
                "pattern": _TRACEPARENT,
                "description": "W3C trace context, carried on through every service.",
            },
        },
        "required": required,
    }


def _pairs() -> list[tuple[Topic, Travels]]:
    return [(topic, row) for topic in TOPICS.values() for row in topic.carries]


def _channel(topic: Topic) -> Json:
    kafka: Json = {
        "topic": topic.name,
        "partitions": topic.partitions,
        "topicConfiguration": {
            "cleanup.policy": [topic.cleanup],
            "retention.ms": topic.retention_ms,
            "max.message.bytes": topic.max_message_bytes,
        },
        "bindingVersion": KAFKA_BINDING,
    }
    return {
        "address": topic.name,
        "title": topic.name,
        "description": f"{topic.purpose} Keyed by {topic.key}. Owner: {topic.owner}.",
        "messages": {
            row.type: {"$ref": f"#/components/messages/{row.type}"} for row in topic.carries
        },
        "bindings": {"kafka": kafka},
    }


def _operations() -> Iterator[tuple[str, Json]]:
    for service, purpose in SERVICES.items():
        for topic in TOPICS.values():
            sent = [row.type for row in topic.carries if service in row.producers]
            received = [row.type for row in topic.carries if service in row.consumers]
            for action, types in (("send", sent), ("receive", received)):
                if types:
                    name = f"{service}.{action}.{topic.name}"
                    channel = f"#/channels/{topic.name}"
                    yield (
                        name,
                        {
                            "action": action,
                            "title": name,
                            "description": purpose,
                            "channel": {"$ref": channel},
                            "messages": [{"$ref": f"{channel}/messages/{kind}"} for kind in types],
                        },
                    )


def _message(topic: Topic, row: Travels, examples: Mapping[str, Json]) -> Json:
    message: Json = {
        "name": row.type,
        "title": row.model.__name__,
        "contentType": "application/json",
        "headers": headers(topic, row),
        "payload": {"$ref": f"#/components/schemas/{row.model.__name__}"},
        "correlationId": {
            "description": "The trace that the event belongs to.",
            "location": "$message.header#/traceparent",
        },
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": topic.key},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }
    summary = (row.model.__doc__ or "").strip().split("\n")[0]
    if summary:
        message["summary"] = summary
    if row.type in examples:
        message["examples"] = [examples[row.type]]
    return message


def _components(row: Travels, schema: Json) -> Json:
    """The type's schema and those it refers to, under `#/components/schemas`."""
    whole = {key: value for key, value in schema.items() if key not in ("$schema", "$id", "$defs")}
    found = {row.model.__name__: whole, **schema.get("$defs", {})}
    return {name: _moved(part) for name, part in found.items()}


def _moved(node: Any) -> Any:
    if isinstance(node, list):
        return [_moved(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        # AsyncAPI ignores what stands beside a reference
        return {"$ref": str(node["$ref"]).replace("#/$defs/", "#/components/schemas/")}
    return {key: _moved(value) for key, value in node.items()}
