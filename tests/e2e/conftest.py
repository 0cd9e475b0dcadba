"""The whole line, as `samvad up` starts it, once for all end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.cli.stack import Ports, Stack


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("line")
    with Stack(home, Ports.free()) as stack:
        yield stack
