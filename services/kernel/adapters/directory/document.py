"""A district as a document of plain JSON values, for the store and for HTTP; nothing is lost.

Times and dates are ISO-8601 text, lengths whole seconds. A document of an older version is read
with the defaults of fields that it lacks; unknown fields are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from services.kernel.domain.directory import District


def district_to_document(district: District) -> dict[str, Any]:
    """Plain values only: text, numbers, booleans, None, lists and dicts."""
    document: dict[str, Any] = _adapter().dump_python(district, mode="json")
    return document


def district_from_document(document: Mapping[str, Any]) -> District:
    """The district that the document was made of, with its version; keys such as `_id` are ignored.

    Raises pydantic's ValidationError for what is no such document. Cross checks are not made again:
    only what was checked is stored.
    """
    return _adapter().validate_python(dict(document))


@cache
def _adapter() -> TypeAdapter[District]:
    return TypeAdapter(District)
