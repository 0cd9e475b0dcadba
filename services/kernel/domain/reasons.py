"""The texts of the reasons for which a case may be rejected, by id and language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from services.kernel.domain.data_file import data_file
from services.kernel.domain.directory import Language


@cache
def reasons() -> Mapping[str, Mapping[Language, str]]:
    texts: Mapping[str, Mapping[Language, str]] = data_file("reasons")
    return texts
