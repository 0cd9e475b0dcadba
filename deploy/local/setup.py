"""Set-up of one machine: everything that `samvad up` (run) or the tests (test) need.

Runs before the virtual environment exists, so it uses the standard library alone (Python 3.7 reads
it; the
project itself needs 3.11). Every step is keyed on a hash of its inputs: a second call does nothing
and
returns at once. Downloads go by package name through the ordinary clients (pip, uv, Maven, npm,
apt-get), are
pinned, and are checked against hashes where the client knows them.

Usage: python3 deploy/local/setup.py run|test
"""

from __future__ import annotations

import fcntl
import sys
import time
from collections.abc import Sequence

import setup_python
import setup_system
import setup_tools
from setup_step import SHED, SetupError, Step


def steps(kind: str) -> list[Step]:
    """The steps in the order in which they need each other."""
    lock = setup_python.lock_of(kind)
    commands = setup_system.commands(kind, maven=not setup_tools.jars_done())
    plan = [
        Step("Python", setup_python.python_there, setup_python.need_python),
        Step(
            "system packages",
            lambda: setup_system.done(commands, kind),
            lambda: setup_system.install(commands, kind),
        ),
        Step("virtual environment .venv", setup_python.venv_works, setup_python.make_venv),
        Step("uv", setup_python.uv_done, setup_python.install_uv),
        Step(
            f"Python packages of {lock.name}",
            lambda: setup_python.packages_done(kind),
            lambda: setup_python.install_packages(kind),
        ),
        Step("command .venv/bin/samvad", setup_python.launcher_done, setup_python.make_launcher),
        Step("Kafka and the web assets (Maven)", setup_tools.jars_done, setup_tools.fetch_jars),
        Step("MongoDB", setup_tools.mongod_done, setup_tools.fetch_mongod),
        Step("links in SAMVAD_HOME", setup_tools.links_done, setup_tools.make_links),
    ]
    if kind == "test":
        plan.append(
            Step("AsyncAPI parser (npm)", setup_tools.asyncapi_done, setup_tools.fetch_asyncapi)
        )
    return plan


def set_up(kind: str) -> None:
    """Do every step that is not done yet, saying which and how long it took."""
    begun = time.monotonic()
    SHED.mkdir(parents=True, exist_ok=True)
    with (SHED.parent / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("setup: another set-up of this tree is running, waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        changed = 0
        for step in steps(kind):
            if step.done():
                continue
            changed += 1
            print(f"setup: {step.title} …", end="", flush=True)
            start = time.monotonic()
            try:
                step.do()
            except BaseException:
                print(" failed", flush=True)
                raise
            print(f" {time.monotonic() - start:.1f} s", flush=True)
    if changed:
        print(f"setup: all in place after {time.monotonic() - begun:.0f} s", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 all in place, 1 a step failed, 2 wrong usage, 130 interrupted."""
    kind = arguments[0] if arguments else "run"
    if kind not in ("run", "test") or len(arguments) > 1:
        print("usage: python3 deploy/local/setup.py run|test", file=sys.stderr)
        return 2
    if not sys.platform.startswith("linux"):
        print(
            "setup: the one-machine stack runs on Linux; elsewhere use docker compose",
            file=sys.stderr,
        )
        return 1
    try:
        set_up(kind)
    except (SetupError, OSError) as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
