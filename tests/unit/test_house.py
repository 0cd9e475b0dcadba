"""The house rules: style, types, the direction of imports, and what may not stand in the repository."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LONGEST = 420
BIN = Path(sys.executable).parent


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [PROJECT / name for name in listed.split("\0") if name and (PROJECT / name).is_file()]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([BIN / "ruff", "check", "."], id="ruff"),
        pytest.param([BIN / "mypy", "--strict", "services"], id="mypy"),
        pytest.param([BIN / "lint-imports"], id="import-linter"),
        pytest.param(
            [sys.executable, "-m", "services.kernel.contracts.generate", "--check"], id="contracts"
        ),
        pytest.param(
            [sys.executable, "-m", "services.kernel.domain.lifecycle_docs", "--check"],
            id="lifecycle-drawing",
        ),
    ],
)
def test_checks_pass(command: list[str | Path]) -> None:
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_no_source_file_is_too_long() -> None:
    long = {
        str(path.relative_to(PROJECT)): lines
        for path in tracked()
        if path.suffix == ".py" and (lines := len(path.read_text().splitlines())) > LONGEST
    }
    assert not long


def test_no_file_is_named_for_a_heap_of_things() -> None:
    heaps = {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert not [path for path in tracked() if path.name in heaps]


def test_no_path_of_a_machine_and_no_address_of_a_registry() -> None:
    # put together from parts, so that this file does not hold what it looks for
    registries = ["pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "npmjs" + ".com"]
    registries += ["repo1.maven" + ".org", "repo.maven" + ".apache.org", "deb.debian" + ".org"]
    machine = [str(place) for place in (PROJECT, Path.home()) if len(place.parts) > 1]
    pattern = re.compile("|".join(map(re.escape, [*registries, *machine])))
    found = [
        f"{path.relative_to(PROJECT)}:{number}"
        for path in tracked()
        if path.suffix not in (".png", ".ico", ".jar")
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not found


def test_lock_files_have_a_hash_for_every_requirement() -> None:
    locks = [path for path in tracked() if path.suffix == ".lock" and "requirements" in path.name]
    assert locks
    for lock in locks:
        text = lock.read_text()
        pinned = re.findall(r"^[a-z0-9][a-z0-9._\[\]-]*==\S+ \\$", text, re.MULTILINE | re.IGNORECASE)
        named = re.findall(r"^[a-z0-9]\S*==", text, re.MULTILINE | re.IGNORECASE)
        assert pinned, lock.name
        assert len(pinned) == len(named), lock.name
        assert "--index-url" not in text
