"""Who may do what with whose case: the lifecycle knows roles, the desk knows persons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.desk.core import rights
from services.kernel.domain import lifecycle
from services.kernel.domain.case import Case, Entry
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Forbidden, IllegalAction
from services.kernel.domain.people import Actor, visible

MakeCase = Callable[..., Case]
D = "janjgir-champa"
OFFICER = Actor("officer", "phe-akaltara-1", D)
COLLEAGUE = Actor("officer", "phe-akaltara-2", D)
HEAD = Actor("head", "phe-head-1", D)
SDM = Actor("sdm", "sdm-akaltara-1", D)
COLLECTOR = Actor("collector", "collector-1", D)
OPERATOR = Actor("operator", None, D)
ADMIN = Actor("admin", None, D)
STRANGERS = [
    Actor("officer", "phe-baloda-1", D),
    Actor("head", "pwd-head-1", D),
    Actor("sdm", "sdm-janjgir-1", D),
    Actor("collector", "pwd-head-1", D),
    Actor("officer", None, D),
    Actor("operator", None, "sakti"),
    Actor("ops", None, D),
    Actor("citizen", None, D),
    Actor("rule", None, D),
    Actor("routing", None, D),
]


@pytest.mark.parametrize("state", lifecycle.STATES)
@pytest.mark.parametrize(
    "actor", [OFFICER, HEAD, SDM, COLLECTOR, OPERATOR, ADMIN], ids=lambda a: a.role
)
def test_those_who_work_it_may_do_what_the_table_says(
    janjgir: District, make_case: MakeCase, state: str, actor: Actor
) -> None:
    case = make_case(state=state)
    in_the_table = lifecycle.allowed(state, actor.role)
    offered = tuple(action for action in in_the_table if action not in ("merge", "unmerge"))
    assert rights.allowed(actor, case, janjgir) == offered
    for action in lifecycle.ACTIONS:
        if action in rights.allowed(actor, case, janjgir):
            rights.check(actor, action, case, janjgir)
        else:
            with pytest.raises((Forbidden, IllegalAction)):
                rights.check(actor, action, case, janjgir)


@pytest.mark.parametrize("actor", STRANGERS, ids=str)
def test_strangers_may_do_nothing(janjgir: District, make_case: MakeCase, actor: Actor) -> None:
    case = make_case()
    assert rights.allowed(actor, case, janjgir) == ()
    assert not rights.sees(visible(actor, janjgir), case, janjgir)


def test_the_officer_never_closes(janjgir: District, make_case: MakeCase) -> None:
    for state in lifecycle.STATES:
        for actor in (OFFICER, HEAD, SDM, COLLECTOR):
            allowed = rights.allowed(actor, make_case(state=state), janjgir)
            assert not {"close", "confirm", "rate"} & set(allowed)


def test_a_colleague_may_only_note_something(janjgir: District, make_case: MakeCase) -> None:
    case = make_case()
    assert rights.allowed(COLLEAGUE, case, janjgir) == ("note",)
    with pytest.raises(Forbidden, match="another officer"):
        rights.check(COLLEAGUE, "acknowledge", case, janjgir)


def test_a_case_that_is_nobodys_may_be_taken_up_by_the_office(
    janjgir: District, make_case: MakeCase
) -> None:
    case = make_case(officer=None)
    assert "acknowledge" in rights.allowed(COLLEAGUE, case, janjgir)
    hidden = make_case(officer=None, confidential=True)
    assert rights.allowed(COLLEAGUE, hidden, janjgir) == ()


def test_a_rejection_is_approved_by_another_than_proposed_it(
    janjgir: District, make_case: MakeCase
) -> None:
    def proposed(by: str) -> Case:
        case = make_case(state="in_progress", proposal="duplicate")
        entry = Entry(
            n=2,
            at=case.filed_at + timedelta(hours=1),
            action="propose_rejection",
            state="in_progress",
            role="head",
            person=by,
        )
        return replace(case, history=(entry,))

    own, others = proposed("phe-head-1"), proposed("phe-akaltara-1")
    assert "reject" not in rights.allowed(HEAD, own, janjgir)
    assert "refuse_rejection" in rights.allowed(HEAD, own, janjgir)
    with pytest.raises(Forbidden, match="somebody else"):
        rights.check(HEAD, "reject", own, janjgir)
    assert "reject" in rights.allowed(HEAD, others, janjgir)
    assert "reject" in rights.allowed(SDM, own, janjgir)


@pytest.mark.parametrize("actor", [OFFICER, COLLEAGUE], ids=lambda a: a.id)
def test_whom_the_case_names_sees_nothing_of_it_nor_does_his_office(
    janjgir: District, make_case: MakeCase, actor: Actor
) -> None:
    case = make_case(named_official="phe-akaltara-1", confidential=True)
    assert rights.allowed(actor, case, janjgir) == ()
    assert "assign" in rights.allowed(HEAD, case, janjgir)


def test_an_illegal_action_tells_what_this_person_may_do(
    janjgir: District, make_case: MakeCase
) -> None:
    with pytest.raises(IllegalAction) as caught:
        rights.check(COLLEAGUE, "resolve", make_case(), janjgir)
    assert caught.value.allowed == ("note",)


def test_the_collectors_token_need_not_name_him(janjgir: District) -> None:
    nameless = Actor("collector", None, D)
    assert rights.resolved_actor(nameless, janjgir) == COLLECTOR
    assert rights.resolved_actor(Actor("collector", None, "sakti"), janjgir).id is None
    assert rights.resolved_actor(OPERATOR, janjgir) == OPERATOR


@pytest.mark.parametrize(
    ("role", "person"),
    [
        ("head", "phe-akaltara-1"),
        ("sdm", "phe-akaltara-1"),
        ("collector", "phe-akaltara-1"),
        ("head", "sdm-akaltara-1"),
        ("sdm", "phe-head-1"),
        ("collector", "phe-head-1"),
        ("head", "collector-1"),
        ("head", None),
        ("sdm", None),
        ("sdm", "nobody"),
    ],
)
async def test_who_claims_a_post_that_is_not_his_is_nobody(
    bench: Any, make_case: MakeCase, janjgir: District, role: Any, person: str | None
) -> None:
    """Not even what he would see, or see of it, by his own post."""
    ticket = bench.put(make_case())
    assert (await bench.get(f"/api/v1/cases/{ticket}", role, person)).status_code == 404
    listed = (await bench.get("/api/v1/cases", role, person)).json()
    assert (listed["items"], listed["totals"]["all"]) == ([], 0)
    found = (await bench.get("/api/v1/cases", role, person, q=ticket, state="all")).json()
    assert found["items"] == []
    answer = await bench.act(ticket, "note", role, person, note="अ")
    assert answer.status_code == 404
    nobody = rights.resolved_actor(Actor(role, person, D), janjgir)
    assert rights.resolved_actor(nobody, janjgir) == nobody
    assert visible(nobody, janjgir).empty


@pytest.mark.parametrize("actor", [OFFICER, HEAD, SDM, COLLECTOR], ids=lambda a: a.role)
def test_a_post_that_is_held_counts(janjgir: District, actor: Actor) -> None:
    assert rights.resolved_actor(actor, janjgir) == actor


async def test_the_named_official_is_passed_over(bench: Any, make_case: MakeCase) -> None:
    """A transfer to a department that the case complains of goes past the whole office of who is named."""
    case = make_case(
        named_official="phe-akaltara-2",
        department="pwd",
        office="pwd-district",
        officer="pwd-district-1",
    )
    ticket = bench.put(case)
    for officer in ("phe-akaltara-2", "phe-akaltara-3"):
        answer = await bench.act(ticket, "transfer", "collector", officer=officer)
        assert answer.status_code == 422
        assert answer.json()["error"]["field"] == "officer"
    answer = await bench.act(ticket, "transfer", "collector", office="phe-akaltara")
    assert answer.json()["error"]["field"] == "office"
    answer = await bench.act(ticket, "transfer", "collector", department="phe")
    assert answer.status_code == 200
    assert bench.case(ticket).officer == "phe-head-1"
