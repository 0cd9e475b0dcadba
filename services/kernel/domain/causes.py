"""The cause of an act: who asked, under which key, for what. The same request finds its first outcome by it.

A cause is text of two parts. The first names the asker and his key, so that two people who choose the same
key do not meet. The second is a digest of what was asked, so that a key that comes again with something
else is told from a repetition.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from services.kernel.domain.people import Actor

_DIGEST_CHARACTERS = 32
"""128 bits: nobody but the asker himself could gain by finding two requests with one digest."""


def cause_of(by: Actor, key: str, asked: Mapping[str, Any]) -> str:
    """`asked`: everything that makes one request another, as plain values of JSON."""
    # quoted, or an id and a key with colons in them could be another id and key
    parts = (by.district, by.role, by.id or "", key)
    canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    digest = sha256(canonical.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{':'.join(quote(part, safe='') for part in parts)}#{digest}"


def same_key(one: str, other: str) -> bool:
    """Whether two causes are of the same asker and key, whatever was asked."""
    return one.partition("#")[0] == other.partition("#")[0]
