"""Writes what is derived from the models: `python -m services.kernel.contracts.generate [--check]`.

Generated anew each time: `schemas/<type>.json` (JSON Schema 2020-12) and `asyncapi.json`.
Written once and never again: for every shape that a type has had, a snapshot of its schema and an
example's bytes, under `tests/contracts`, with their SHA-256 in `stored.sha256`. A shape that breaks
an earlier one is refused: it needs a `.v2` type. `--check` writes nothing and tells what differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from services.kernel.contracts.asyncapi import document
from services.kernel.contracts.catalogue import TYPES
from services.kernel.contracts.evolution import breaks, shape
from services.kernel.contracts.examples import Example, examples

Json = dict[str, Any]

PACKAGE = Path(__file__).resolve().parent
STORE = PACKAGE.parents[2] / "tests" / "contracts"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Plain(GenerateJsonSchema):
    """Without titles of fields, which say the field's name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schemas() -> dict[str, Json]:
    """The JSON Schema of every type's value. Content is open: readers ignore unknown fields."""
    return {
        kind: {
            "$schema": DIALECT,
            "$id": f"urn:samvad:{kind.removeprefix('samvad.')}",
            **row.model.model_json_schema(schema_generator=_Plain),
        }
        for kind, (_, row) in TYPES.items()
    }


@dataclass(frozen=True, slots=True)
class Store:
    """Where files lie: below `package` what is generated, below `root` what is written once, as
    `frozen|examples/v<version>/<type>[.<nth shape>].json`."""

    root: Path = STORE
    package: Path = PACKAGE

    @property
    def manifest(self) -> Path:
        return self.root / "stored.sha256"

    def path(self, what: str, kind: str, nth: int) -> Path:
        suffix = "" if nth == 1 else f".{nth}"
        return self.root / what / kind.rsplit(".", 1)[1] / f"{kind}{suffix}.json"

    def history(self, kind: str) -> list[Json]:
        """The snapshots of a type's schema, oldest first."""
        found: list[Json] = []
        while (path := self.path("frozen", kind, len(found) + 1)).exists():
            found.append(json.loads(path.read_text()))
        return found

    def example(self, kind: str) -> Json | None:
        """The newest stored example of a type, as AsyncAPI wants it."""
        path = self.path("examples", kind, max(1, len(self.history(kind))))
        if not path.exists():
            return None
        stored = json.loads(path.read_text())
        return {"headers": stored["headers"], "payload": json.loads(stored["value"])}

    def hashes(self) -> dict[str, str]:
        """The manifest: SHA-256 by path below the root."""
        if not self.manifest.exists():
            return {}
        lines = self.manifest.read_text().splitlines()
        return {path: digest for digest, path in (line.split(maxsplit=1) for line in lines)}


class Broken(Exception):
    """A type's schema breaks an earlier shape; every break is told."""


def generated(store: Store) -> dict[Path, str]:
    """Every file that is generated anew, with its text."""
    current = schemas()
    stored = {kind: found for kind in current if (found := store.example(kind)) is not None}
    files = {store.package / "schemas" / f"{kind}.json": text(one) for kind, one in current.items()}
    files[store.package / "asyncapi.json"] = text(document(current, stored))
    return files


def missing(store: Store) -> dict[Path, str]:
    """Snapshots and examples of shapes that were never stored. Raises Broken."""
    made_up = examples()
    found: dict[Path, str] = {}
    for kind, schema in schemas().items():
        history = store.history(kind)
        faults = [fault for old in history for fault in breaks(old, schema)]
        if faults:
            raise Broken(f"{kind} needs a new version: " + "; ".join(sorted(set(faults))))
        nth = len(history)
        if not history or shape(history[-1]) != shape(schema):
            nth += 1
            found[store.path("frozen", kind, nth)] = text(schema)
        example = store.path("examples", kind, nth)
        if not example.exists():
            found[example] = stored_form(made_up[kind])
    return found


def stored_form(example: Example) -> str:
    """An example as it is stored: key, headers and value as text, the value's bytes unchanged."""
    message = example.message
    return text(
        {
            "topic": message.topic,
            "key": message.key.decode(),
            "headers": {name: value.decode() for name, value in message.headers},
            "value": message.value.decode(),
        }
    )


def write(store: Store) -> list[Path]:
    """Add what is missing, generate the rest anew; tells what was written. Raises Broken."""
    added = missing(store)
    written = _write(added)
    hashes = store.hashes()
    for path, content in added.items():
        # a line that is there stays: a file that was taken away cannot come back as another
        hashes.setdefault(path.relative_to(store.root).as_posix(), _digest(content))
    if added:
        lines = (f"{digest}  {path}\n" for path, digest in sorted(hashes.items()))
        store.manifest.write_text("".join(lines))
    files = generated(store)
    for path in _stale(store, files):
        path.unlink()
    return [*written, *_write(files)]


def drift(store: Store) -> list[str]:
    """What `write` would change; empty when all is as it should be."""
    try:
        found = [f"{path.name}: not stored yet" for path in missing(store)]
    except Broken as error:
        return [str(error)]
    files = generated(store)
    found += [f"{path.name}: not of a type" for path in _stale(store, files)]
    return found + [
        f"{path.name}: differs from the models"
        for path, content in files.items()
        if not path.exists() or path.read_text() != content
    ]


def text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _stale(store: Store, files: Mapping[Path, str]) -> list[Path]:
    return [p for p in sorted((store.package / "schemas").glob("*.json")) if p not in files]


def _write(files: Mapping[Path, str]) -> list[Path]:
    changed = [p for p, content in files.items() if not p.exists() or p.read_text() != content]
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path])
    return changed


def _digest(content: str) -> str:
    return sha256(content.encode()).hexdigest()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.kernel.contracts.generate")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when files differ")
    check = parser.parse_args(arguments).check
    store = Store()
    if not check:
        try:
            for path in write(store):
                print(f"wrote {path.name}")
        except Broken as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    found = drift(store)
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
