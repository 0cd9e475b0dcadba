"""Settings by which it is always day, and people may be written to as often as tests file: for tests that run
a real line at any hour of the real clock."""

from __future__ import annotations

from pathlib import Path

import yaml

from services.notify.adapters.book_file import DATA, RULES, TEMPLATES


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


def daytime(home: Path) -> dict[str, str]:
    """The settings, with a book of rules in `home`."""
    return {
        "SAMVAD_NOTIFY_BOOK": str(write_daytime_book(home / "book")),
        "SAMVAD_WHATSAPP_PER_SECOND": "100000",
        "SAMVAD_SMS_PER_SECOND": "100000",
        "SAMVAD_RECIPIENT_BURST": "1000000",
    }
