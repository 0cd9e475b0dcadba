"""What the processes of a stack cost: processor seconds and resident memory, read from /proc."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.cli.stack import Stack

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Processor seconds so far, by process; `pids` tell whether one was started anew meanwhile."""

    seconds: Mapping[str, float]
    pids: Mapping[str, int]

    def since(self, earlier: Cost) -> dict[str, float]:
        """Processor seconds between the two looks. Raises RuntimeError when a process is another one."""
        changed = [name for name, pid in self.pids.items() if earlier.pids.get(name) != pid]
        if changed:
            raise RuntimeError(f"started anew while it was measured: {', '.join(changed)}")
        return {name: self.seconds[name] - earlier.seconds[name] for name in self.seconds}


def cost(stack: Stack) -> Cost:
    pids = pids_of(stack)
    return Cost({name: processor_seconds(pid) for name, pid in pids.items()}, pids)


def pids_of(stack: Stack) -> dict[str, int]:
    """Every supervised process that runs."""
    return {one.name: one.pid for one in stack.supervisor.all() if one.pid is not None}


def processor_seconds(pid: int) -> float:
    """User and system time of all threads of a process (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_bytes(pid: int) -> int:
    """Resident memory, what is shared with others counted in full."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
