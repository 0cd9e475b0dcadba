"""Reads `rules.yaml` and `templates.yaml` into a checked `Book`; every fault has file and line."""

from __future__ import annotations

from pathlib import Path

from services.notify.adapters.book_nodes import BookFaults as BookFaults
from services.notify.adapters.book_nodes import Places, Reader
from services.notify.adapters.book_rules import read_rules
from services.notify.adapters.book_texts import read_texts
from services.notify.adapters.mail_frame import load_frame
from services.notify.core.book import Book
from services.notify.core.book_check import check_book

DATA = Path(__file__).resolve().parent.parent / "data"
RULES, TEMPLATES = "rules.yaml", "templates.yaml"


def load_book(folder: Path = DATA) -> Book:
    """Raises BookFaults naming everything that is wrong, OSError when a file cannot be read. The form of
    e-mails, which is no installation's own, is checked with it."""
    load_frame()
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in (RULES, TEMPLATES)}
    return read_book(texts[RULES], texts[TEMPLATES])


def read_book(rules: str, templates: str) -> Book:
    """The book of two files' texts. Raises BookFaults."""
    places = Places()
    ruled = read_rules(Reader(RULES, places), rules)
    written = read_texts(Reader(TEMPLATES, places), templates)
    book = Book(
        rules=ruled.rules,
        templates=written.templates,
        routes=ruled.routes,
        waits=ruled.waits,
        summary=ruled.summary,
        longest=written.longest,
        words=written.words,
        free=ruled.free,
    )
    if not places.faults:
        check_book(book, places.about)
    places.raise_any()
    return book
