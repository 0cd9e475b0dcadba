"""Cursors that only we can make, and the words of the desk."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.desk.core import acts, forms, notices
from services.desk.core.cursor import Position
from services.desk.core.texts import Texts
from services.kernel.contracts.events import EVENTS
from services.kernel.contracts.notices import AttemptRow, MessageState
from services.kernel.domain import lifecycle
from services.kernel.domain.directory import KINDS, LANGUAGES, PRIORITIES
from services.kernel.domain.errors import Invalid
from services.notify.core.book import AUDIENCES, CHANNELS

SECRET = "a-secret-of-the-tests-with-32-bytes"
NOW = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
INSTANTS = st.datetimes(
    min_value=datetime(1960, 1, 1), max_value=datetime(2500, 1, 1), timezones=st.just(UTC)
).map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))


@given(deadline=st.none() | INSTANTS, digits=st.integers(0, 9_999_999_999))
def test_a_cursor_comes_back_as_it_was(deadline: datetime | None, digits: int) -> None:
    position = Position(deadline, f"{digits:010d}")
    text = position.write(SECRET)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert Position.read(text, SECRET) == position


@given(text=st.text(max_size=150))
def test_what_we_did_not_make_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        Position.read(text, SECRET)
    assert caught.value.field == "cursor"


def test_a_cursor_that_was_changed_is_refused() -> None:
    text = Position(NOW, "2600000016").write(SECRET)
    for index in range(len(text)):
        other = "A" if text[index] != "A" else "B"
        with pytest.raises(Invalid):
            Position.read(text[:index] + other + text[index + 1 :], SECRET)
    with pytest.raises(Invalid):
        Position.read(text, "another-secret")


@pytest.mark.parametrize(
    ("left", "hindi", "english"),
    [
        (timedelta(hours=3, minutes=20), "3 घंटे शेष", "due in 3 h"),
        (timedelta(minutes=5), "5 मिनट शेष", "due in 5 min"),
        (timedelta(0), "1 मिनट शेष", "due in 1 min"),
        (timedelta(days=4), "4 दिन शेष", "due in 4 days"),
        (timedelta(milliseconds=-1), "1 मिनट विलंबित", "overdue by 1 min"),
        (timedelta(hours=-30), "30 घंटे विलंबित", "overdue by 30 h"),
        (timedelta(days=-2), "2 दिन विलंबित", "overdue by 2 days"),
        (None, "समय सीमा नहीं", "no deadline"),
    ],
)
def test_how_long_is_left(texts: Texts, left: timedelta | None, hindi: str, english: str) -> None:
    deadline = None if left is None else NOW + left
    assert texts.due(deadline, NOW, "hi") == hindi
    assert texts.due(deadline, NOW, "en") == english


def test_everything_that_can_be_has_its_words(texts: Texts) -> None:
    wanted = [
        *(f"state.{state}" for state in lifecycle.STATES),
        *(f"action.{action}" for action in lifecycle.ACTIONS),
        *(f"done.{action}" for action in lifecycle.ACTIONS),
        *(f"role.{role}" for role in lifecycle.ROLES),
        *(f"reason.{reason}" for reason in lifecycle.REJECTION_REASONS),
        *(f"kind.{kind}" for kind in KINDS),
        *(f"priority.{priority}" for priority in PRIORITIES),
        *(f"outcome.{outcome}" for outcome in acts.FEEDBACK_OUTCOMES),
        *(f"placed.{action}" for action in acts.PLACING),
        *(f"form.{field}" for fields in forms.CHOICES.values() for field in fields),
        *(f"audience.{audience}" for audience in AUDIENCES),
        *(f"channel.{channel}" for channel in CHANNELS),
        *(f"notice_state.{state}" for state in get_args(MessageState)),
        *(f"outcome_of.{outcome}" for outcome in _outcomes()),
    ]
    assert [key for key in wanted if key not in texts] == []


def _outcomes() -> list[str]:
    return [o for part in get_args(AttemptRow.model_fields["outcome"].annotation) for o in get_args(part)]


def test_every_event_of_a_case_that_somebody_may_be_told_of_has_its_words(texts: Texts) -> None:
    assert _outcomes() == ["accepted", "transient", "permanent", "unknown"]
    types = [name for name, model in EVENTS.items() if model.ROOMS]
    assert len(types) > 30
    for language in LANGUAGES:
        bare = [t for t in types if "." in notices.about(t, texts, language)]
        assert bare == []
    assert notices.about("samvad.case.beamed.v1", texts, "hi") == "case.beamed"


def test_every_text_is_in_both_languages_with_the_same_places() -> None:
    raw = yaml.safe_load(resources.files("services.desk").joinpath("data/texts.yaml").read_text())
    for group, entries in raw.items():
        for key, text in entries.items():
            assert set(text) == set(LANGUAGES), f"{group}.{key}"
            places = {lang: set(re.findall(r"\{(\w+)\}", text[lang])) for lang in LANGUAGES}
            assert places["hi"] <= places["en"], f"{group}.{key}"


def test_templates_carry_no_words_and_name_only_texts_that_there_are(texts: Texts) -> None:
    folder = Path(str(resources.files("services.desk").joinpath("templates")))
    for template in folder.glob("*.html"):
        source = template.read_text()
        for key in re.findall(r"say\('([\w.]+)'[,)]", source):
            assert key in texts, f"{template.name}: {key}"
        bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", " ", source, flags=re.S)
        assert not re.search(r"[A-Za-z\u0900-\u097f]{2,}", bare), template.name
