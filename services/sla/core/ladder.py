"""Who a rung of the ladder means in a directory. Pure."""

from __future__ import annotations

from services.kernel.domain.directory import District, OfficerRole


def who(
    district: District, role: OfficerRole, department: str | None, block: str | None
) -> str | None:
    """The id of the department's head, the block's SDM or the Collector; None where nobody is named."""
    if role == "collector":
        return district.collector
    if role == "head":
        found = district.department_by_id.get(department or "")
        return found.head if found else None
    if role == "sdm":
        place = district.block_by_id.get(block or "")
        return next(
            (
                officer.id
                for officer in district.officers
                if place is not None
                and officer.role == "sdm"
                and officer.subdivision == place.subdivision
                and not officer.retired
            ),
            None,
        )
    return None
