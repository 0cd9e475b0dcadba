"""The figures of a storm, for whoever looks on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.chaos.faults import Damage
from tests.chaos.judge import Told, Unknown
from tests.chaos.logbook import Logbook


def figures(
    log: Logbook,
    damage: Damage,
    audit: Mapping[str, int],
    sent: Mapping[Told, int],
    unknown: Sequence[Unknown],
    collapsed: Sequence[Told],
    seconds: float,
) -> str:
    """A small table: load, faults, how long each process took to be ready again, the audit."""
    accepted = sum(deed.accepted > 0 for deed in log.deeds.values())
    got = sum(sent.get(one.told, 0) for one in unknown)
    broken = ", ".join(f"{n} {kind}" for kind, n in sorted(log.broken.items())) or "none"
    lines = [
        "",
        f"storm            {seconds:6.0f} s",
        f"cases            {len(log.filings):6}",
        f"acts             {accepted:6}",
        f"faults injected  {damage.injected:6}",
        f"requests sent    {log.sent:6}",
        f"  pressed twice  {log.twice:6}",
        f"  sent again     {log.repeated:6}   503 with Retry-After: {log.unavailable}; broken: {broken}",
        f"messages sent    {sum(sent.values()):6}",
        f"  unknown        {len(unknown):6}   after a crash of notify; {got} of them the phone has got",
        f"  collapsed      {len(collapsed):6}   no news any more when they could be sent",
        "ready again after",
        *(f"  {r.process:14} {r.seconds:6.1f} s  {r.after}" for r in damage.recoveries),
        "audit            " + ", ".join(f"{n} {name}" for name, n in audit.items()),
    ]
    return "\n".join(lines)
