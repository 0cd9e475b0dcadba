"""The texts of the reasons for which a case may be rejected, by id and language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources

from services.kernel.domain.directory import Language


@cache
def reasons() -> Mapping[str, Mapping[Language, str]]:
    source = resources.files("services.kernel.domain").joinpath("data/reasons.json")
    texts: Mapping[str, Mapping[Language, str]] = json.loads(source.read_text(encoding="utf-8"))
    return texts
