"""Who is to work a case: the pure placing function."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.domain.directory import District, Leave
from services.routing.core.placing import Request, candidates, place
from services.routing.core.reasons import Reasons

DAY = date(2026, 3, 2)


@pytest.fixture(scope="module")
def pump(janjgir: District) -> Request:
    service = next(s for s in janjgir.services if s.department == "phe" and "pump" in s.id)
    return Request(service=service.id, block="akaltara")


def test_the_one_with_the_fewest_open_cases_gets_it(janjgir: District, pump: Request) -> None:
    found = candidates(janjgir, pump, DAY)
    assert len(found) >= 3
    loads = {officer.id: 9 for officer in found} | {found[1].id: 4}
    placement = place(janjgir, pump, loads, DAY)
    assert placement.officer == found[1].id
    assert placement.department == "phe"
    assert placement.reason.values["open"] == 4
    assert placement.reason.values["of"] == len(found)


def test_the_reason_is_a_sentence_in_both_languages(janjgir: District, pump: Request) -> None:
    placement = place(janjgir, pump, {}, DAY)
    reasons = Reasons.load()
    english = reasons.sentence(placement.reason, janjgir, "en")
    hindi = reasons.sentence(placement.reason, janjgir, "hi")
    assert english.startswith("Akaltara")
    assert "fewest of 3" in english
    assert "{" not in english + hindi
    assert any("\u0900" <= letter <= "\u097f" for letter in hindi)


def test_a_burst_is_spread_over_the_office(janjgir: District, pump: Request) -> None:
    loads: Counter[str] = Counter()
    for _ in range(300):
        officer = place(janjgir, pump, loads, DAY).officer
        assert officer is not None
        loads[officer] += 1
    assert max(loads.values()) - min(loads.values()) <= 1


def test_nobody_on_leave_and_not_the_named_official(janjgir: District, pump: Request) -> None:
    found = candidates(janjgir, pump, DAY)
    away = found[0]
    officers = tuple(
        replace(o, leave=(Leave(DAY, DAY),)) if o.id == away.id else o for o in janjgir.officers
    )
    district = replace(janjgir, officers=officers)
    assert away.id not in {o.id for o in candidates(district, pump, DAY)}


def test_a_named_official_and_his_office_are_passed_over(
    janjgir: District, pump: Request
) -> None:
    named = candidates(janjgir, pump, DAY)[0]
    placement = place(janjgir, replace(pump, named_official=named.id), {}, DAY)
    assert placement.officer is not None
    assert placement.office != named.office


def test_with_nobody_in_the_office_it_goes_to_the_head_and_on_up(
    janjgir: District, pump: Request
) -> None:
    everyone = tuple(
        replace(o, retired=True) if o.role == "officer" else o for o in janjgir.officers
    )
    district = replace(janjgir, officers=everyone)
    head = janjgir.department_by_id["phe"].head
    assert place(district, pump, {}, DAY).officer == head
    without_head = replace(
        district,
        officers=tuple(replace(o, retired=o.retired or o.id == head) for o in everyone),
    )
    above = place(without_head, pump, {}, DAY).officer
    assert above is not None
    assert janjgir.officer_by_id[above].role in ("sdm", "collector")


@pytest.mark.parametrize("suggested", [(), ("hand-pump",)])
def test_without_a_service_a_person_decides(janjgir: District, suggested: tuple[str, ...]) -> None:
    placement = place(janjgir, Request(None, "akaltara", suggested=suggested), {}, DAY)
    assert placement.department is None
    assert placement.officer is None
    assert placement.reason.code == ("suggested" if suggested else "unclear")


@given(data=st.data())
def test_whoever_gets_it_is_on_duty_and_of_the_department(
    data: st.DataObject, janjgir: District
) -> None:
    service = data.draw(st.sampled_from(janjgir.services))
    block = data.draw(st.sampled_from([None, *(b.id for b in janjgir.blocks)]))
    named = data.draw(st.sampled_from([None, *(o.id for o in janjgir.officers)]))
    gone = data.draw(st.sets(st.sampled_from([o.id for o in janjgir.officers]), max_size=40))
    district = replace(
        janjgir,
        officers=tuple(replace(o, retired=o.id in gone) for o in janjgir.officers),
    )
    placement = place(district, Request(service.id, block, named), {}, DAY)
    assert placement.department == service.department
    if placement.officer is None:
        return
    officer = district.officer_by_id[placement.officer]
    assert officer.on_duty(DAY)
    assert officer.id != named
    assert placement.office == officer.office
    if officer.role == "officer":
        assert district.office_by_id[officer.office].department == service.department


def test_a_complaint_about_one_of_the_chain_goes_one_level_up(
    janjgir: District, pump: Request
) -> None:
    head = janjgir.department_by_id["phe"].head
    block = janjgir.block_by_id["akaltara"]
    sdm = next(o.id for o in janjgir.officers if o.subdivision == block.subdivision)
    officer = candidates(janjgir, pump, DAY)[0].id

    def goes_to(named: str) -> str | None:
        return place(janjgir, replace(pump, named_official=named), {}, DAY).officer

    assert goes_to(officer) == head
    assert goes_to(head) == sdm
    assert goes_to(sdm) == janjgir.collector
    assert goes_to(janjgir.collector) == head, "above the Collector there is nobody"


def test_a_complaint_that_names_somebody_elsewhere_goes_its_usual_way(
    janjgir: District, pump: Request
) -> None:
    elsewhere = next(o for o in janjgir.officers if o.office.startswith("police"))
    placement = place(janjgir, replace(pump, named_official=elsewhere.id), {}, DAY)
    assert placement.officer == place(janjgir, pump, {}, DAY).officer
