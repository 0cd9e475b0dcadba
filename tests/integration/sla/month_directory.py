"""The directory of the month that is lived through: two districts, of three versions each."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from services.kernel.domain.directory import District, Holiday, Text
from services.kernel.domain.errors import Retry

HOLIDAYS = (date(2026, 3, 13), date(2026, 3, 16))
"""Declared on the 14th: one when it is over, one just before it."""
ROUND_THE_CLOCK = ("always", "din-raat")
BRAND_NEW = "brand-new"
"""A service that version 1 does not know."""


class Versions:
    """Version 1; 2 with another service and earlier warnings; 3 with the holidays declared late."""

    def __init__(self, *districts: District) -> None:
        self.of: dict[tuple[str, int], District] = {}
        for district in districts:
            first = replace(district, version=1)
            second = _changed(first)
            for one in (first, second, _declared(second)):
                self.of[one.id, one.version] = one

    async def version(self, district: str, version: int) -> District:
        if (district, version) not in self.of:
            raise Retry("not there")
        return self.of[district, version]


def _changed(first: District) -> District:
    known = next((s for s in first.services if s.policy), first.services[0])
    other = next(s for s in first.services if s.policy not in (None, known.policy))
    return replace(
        first,
        version=2,
        services=(*first.services, replace(known, id=BRAND_NEW, policy=other.policy)),
        policies=tuple(replace(policy, warn_percent=60) for policy in first.policies),
    )


def _declared(second: District) -> District:
    declared = [Holiday(day, Text("अवकाश", "Declared holiday")) for day in HOLIDAYS]
    calendars = tuple(
        one if one.id in ROUND_THE_CLOCK else replace(one, holidays=(*one.holidays, *declared))
        for one in second.calendars
    )
    return replace(second, version=3, calendars=calendars)
