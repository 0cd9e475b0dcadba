"""The words and texts that the domain keeps in files of its own, beside its code."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def data_file(name: str) -> Any:
    """What `data/<name>.json` holds. Read anew at each call: who asks remembers what he makes of it."""
    source = resources.files("services.kernel.domain").joinpath(f"data/{name}.json")
    return json.loads(source.read_text(encoding="utf-8"))
