"""Messages that travel beside the cases are made in one way, and as the catalogue says."""

from __future__ import annotations

import re

import pytest

from services.kernel.contracts.beside import DirectoryPublished
from services.kernel.contracts.codec import Beside, beside_the_case
from services.kernel.contracts.examples import (
    DISTRICT,
    FILED_AT,
    TRACEPARENT,
    Example,
    examples,
)
from services.kernel.contracts.topics import DIRECTORY

BESIDE = [example for example in examples().values() if isinstance(example.event, Beside)]


@pytest.mark.parametrize("example", BESIDE, ids=lambda example: example.type)
def test_every_example_beside_the_case_is_made_so(example: Example) -> None:
    message = example.message
    assert isinstance(example.event, Beside)
    headers = {name: text.decode() for name, text in message.headers}
    made = beside_the_case(
        example.event,
        message.topic,
        headers["ce_source"].removeprefix("/samvad/"),
        key=message.key,
        ce_id=headers["ce_id"],
        traceparent=TRACEPARENT,
    )
    assert made == message


@pytest.mark.parametrize("given", [None, "", "00-abc", f"{TRACEPARENT}\n"])
def test_a_trace_is_begun_where_there_is_none_to_go_on_with(given: str | None) -> None:
    event = DirectoryPublished(district=DISTRICT, version=7, at=FILED_AT)
    made = beside_the_case(event, DIRECTORY, "cli", key=b"d", ce_id="d/7", traceparent=given)
    begun = dict(made.headers)["traceparent"].decode()
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", begun)
    assert begun != TRACEPARENT
