"""What schemathesis asks beside its own checks. Loaded by it in its own process, for each document.

Every answer, whatever was sent: an error is `{"error": {"code", "reason", "field"?}}`, a failure of ours is
a 503 that says when to come again, and a request that fits the document is refused only for what no document
can know: ids of the directory, check digits, values that are wrong without another.

An act that fits the document is sent with the version that its case has just then, and mostly as one that is
allowed then, so that cases move on.
"""

from __future__ import annotations

import re
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response

ONLY_THE_SERVER_KNOWS = {
    "district", "service", "named_official", "place.block", "citizen.phone", "place.lat", "place.lng",
    "ticket", "cursor", "q", "department", "office", "officer", "block", "at",
    "holidays.calendar", "holidays.day", "media",
}  # fmt: skip
"""Fields whose values a document cannot list: `at` reaches to a year from now."""
SAYS_NOTHING = {"field": "text", "code": "missing", "reason": "text says nothing"}
"""No pattern tells which signs are to be seen."""
ACTING = "POST /api/v1/cases/{ticket}/actions"
REFUSALS = (400, 408, 413, 415, 422)
_CODE = re.compile(r"[a-z][a-z_]*")


@schemathesis.check
def errors_have_one_shape(_: CheckContext, response: Response, case: Case) -> None:
    if response.status_code < 400:
        return
    assert response.headers["content-type"] == ["application/json"], "an error is JSON"
    body = response.json()
    assert set(body) == {"error"}, "an error has one member, `error`"
    error = body["error"]
    assert _CODE.fullmatch(error["code"]), "the code is a stable word"
    assert isinstance(error["reason"], str) and error["reason"], "the reason is a sentence"
    if response.status_code in REFUSALS:
        assert isinstance(error["field"], str) and error["field"], "what is wrong is named"


@schemathesis.check
def a_failure_says_when_to_come_again(_: CheckContext, response: Response, case: Case) -> None:
    if response.status_code >= 500:
        assert response.status_code == 503, "only 503 tells of a failure"
        assert int(response.headers["retry-after"][0]) > 0, "503 says when to come again"


@schemathesis.check
def what_fits_is_refused_for_what_only_the_server_knows(
    _: CheckContext, response: Response, case: Case
) -> None:
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.status_code in REFUSALS:
        error = response.json()["error"]
        faults = error.get("faults", [error])
        fields = {fault["field"] for fault in faults if fault != SAYS_NOTHING}
        fields = {re.sub(r"\[\d+\]", "", field) for field in fields}
        assert fields <= ONLY_THE_SERVER_KNOWS, f"the document allows it: {sorted(fields)}"


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    if case.operation.label != ACTING or case.meta is None or not isinstance(case.body, dict):
        return
    if not case.meta.generation.mode.is_positive:
        return
    look = case.operation.schema["/api/v1/cases/{ticket}"]["GET"]
    seen = look.Case(path_parameters=case.path_parameters).call(headers=case.headers)
    if seen.status_code != 200:
        return
    made_up, now = case.body["expected_version"], seen.json()
    case.body["expected_version"] = now["version"]
    if case.meta.phase.name == "fuzzing" and made_up % 3:
        alike = [action for action in now["allowed"] if action in _taking_the_same(case)]
        if alike:
            case.body["action"] = alike[int(made_up) % len(alike)]


def _taking_the_same(case: Case) -> list[str]:
    """The actions that take the same fields as the one that was made up."""
    schema = case.operation.definition.raw["requestBody"]["content"]["application/json"]["schema"]
    named: list[list[str]] = [shape["properties"]["action"]["enum"] for shape in schema["oneOf"]]
    return next(actions for actions in named if case.body["action"] in actions)
