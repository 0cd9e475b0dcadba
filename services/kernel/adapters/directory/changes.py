"""What a new version of a district changes, and what it must not.

Old versions keep everything, but cases outlive versions: an officer who worked a case must stay in
the directory, marked `retired: true`, and an id never comes to mean somebody or something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from services.kernel.domain.directory import District

_LISTS = (
    "blocks",
    "departments",
    "offices",
    "officers",
    "services",
    "calendars",
    "policies",
    "ladders",
)
_VILLAGES = "villages"


@dataclass(frozen=True)
class Change:
    """Ids of one list. `retired`: officers newly marked so; elsewhere entries that are left out."""

    added: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.retired or self.changed)


@dataclass(frozen=True)
class ForbiddenChange:
    """A change that is never taken. `list` is empty for the district itself."""

    list: str
    id: str
    reason: str


@dataclass(frozen=True)
class Changes:
    """`lists` has the lists that differ, by name (a village's id is `block/village`).

    `settings` names the fields of the district itself that differ. Versions are not compared.
    """

    lists: dict[str, Change] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    forbidden: tuple[ForbiddenChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.lists or self.settings or self.forbidden)

    def of(self, name: str) -> Change:
        """The change of a list; an empty one where it is as before."""
        return self.lists.get(name, Change())


def differences(old: District, new: District) -> Changes:
    """What `new` changes of `old`. The order of a list's entries is no difference."""
    lists: dict[str, Change] = {}
    forbidden: list[ForbiddenChange] = []
    for name in (*_LISTS, _VILLAGES):
        before, after = _by_id(old, name), _by_id(new, name)
        gone = [key for key in before if key not in after]
        changed = [key for key in after if key in before and before[key] != after[key]]
        retired = gone
        if name == "officers":
            reason = "an officer is not removed but marked `retired: true`"
            forbidden += [ForbiddenChange(name, key, reason) for key in gone]
            left = {o.id for o in new.officers if o.retired}
            left -= {o.id for o in old.officers if o.retired}
            retired = [key for key in changed if key in left]
            changed = [key for key in changed if key not in left]
        change = Change(
            added=tuple(key for key in after if key not in before),
            retired=tuple(retired),
            changed=tuple(changed),
        )
        if change:
            lists[name] = change
    for key in ("id", "code"):
        was, now = getattr(old, key), getattr(new, key)
        if was != now:
            reason = f"the {key} of a district cannot change from `{was}` to `{now}`"
            forbidden.append(ForbiddenChange("", str(was), reason))
    settings = [f.name for f in fields(District) if f.compare and f.name not in _LISTS]
    return Changes(
        lists=lists,
        settings=tuple(name for name in settings if getattr(old, name) != getattr(new, name)),
        forbidden=tuple(forbidden),
    )


def _by_id(district: District, name: str) -> Mapping[str, object]:
    if name == _VILLAGES:
        return {f"{b.id}/{v.id}": v for b in district.blocks for v in b.villages}
    return {entry.id: entry for entry in getattr(district, name)}
