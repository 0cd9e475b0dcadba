"""What this machine's /proc says about processes: alive, memory, and which of them belong to a
stack.

A process is one of a stack's only if its own environment names both the stack's home and its role
there.
Nothing is ever found, or ended, by its name alone.
"""

import os
import signal
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.cli.stack.render import MARK
from services.cli.stack.settings import Home

PROC = Path("/proc")


@dataclass(frozen=True)
class Found:
    """A running process of a stack: its role there (kafka, routing, …) and its pid."""

    role: str
    pid: int


def alive(pid: int) -> bool:
    """Whether the process runs; one that ended and is only not yet collected does not."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return False
    # The state follows the command's name, which stands in parentheses and may hold anything.
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def resident_bytes(pid: int) -> int | None:
    """Memory of the process that is in RAM, in bytes; None where it has ended."""
    try:
        pages = int((PROC / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def command_line(pid: int) -> str:
    """The command line, words joined by spaces; empty where the process has ended."""
    try:
        return (
            (PROC / str(pid) / "cmdline")
            .read_bytes()
            .replace(b"\0", b" ")
            .decode("utf-8", "replace")
        )
    except OSError:
        return ""


def of_stack(home: Home) -> list[Found]:
    """All running processes of the stack in `home`, whoever is their parent now."""
    wanted_home = b"SAMVAD_HOME=" + os.fsencode(home.path)
    prefix = MARK.encode() + b"="
    found = []
    for entry in PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # ended meanwhile, or another user's
            continue
        roles = [value[len(prefix) :].decode() for value in environment if value.startswith(prefix)]
        if roles and wanted_home in environment and alive(int(entry.name)):
            found.append(Found(roles[0], int(entry.name)))
    return found


def supervisor_pid(home: Home) -> int | None:
    """The pid of the home's running supervisor: what its pid file says, checked against its
    command line."""
    try:
        pid = int((home.run / "supervisord.pid").read_text())
    except (OSError, ValueError):
        return None
    config = str(home.run / "supervisord.conf")
    return pid if alive(pid) and config in command_line(pid) else None


def wait_gone(pids: Collection[int], seconds: float) -> list[int]:
    """Wait until none of the pids runs. Returns those that still do when the time is up."""
    deadline = time.monotonic() + seconds
    left = [pid for pid in pids if alive(pid)]
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [pid for pid in left if alive(pid)]
    return left


def end(pids: Sequence[int], patience: float) -> None:
    """End processes: SIGTERM, and SIGKILL for those that have not gone after `patience` seconds."""
    _signal(pids, signal.SIGTERM)
    kill(wait_gone(pids, patience))


def kill(pids: Sequence[int]) -> None:
    """SIGKILL processes and wait until they have gone."""
    _signal(pids, signal.SIGKILL)
    wait_gone(pids, 5)


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
