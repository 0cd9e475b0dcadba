"""The templates that Meta and DLT have registered. The real ones hold them after an approval by hand;
here they come from the data file that an installation registers, read as a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent.parent / "notify" / "data"
FILE = "templates.yaml"
LANGUAGES = frozenset({"hi", "en"})
_VARIABLE = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Registered:
    """A text with its variables in the order of the parameters."""

    text: str
    variables: tuple[str, ...]

    def fill(self, parameters: list[str]) -> str:
        values = dict(zip(self.variables, parameters, strict=True))
        return _VARIABLE.sub(lambda found: values[found[1]], self.text)

    def matches(self, content: str) -> bool:
        """Whether `content` is this text with something in every variable's place, 30 characters at most."""
        return self._pattern.fullmatch(content) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts = [re.escape(part) for part in _VARIABLE.split(self.text)[::2]]
        return re.compile("(.{1,30}?)".join(parts), re.DOTALL)


@dataclass(frozen=True)
class Registry:
    """WhatsApp's by (name, language), SMS texts by DLT template id."""

    whatsapp: Mapping[tuple[str, str], Registered]
    sms: Mapping[str, Registered]


def load_registry(folder: Path | None = None) -> Registry:
    """What the data file of `folder` registers, or of the built-in set; what is neither WhatsApp's nor of
    an SMS is passed over. Raises OSError, yaml.YAMLError, KeyError when it is not what it should be."""
    file = (folder or FOLDER) / FILE
    data: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    whatsapp: dict[tuple[str, str], Registered] = {}
    sms: dict[str, Registered] = {}
    for template in data["templates"].values():
        declared = template.get("variables") or ()
        texts = template.get("whatsapp") or {}
        for language in LANGUAGES & texts.keys():
            whatsapp[texts["name"], language] = _registered(texts[language], declared)
        for wording in (template.get("sms") or {}).values():
            sms[str(wording["id"])] = _registered(wording["text"], declared)
    return Registry(whatsapp, sms)


def _registered(text: str, declared: Iterable[str]) -> Registered:
    used = set(_VARIABLE.findall(text))
    return Registered(text, tuple(name for name in declared if name in used))
