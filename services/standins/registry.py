"""The templates that Meta and DLT have registered. The real ones hold them after an approval by hand;
here they come from the data file that an installation registers, read as a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).resolve().parent.parent / "notify" / "data" / "templates.yaml"
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
        """Whether `content` is this text with something in every variable's place."""
        parts = [re.escape(part) for part in _VARIABLE.split(self.text)[::2]]
        return re.fullmatch("(.{1,60}?)".join(parts), content, re.DOTALL) is not None


@dataclass(frozen=True)
class Registry:
    """WhatsApp's by (name, language), SMS texts by DLT template id."""

    whatsapp: Mapping[tuple[str, str], Registered]
    sms: Mapping[str, Registered]


def load_registry(file: Path = FILE) -> Registry:
    """Raises OSError, yaml.YAMLError, KeyError when the file is not what it should be."""
    data: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    whatsapp: dict[tuple[str, str], Registered] = {}
    sms: dict[str, Registered] = {}
    for template in data["templates"].values():
        declared = template["variables"]
        texts = dict(template.get("whatsapp") or {})
        name = texts.pop("name", "")
        for language, text in texts.items():
            whatsapp[name, language] = _registered(text, declared)
        for wording in (template.get("sms") or {}).values():
            sms[str(wording["id"])] = _registered(wording["text"], declared)
    return Registry(whatsapp, sms)


def _registered(text: str, declared: list[str]) -> Registered:
    used = set(_VARIABLE.findall(text))
    return Registered(text, tuple(name for name in declared if name in used))
