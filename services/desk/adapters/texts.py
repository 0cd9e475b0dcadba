"""Reads the words of the desk from its data file."""

from __future__ import annotations

from importlib import resources

import yaml

from services.desk.core.texts import Texts
from services.kernel.domain.directory import Text


def load_texts() -> Texts:
    """Read once, when the process starts. Raises KeyError where a language is missing."""
    raw = yaml.safe_load(resources.files("services.desk").joinpath("data/texts.yaml").read_text())
    return Texts(
        {
            f"{group}.{key}": Text(hi=text["hi"], en=text["en"])
            for group, entries in raw.items()
            for key, text in entries.items()
        }
    )
