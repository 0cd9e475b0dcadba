"""Parts of a file, as players ask for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.desk.core.ranges import Unsatisfiable, parse


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-", (0, 100)),
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-500", (90, 100)),
        ("bytes=99-", (99, 100)),
        ("bytes=-1", (99, 100)),
        ("bytes=-500", (0, 100)),
        ("Bytes= 5-6 ", (5, 7)),
        # what is no single range of bytes counts as not there
        ("bytes=0-1,5-6", None),
        ("bytes=7-3", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=१-२", None),
        ("bytes 0-1/100", None),
        ("seconds=0-1", None),
        ("bytes=" + "9" * 40 + "-", None),
        ("", None),
    ],
)
def test_what_is_asked_for_of_a_hundred_bytes(header: str | None, part: tuple[int, int] | None) -> None:
    assert parse(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=999999999999999999-"])
def test_what_lies_behind_the_end(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        parse(header, 100)


@given(st.text() | st.from_regex(r"bytes=[0-9]{0,5}-[0-9]{0,5}", fullmatch=True), st.integers(0, 2000))
def test_a_part_lies_within_the_file(header: str, size: int) -> None:
    try:
        part = parse(header, size)
    except Unsatisfiable:
        return
    assert part is None or 0 <= part[0] < part[1] <= size
