"""Books of rules under which what is measured or tested does not depend on the hour."""

from __future__ import annotations

from pathlib import Path

import yaml

from services.kernel.contracts.events import CaseFiled
from services.notify.adapters.book_file import DATA, RULES, TEMPLATES

CITIZEN = "citizen"


def write_short_book(folder: Path) -> Path:
    """The built-in book's rules for `filed` to the citizen, with the templates that they use, written into
    `folder`, without quiet hours: one message a life, and nobody else is told of anything."""
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


def write_daytime_book(folder: Path) -> Path:
    """The built-in book without quiet hours and without summaries, written into `folder`, which is given
    back: what SAMVAD_NOTIFY_BOOK is to name. Every message is due at once, and on its own."""
    rules = yaml.safe_load((DATA / RULES).read_text(encoding="utf-8"))
    for route in rules["audiences"].values():
        route.pop("quiet", None)
    for rule in rules["rules"]:
        rule.pop("gathered", None)
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(rules, allow_unicode=True, sort_keys=False)
    (folder / RULES).write_text(text, encoding="utf-8")
    (folder / TEMPLATES).write_bytes((DATA / TEMPLATES).read_bytes())
    return folder
