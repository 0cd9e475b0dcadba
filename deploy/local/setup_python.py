"""Python's part of the set-up: virtual environment, uv, the locked packages, the `samvad`
command."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from setup_step import ROOT, VENV, SetupError, digest, run, stamped, write_stamp

NEEDED_PYTHON = (3, 11)
VENV_PYTHON = VENV / "bin" / "python"
LAUNCHER = VENV / "bin" / "samvad"
BOOTSTRAP = ROOT / "requirements-bootstrap.lock"
UV = VENV / "bin" / "uv"
UV_STAMP = VENV / ".stamp-uv"
PACKAGES_STAMP = VENV / ".stamp-packages"


def find_python() -> str:
    """A Python new enough: the one that runs this, else the newest one on PATH."""
    if sys.version_info[:2] >= NEEDED_PYTHON:
        return sys.executable
    for minor in range(14, NEEDED_PYTHON[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    raise SetupError(
        f"Samvad needs Python {NEEDED_PYTHON[0]}.{NEEDED_PYTHON[1]} or newer, this is "
        f"{sys.version.split()[0]}: install it and run the same again"
    )


def venv_works() -> bool:
    """Whether the virtual environment was made at this very path and its Python starts."""
    if not VENV_PYTHON.exists():
        return False
    check = "import sys; sys.exit(0 if sys.version_info[:2] >= %r and sys.prefix == %r else 1)"
    code = subprocess.call(
        [str(VENV_PYTHON), "-c", check % (NEEDED_PYTHON, str(VENV))],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return code == 0 and not launcher_moved()


def launcher_moved() -> bool:
    """Whether the environment was made elsewhere and moved here with the tree."""
    return LAUNCHER.exists() and str(VENV_PYTHON) not in LAUNCHER.read_text()


def python_there() -> bool:
    """Whether there is an environment, or a Python that can make one."""
    if venv_works():
        return True
    try:
        return bool(find_python())
    except SetupError:
        return False


def need_python() -> None:
    """Raise SetupError where no Python is new enough."""
    find_python()


def make_venv() -> None:
    """Make the virtual environment with the interpreter's own `venv`."""
    run([find_python(), "-m", "venv", "--clear", str(VENV)], "venv")


def uv_done() -> bool:
    """Whether the locked uv is there."""
    return UV.exists() and stamped(UV_STAMP, digest(BOOTSTRAP))


def install_uv() -> None:
    """uv, by pip, checked against the hashes of its lock."""
    run(
        [
            VENV_PYTHON,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
            "-r",
            BOOTSTRAP,
        ],
        "uv",
    )
    write_stamp(UV_STAMP, digest(BOOTSTRAP))


def lock_of(kind: str) -> Path:
    """The lock file with the packages for running, or for running and testing."""
    return ROOT / ("requirements-dev.lock" if kind == "test" else "requirements.lock")


def packages_done(kind: str) -> bool:
    """The packages of the lock are there; those for tests contain those for running."""
    wanted = [lock_of("test")] + ([lock_of("run")] if kind == "run" else [])
    return any(stamped(PACKAGES_STAMP, digest(lock)) for lock in wanted)


def install_packages(kind: str) -> None:
    """Bring the environment to exactly the lock.

    Compiled once here, the packages are imported in half the time at every start.
    """
    if PACKAGES_STAMP.exists():
        PACKAGES_STAMP.unlink()
    run(
        [
            UV,
            "pip",
            "sync",
            "--compile-bytecode",
            "--require-hashes",
            "--python",
            VENV_PYTHON,
            lock_of(kind),
        ],
        "packages",
    )
    write_stamp(PACKAGES_STAMP, digest(lock_of(kind)))


def launcher_text() -> str:
    """The `samvad` command: the tree itself is the program, so an edit is live at once."""
    return f'#!/bin/sh\nexec "{VENV_PYTHON}" -m services.cli.main "$@"\n'


def path_file() -> Path:
    """The .pth file that puts the tree on the environment's import path."""
    found = sorted((VENV / "lib").glob("python3.*/site-packages"))
    return (found[0] if found else VENV) / "samvad.pth"


def launcher_done() -> bool:
    """The command and the import path are there and name this tree."""
    return (
        LAUNCHER.is_file()
        and LAUNCHER.read_text() == launcher_text()
        and path_file().is_file()
        and path_file().read_text().strip() == str(ROOT)
    )


def make_launcher() -> None:
    """Write the command and the import path."""
    path_file().write_text(str(ROOT) + "\n")
    LAUNCHER.write_text(launcher_text())
    LAUNCHER.chmod(0o755)
