"""The table in README.md names tests that exist, and every row of the matrix has one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("README.md").read_text()
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", TABLE)
ROWS = range(1, 13)


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds)}


def test_every_test_that_the_table_names_exists() -> None:
    assert NAMED
    assert [name for name in NAMED if name[1] not in functions(TESTS / name[0])] == []


def test_every_row_has_a_test() -> None:
    rows = [line for line in TABLE.splitlines() if re.match(r"\| \d+ \|", line)]
    assert {int(line.split("|")[1]) for line in rows if "::test_" in line} == set(ROWS)


def test_every_test_of_this_folder_is_in_the_table() -> None:
    here = {
        name
        for path in Path(__file__).parent.glob("test_*.py")
        if path != Path(__file__)
        for name in functions(path)
        if name.startswith("test_")
    }
    assert here - {name for _, name in NAMED} == set()
