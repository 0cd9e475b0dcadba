"""The description of an act and its check say the same: what one takes, the other takes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from services.desk import models
from services.desk.core import acts
from services.kernel.domain import lifecycle
from services.kernel.domain.errors import Invalid

DESCRIBED = Draft202012Validator(models.act_request())
NOTES = ("", " \n", "पाइप बदल दिया", "a\x07b", "a\x00b", "\u200b", "x" * acts.LONGEST_NOTE, "x" * 4001)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([1.0, 4.0, 4.5, -0.0, 1e40]),
    st.sampled_from([0, 1, 5, 6, acts.MOST_VERSION, acts.MOST_VERSION + 1]),
    st.sampled_from(NOTES),
    st.sampled_from(["phe", "hand-pump", "Not an id", "reached", "duplicate", "urgent", "-x", "x" * 65]),
    st.lists(st.sampled_from(["a", "b-1", "B", 7]), max_size=11),
    st.text(max_size=5),
)
FIT = {
    "note": st.sampled_from(["पाइप बदल दिया", "a\nb", "x" * acts.LONGEST_NOTE]),
    "public": st.booleans(),
    "priority": st.sampled_from(["normal", "urgent"]),
    "outcome": st.sampled_from(["reached", "done"]),
    "reason": st.sampled_from(["duplicate", "unfounded"]),
    "media": st.lists(st.just("photo-1"), max_size=acts.MOST_MEDIA),
    "rating": st.integers(1, 5),
}
NAMES = sorted({"note", "public", "favour", *(name for own in acts.FIELDS.values() for name in own)})


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly with the fields that go with the action, so that many are taken."""
    action = draw(st.sampled_from(lifecycle.ACTIONS))
    body: dict[str, Any] = {"action": action, "expected_version": 1}
    for name in draw(st.sets(st.sampled_from([*acts.FIELDS.get(action, ()), "note", "public"]))):
        body[name] = draw(FIT.get(name, st.just("phe")))
    if draw(st.booleans()):
        body[draw(st.sampled_from([*body, *NAMES]))] = draw(VALUES)
    return body


def taken(body: dict[str, Any]) -> bool:
    try:
        request = acts.parse(body)
    except Invalid:
        return False
    if any(name not in request.data for name in acts.needed(request.action)):
        return False
    outcome = request.data.get("outcome")
    return request.action != "end_feedback" or outcome in acts.FEEDBACK_OUTCOMES


@settings(max_examples=800, deadline=None)
@given(bodies())
def test_the_description_and_the_check_agree(body: dict[str, Any]) -> None:
    assert DESCRIBED.is_valid(body) == taken(body)
