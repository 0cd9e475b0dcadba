"""An installation's own words for no more messages and for messages again, and what can be wrong in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.kernel.adapters.choices import ChoicesFaults, load_choices, read_choices
from services.kernel.domain.choices import Choices, choices


def test_an_installations_own_words(tmp_path: Path) -> None:
    assert load_choices() == load_choices(tmp_path) == choices(), "a folder without the file"
    (tmp_path / "choices.yaml").write_text("stop: [Bas Karo]\nstart: [phir]\n", encoding="utf-8")
    own = load_choices(tmp_path)
    assert own == Choices(frozenset({"bas karo"}), frozenset({"phir"}))
    assert (own.wants("bas, karo!"), own.wants("PHIR"), own.wants("stop")) == (
        False,
        True,
        None,
    )


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("stop: [a]\n", ["1: `start` is missing"]),
        ("stop: [a]\nstart: [b]\nstrat: [c]\n", ["3: unknown key `strat`, not one of start, stop"]),
        ("stop: a\nstart: [b]\n", ["1: must be a list"]),
        ("stop: []\nstart: [b]\n", ["1: `stop` must name at least one word"]),
        ("stop: [a]\nstart:\n  - b\n  - ''\n", ["4: must be a text"]),
        ("stop: [a]\nstart:\n  - b\n  - '!?'\n", ["4: `!?` has no letter or digit"]),
        ("stop: [a]\nstart: [{b: c}]\n", ["2: must be a text"]),
        ("stop:\n  - Bas karo\n  - bas  KARO!\nstart: [b]\n", ["3: `bas  KARO!` is given twice"]),
        ("stop: [a]\nstart:\n  - b\n  - A.\n", ["4: `A.` stands under `stop` too"]),
        (
            "start:\n  - b\n  - a\nstop:\n  - c\n  - c\n  - a\n",
            ["3: `a` stands under `stop` too", "6: `c` is given twice"],
        ),
        ("stop: [a\nstart: [b]\n", None),
        ("stop: &x [a]\nstart: [b]\n", None),
        ("", None),
    ],
)
def test_what_is_wrong_in_them(text: str, faults: list[str] | None) -> None:
    with pytest.raises(ChoicesFaults) as caught:
        read_choices(text)
    if faults is None:
        assert all(line.startswith("choices.yaml:") for line in caught.value.faults)
    else:
        assert caught.value.faults == [f"choices.yaml:{fault}" for fault in faults]
