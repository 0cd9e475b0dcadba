"""System packages: what is missing, and installing it by apt-get where that is possible."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from setup_step import VENV, SetupError, run

NEEDED_JAVA = 17


class Needed(NamedTuple):
    """A command (on PATH, or by its whole path), Debian's package that has it, and what it is for."""

    command: str
    package: str
    use: str


RUN_COMMANDS = (
    Needed("java", "default-jre-headless", "Kafka"),
    Needed("mvn", "maven", "fetching Kafka and the web assets"),
    Needed("prometheus", "prometheus", "metrics"),
)
TEST_COMMANDS = (
    Needed("chromium", "chromium", "tests of the pages in a browser"),
    Needed("docker-compose", "docker-compose", "the check of docker-compose.yml"),
    Needed("node", "nodejs", "the check of the AsyncAPI document"),
    Needed("npm", "npm", "the check of the AsyncAPI document"),
    Needed("bearerbox", "kannel", "tests against a real SMS gateway"),
    Needed("/usr/lib/kannel/test/fakesmsc", "kannel-extras", "tests against a real SMS gateway"),
)
SYSTEM_COMMANDS = "/usr/sbin"
"""Where Debian puts the commands of daemons, and where a user's PATH may not lead."""
TEST_FONTS = ("fonts-noto-core", "fonts-lohit-deva")


def java_version() -> int | None:
    """The major version of the Java on PATH, or None where there is none that runs."""
    try:
        text = subprocess.run(
            ["java", "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        ).stdout.decode("utf-8", "replace")
    except OSError:
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(found.group(1)) if found else None


def commands(kind: str, *, maven: bool) -> list[Needed]:
    """What must be there. Maven only while there is something to fetch with it."""
    needed = RUN_COMMANDS + (TEST_COMMANDS if kind == "test" else ())
    return [entry for entry in needed if entry.command != "mvn" or maven]


def missing(needed: Sequence[Needed], kind: str) -> list[Needed]:
    """Those entries whose command is not there, and packages without a command that are not
    installed."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), SYSTEM_COMMANDS])
    absent = [entry for entry in needed if not shutil.which(entry.command, path=path)]
    if not VENV.exists() and importlib.util.find_spec("ensurepip") is None:
        absent.append(Needed("", "python3-venv", "the virtual environment"))
    if kind == "test" and shutil.which("dpkg-query"):
        fonts = [Needed("", package, "Devanagari in the tests of pages") for package in TEST_FONTS]
        absent.extend(font for font in fonts if not _installed(font.package))
    return absent


def _installed(package: str) -> bool:
    shown = subprocess.run(
        ["dpkg-query", "-W", "-f=${Status}", package],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return b"install ok installed" in shown.stdout


def done(needed: Sequence[Needed], kind: str) -> bool:
    """Whether all is there, with a Java that is new enough."""
    version = java_version()
    return not missing(needed, kind) and version is not None and version >= NEEDED_JAVA


def install(needed: Sequence[Needed], kind: str) -> None:
    """Install what is missing by apt-get, or name it in one line where that cannot be done from
    here."""
    absent = missing(needed, kind)
    packages = sorted({entry.package for entry in absent})
    debian = Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None
    if absent and debian and os.geteuid() == 0:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        install_line = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
        run(["apt-get", "update", "-q"], "apt-update", environment=quiet)
        with NoServiceStarts():
            run(install_line, "apt-install", environment=quiet)
    elif absent:
        uses = "; ".join(f"{entry.package} for {entry.use}" for entry in absent)
        how = "sudo apt-get install --no-install-recommends" if debian else "your system's packages"
        raise SetupError(f"missing: {uses}. Install: {how} {' '.join(packages)}")
    version = java_version()
    if version is None or version < NEEDED_JAVA:
        raise SetupError(
            f"Kafka needs Java {NEEDED_JAVA} or newer on PATH, found {version or 'none'}: "
            "apt-get install openjdk-17-jre-headless, or your system's like package"
        )


class NoServiceStarts:
    """While packages are installed, keep Debian from starting their own daemons (a Prometheus on
    port 9090, a Kannel)."""

    policy = Path("/usr/sbin/policy-rc.d")

    def __enter__(self) -> None:
        self.ours = not self.policy.exists()
        if self.ours:
            self.policy.write_text("#!/bin/sh\nexit 101\n")
            self.policy.chmod(0o755)

    def __exit__(self, *_: object) -> None:
        if self.ours:
            self.policy.unlink()
