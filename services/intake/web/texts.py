"""The words of the web pages."""

from __future__ import annotations

from services.intake.texts import Texts as Texts
from services.intake.texts import load as load_of


def load() -> Texts:
    """Raises ValueError for a text that lacks a language."""
    return load_of("services.intake.web")
