"""What the answers to who wants no messages, or wants them again, ask for is understood."""

from __future__ import annotations

import re

from services.kernel.domain.choices import choices
from services.notify.adapters.book_file import load_book


def test_what_the_answers_ask_for_is_understood() -> None:
    book = load_book()
    for name, wanted, words in (
        ("opted_out", True, {"hi": ("शुरू", "START"), "en": ("START",)}),
        ("opted_in", False, {"hi": ("बंद", "STOP"), "en": ("STOP",)}),
    ):
        assert name in book.free
        for (channel, language), wording in book.templates[name].wordings.items():
            assert channel == "whatsapp"
            for word in words[language]:
                assert re.search(rf"\s{word}\s|\s{word}\.", wording.text), (name, language)
                assert choices().wants(word) is wanted
