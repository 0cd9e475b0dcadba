"""Settings by which it is always day, and people may be written to as often as tests file: for tests that run
a real line at any hour of the real clock."""

from __future__ import annotations

from pathlib import Path

from services.bench.book import write_daytime_book


def daytime(home: Path) -> dict[str, str]:
    """The settings, with a book of rules in `home`."""
    return {
        "SAMVAD_NOTIFY_BOOK": str(write_daytime_book(home / "book")),
        "SAMVAD_WHATSAPP_PER_SECOND": "100000",
        "SAMVAD_SMS_PER_SECOND": "100000",
        "SAMVAD_RECIPIENT_BURST": "1000000",
    }
