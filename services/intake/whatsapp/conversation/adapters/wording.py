"""The data files of the conversation: what it says, and how people say what it understands."""

from __future__ import annotations

from importlib import resources
from typing import Any

import yaml

from services.intake.texts import load
from services.intake.whatsapp.conversation.core.saying import Voice
from services.intake.whatsapp.conversation.core.understanding import Words

PACKAGE = "services.intake.whatsapp.conversation"


def load_voice() -> Voice:
    """Raises ValueError for a text that lacks a language, or a Chhattisgarhi string of an unknown key."""
    texts = load(PACKAGE)
    own: dict[str, str] = _read("chhattisgarhi.yaml")
    unknown = [key for key in own if key not in texts]
    if unknown:
        raise ValueError(f"chhattisgarhi.yaml: no text has the key {unknown[0]}")
    return Voice(texts, own)


def load_words() -> Words:
    """Raises ValueError for a phrase of two meanings, or of none."""
    return Words.of(_read("words.yaml"))


def _read(name: str) -> Any:
    source = resources.files(PACKAGE).joinpath(f"data/{name}")
    return yaml.safe_load(source.read_text(encoding="utf-8"))
