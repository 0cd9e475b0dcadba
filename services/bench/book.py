"""A book of rules with one message a life: the citizen is told of the number, and nobody else of anything."""

from __future__ import annotations

from pathlib import Path

import yaml

from services.kernel.contracts.events import CaseFiled
from services.notify.adapters.book_file import DATA, RULES, TEMPLATES


def write_short_book(folder: Path) -> Path:
    """The built-in book's rules for `filed`, with the templates that they use, written into `folder`."""
    rules = yaml.safe_load((DATA / RULES).read_text(encoding="utf-8"))
    rules["rules"] = [rule for rule in rules["rules"] if rule["event"] == CaseFiled.TYPE]
    used = {rule["template"] for rule in rules["rules"]}
    templates = yaml.safe_load((DATA / TEMPLATES).read_text(encoding="utf-8"))
    templates["templates"] = {
        name: template for name, template in templates["templates"].items() if name in used
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in ((RULES, rules), (TEMPLATES, templates)):
        (folder / name).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return folder
