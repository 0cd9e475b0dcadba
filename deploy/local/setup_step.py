"""What every step of the set-up uses: where things go, running a client, stamps that tell what is
done."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / "deploy" / "local"
VENV = ROOT / ".venv"
SHED = ROOT / ".samvad" / "tools"
LOGS = ROOT / ".samvad" / "logs"


class SetupError(Exception):
    """A step cannot be done; the message is the one line that the person sees."""


class Step(NamedTuple):
    """One thing to set up: `done` says whether it is in place, `do` puts it there."""

    title: str
    done: Callable[[], bool]
    do: Callable[[], None]


def run(
    command: Sequence[str | Path],
    log: str,
    cwd: Path = ROOT,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a client with its output in a log file. Raises SetupError naming the last line of that
    output."""
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / (f"setup-{log}.log")
    full = dict(os.environ, **(environment or {}))
    with path.open("wb") as out:
        try:
            code = subprocess.call(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=str(cwd),
                env=full,
            )
        except OSError as error:
            raise SetupError(f"{command[0]} cannot be run: {error}") from None
    if code:
        name = Path(str(command[0])).name
        raise SetupError(f"{name} ended with {code}: {_reason(path)} (all of it: {path})")


def _reason(log: Path) -> str:
    """The first line that tells of an error with the one after it, else the last line."""
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line]
    for number, line in enumerate(lines):
        if re.search(r"error|fail|cannot|could not|unable|no solution", line, re.IGNORECASE):
            return " ".join(lines[number : number + 2])[:300]
    return lines[-1][:300] if lines else "it printed nothing"


def digest(*inputs: object) -> str:
    """A hash over files (their bytes) and plain values."""
    total = hashlib.sha256()
    for part in inputs:
        total.update(part.read_bytes() if isinstance(part, Path) else str(part).encode())
        total.update(b"\0")
    return total.hexdigest()


def stamped(stamp: Path, key: str) -> bool:
    """Whether the step that wrote `stamp` did so for these very inputs."""
    return stamp.is_file() and stamp.read_text().strip() == key


def write_stamp(stamp: Path, key: str) -> None:
    """Remember that a step is done for these inputs."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key + "\n")
