"""A book of rules with one message a life: the citizen is told of the number, and nobody else of anything."""

from __future__ import annotations

from pathlib import Path

import yaml

from services.kernel.contracts.events import CaseFiled
from services.notify.adapters.book_file import DATA, RULES, TEMPLATES

CITIZEN = "citizen"


def write_short_book(folder: Path) -> Path:
    """The built-in book's rules for `filed` to the citizen, with the templates that they use, written into
    `folder`. It has no quiet hours: what is measured must not depend on the hour."""
    rules = yaml.safe_load((DATA / RULES).read_text(encoding="utf-8"))
    rules["rules"] = [
        rule for rule in rules["rules"] if (rule["event"], rule["to"]) == (CaseFiled.TYPE, CITIZEN)
    ]
    rules["free"] = []
    for route in rules["audiences"].values():
        route.pop("quiet", None)
    # a book must have the summary's, which these rules never come to
    used = {rule["template"] for rule in rules["rules"]} | {rules["summary"]["template"]}
    texts = yaml.safe_load((DATA / TEMPLATES).read_text(encoding="utf-8"))
    texts["templates"] = {name: text for name, text in texts["templates"].items() if name in used}
    named = {name for text in texts["templates"].values() for name in text["variables"]}
    texts["longest"] = {name: most for name, most in texts["longest"].items() if name in named}
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in ((RULES, rules), (TEMPLATES, texts)):
        (folder / file).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return folder
