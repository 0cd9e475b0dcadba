"""What is committed is what the models say, and maintained validators accept it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from services.kernel.contracts.asyncapi import headers
from services.kernel.contracts.catalogue import SERVICES, TOPICS, TYPES
from services.kernel.contracts.events import EVENTS
from services.kernel.contracts.examples import examples
from services.kernel.contracts.generate import (
    PACKAGE,
    STORE,
    Broken,
    Store,
    drift,
    main,
    schemas,
    stored_form,
    text,
    write,
)

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=FORMATS)


def test_committed_files_do_not_differ_from_the_models() -> None:
    assert drift(Store()) == []
    assert main(["--check"]) == 0


@pytest.mark.parametrize("kind", TYPES)
def test_schema_is_valid_and_content_is_open(kind: str) -> None:
    schema = load(PACKAGE / "schemas" / f"{kind}.json")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)
    for part in (schema, *schema.get("$defs", {}).values()):
        assert part.get("additionalProperties", True) is True


@pytest.mark.parametrize("path", sorted(STORE.glob("examples/*/*.json")), ids=lambda p: p.stem)
def test_stored_examples_are_valid(path: Path) -> None:
    stored = load(path)
    kind = stored["headers"]["ce_type"]
    topic, row = TYPES[kind]
    value = json.loads(stored["value"])
    schema = load(PACKAGE / "schemas" / f"{kind}.json")
    validator(schema).validate(value)
    validator(headers(topic, row)).validate(stored["headers"])
    assert stored["topic"] == topic.name


@pytest.mark.parametrize("kind", EVENTS)
def test_schema_refuses_what_lacks_a_required_field(kind: str) -> None:
    schema = load(PACKAGE / "schemas" / f"{kind}.json")
    value = json.loads(examples()[kind].message.value)
    for name in schema["required"]:
        without = {key: item for key, item in value.items() if key != name}
        assert not validator(schema).is_valid(without), name


@pytest.mark.parametrize("kind", TYPES)
def test_made_up_events_fill_in_every_field(kind: str) -> None:
    value = json.loads(examples()[kind].message.value)
    assert set(value) == set(schemas()[kind]["properties"])


def test_readme_names_every_topic_and_its_example_runs() -> None:
    readme = (PACKAGE / "README.md").read_text()
    for topic in TOPICS.values():
        assert f"| `{topic.name}` |" in readme
        line = next(line for line in readme.splitlines() if line.startswith(f"| `{topic.name}`"))
        assert f"| {topic.partitions} |" in line
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})


# ---------------------------------------------------------------- AsyncAPI


def parse_asyncapi(path: Path) -> dict[str, Any]:
    """The findings of AsyncAPI's own parser; fails when it or node is not installed."""
    node = shutil.which("node")
    assert node, "node is not on PATH: it is needed to check asyncapi.json"
    home = Path(os.environ.get("SAMVAD_HOME", ROOT / ".samvad"))
    tools = (home if home.is_absolute() else ROOT / home) / "tools" / "asyncapi"
    parser = tools / "node_modules" / "@asyncapi" / "parser"
    assert parser.is_dir(), "@asyncapi/parser is not installed in tools/asyncapi: run the set-up"
    done = subprocess.run(
        [node, str(HERE / "validate_asyncapi.cjs"), str(tools), str(path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_asyncapi_parser_finds_no_fault() -> None:
    result = parse_asyncapi(PACKAGE / "asyncapi.json")
    # that there is a newer AsyncAPI than 3.0 is no fault
    faults = [f for f in result["found"] if f["code"] != "asyncapi-latest-version"]
    assert faults == []
    assert result["parsed"]
    assert result["channels"] == len(TOPICS)
    assert result["messages"] == len(TYPES)


def _type_that_is_none(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["CaseFiled"]["properties"]["ticket"]["type"] = "strng"


def _message_of_another_channel(document: dict[str, Any]) -> None:
    operation = document["operations"]["notify.receive.samvad.messages.v1"]
    operation["messages"] = document["operations"]["sla.send.samvad.complaints.v1"]["messages"]


def _message_that_is_no_more(document: dict[str, Any]) -> None:
    del document["channels"]["samvad.calls.v1"]["messages"]


def _partitions_in_words(document: dict[str, Any]) -> None:
    document["channels"]["samvad.calls.v1"]["bindings"]["kafka"]["partitions"] = "six"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_type_that_is_none, "asyncapi-document-resolved"),
        (_message_of_another_channel, "asyncapi3-operation-messages-from-referred-channel"),
        (_message_that_is_no_more, "invalid-ref"),
        (_partitions_in_words, "asyncapi-document-resolved"),
    ],
)
def test_asyncapi_parser_is_really_asked(
    change: Callable[[dict[str, Any]], None], code: str, tmp_path: Path
) -> None:
    wrong = load(PACKAGE / "asyncapi.json")
    change(wrong)
    path = tmp_path / "asyncapi.json"
    path.write_text(json.dumps(wrong))
    errors = [f["code"] for f in parse_asyncapi(path)["found"] if f["severity"] == 0]
    assert code in errors


def test_asyncapi_operations_are_those_of_the_catalogue() -> None:
    operations = load(PACKAGE / "asyncapi.json")["operations"]
    for service in SERVICES:
        for name, topic in TOPICS.items():
            for action in ("send", "receive"):
                expected = {
                    f"#/channels/{name}/messages/{row.type}"
                    for row in topic.carries
                    if service in (row.producers if action == "send" else row.consumers)
                }
                operation = operations.get(f"{service}.{action}.{name}", {"messages": []})
                assert {message["$ref"] for message in operation["messages"]} == expected


@pytest.mark.parametrize("kind", TYPES)
def test_asyncapi_examples_are_valid_by_its_own_schemas(kind: str) -> None:
    """The parser does not look at examples of version 3 documents."""
    components = load(PACKAGE / "asyncapi.json")["components"]
    message = components["messages"][kind]
    payload = {"components": components, **message["payload"]}
    for example in message["examples"]:
        validator(payload).validate(example["payload"])
        validator(message["headers"]).validate(example["headers"])
        without = {k: v for k, v in example["payload"].items() if k not in ("district", "topic")}
        assert not validator(payload).is_valid(without)


def test_asyncapi_tells_partitions_key_and_correlation() -> None:
    found = load(PACKAGE / "asyncapi.json")
    kafka = found["channels"]["samvad.complaints.v1"]["bindings"]["kafka"]
    assert kafka["partitions"] == 12
    assert kafka["topicConfiguration"]["retention.ms"] == -1
    message = found["components"]["messages"]["samvad.case.filed.v1"]
    assert message["bindings"]["kafka"]["key"]["description"] == "the ticket"
    assert message["correlationId"]["location"] == "$message.header#/traceparent"
    assert message["headers"]["properties"]["ce_type"]["const"] == "samvad.case.filed.v1"


# ---------------------------------------------------------------- the generator


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "stored", tmp_path / "package")
    write(store)
    return store


def test_generator_writes_everything_once_and_then_nothing(store: Store) -> None:
    assert drift(store) == []
    assert write(store) == []
    assert len(store.hashes()) == 2 * len(TYPES)


def test_generation_is_deterministic(store: Store, tmp_path: Path) -> None:
    again = Store(store.root, tmp_path / "again")
    write(again)
    for path in sorted(store.package.rglob("*.json")):
        other = again.package / path.relative_to(store.package)
        assert path.read_bytes() == other.read_bytes()


def test_check_tells_a_changed_a_missing_and_a_stray_file(store: Store) -> None:
    folder = store.package / "schemas"
    (folder / "samvad.case.noted.v1.json").write_text("{}")
    (folder / "samvad.case.rated.v1.json").unlink()
    (folder / "samvad.case.sung.v1.json").write_text("{}")
    store.path("examples", "samvad.case.closed.v1", 1).unlink()
    told = " ".join(drift(store))
    for name in ("case.noted", "case.rated", "case.sung", "case.closed"):
        assert f"samvad.{name}.v1.json" in told
    write(store)
    assert drift(store) == []


def test_generator_never_rewrites_an_example_nor_its_hash(store: Store) -> None:
    path = store.path("examples", "samvad.case.noted.v1", 1)
    before = store.hashes()
    other = stored_form(examples()["samvad.case.noted.v1"])
    path.write_text(other)
    write(store)
    assert path.read_text() == other
    path.unlink()
    write(store)
    assert path.exists()
    assert store.hashes() == before, "a file that was taken away came back under a new hash"


def test_generator_stores_a_new_shape_beside_the_old_one(store: Store) -> None:
    kind = "samvad.case.rated.v1"
    path = store.path("frozen", kind, 1)
    older = load(path)
    del older["properties"]["sealed"]
    path.write_text(text(older))
    written = {p.relative_to(store.root).as_posix() for p in write(store) if "v1/" in str(p)}
    assert f"frozen/v1/{kind}.2.json" in written
    assert f"examples/v1/{kind}.2.json" in written
    assert load(path) == older
    assert drift(store) == []


def test_generator_refuses_a_shape_that_breaks_an_earlier_one(store: Store) -> None:
    path = store.path("frozen", "samvad.case.rated.v1", 1)
    older = load(path)
    older["properties"]["stars"] = {"type": "integer"}
    path.write_text(text(older))
    with pytest.raises(Broken, match=r"samvad\.case\.rated\.v1 .*value\.stars: removed"):
        write(store)
    assert "needs a new version" in drift(store)[0]
