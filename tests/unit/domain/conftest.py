"""A small district, whole enough for suggestions, places and clocks."""

from __future__ import annotations

from datetime import time

import pytest

from services.kernel.domain.directory import (
    Allowance,
    Block,
    Calendar,
    CallCentre,
    Department,
    District,
    Emergency,
    Ladder,
    Office,
    Officer,
    Policy,
    Rung,
    Service,
    Targets,
    Text,
    Village,
    Window,
)

_OFFICE = (Window(time(10), time(18)),)
_ALWAYS = (Window(time(0), time(0)),)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _service(
    id_: str, hi: str, en: str, *keywords: str, policy: str | None = "standard", **rest: object
) -> Service:
    return Service(id_, "all", Text(hi, en), keywords, policy, **rest)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def district() -> District:
    return District(
        id="nadi-par",
        code="NP",
        name=Text("नदी-पार", "Nadi-Par"),
        zone="Asia/Kolkata",
        blocks=(
            Block(
                "akaltara",
                Text("अकलतरा", "Akaltara"),
                "north",
                (
                    Village("kirari", Text("किरारी", "Kirari")),
                    Village("rampur-a", Text("रामपुर", "Rampur")),
                    Village("town", Text("अकलतरा (नगर)", "Akaltara town")),
                ),
            ),
            Block(
                "nawagarh",
                Text("नवागढ़", "Nawagarh"),
                "south",
                (
                    Village("shivri", Text("शिवरीनारायण", "Shivrinarayan"), ("शिवरी नारायण",)),
                    Village("rampur-n", Text("रामपुर", "Rampur")),
                    Village("kera", Text("केरा", "Kera")),
                ),
            ),
            Block("pamgarh", Text("पामगढ़", "Pamgarh"), "south", (), ("pamgad",)),
        ),
        departments=(Department("all", Text("सब", "All"), "collector-1"),),
        offices=(Office("main", "all", Text("मुख्य", "Main")),),
        officers=(
            Officer("collector-1", Text("क", "A"), Text("क", "A"), role="collector", office="main"),
        ),
        services=(
            _service("hand-pump", "हैंडपंप मरम्मत", "Hand pump repair", "हैंडपंप", "handpump", "चापाकल"),
            _service("water", "पेयजल", "Drinking water", "पीने का पानी", "pine ka pani", "नल"),
            _service("ration", "राशन वितरण", "Ration not given", "राशन", "rashan", "राशन दुकान"),
            _service("pension", "पेंशन", "Pension stopped", "वृद्धा पेंशन", "vridha pension"),
            _service("power", "बिजली बंद", "Power cut", "बिजली", "bijli", "ट्रांसफार्मर"),
            _service("road", "सड़क मरम्मत", "Road repair", "सड़क", "sadak", "गड्ढे", "pothole"),
            _service("teacher", "शिक्षक अनुपस्थित", "Teacher absent", "शिक्षक", "school teacher"),
            _service("idea", "सुझाव पेटी", "Tree planting", "वृक्षारोपण", kinds=("suggestion",)),
            _service("unclocked", "पुस्तकालय", "Library", "library", policy=None),
        ),
        calendars=(
            Calendar("office", "Asia/Kolkata", dict.fromkeys(_DAYS[:5], _OFFICE)),
            Calendar("always", "Asia/Kolkata", dict.fromkeys(_DAYS, _ALWAYS)),
        ),
        policies=(
            Policy(
                "standard",
                "office",
                "ladder",
                (
                    Targets(
                        priorities=("emergency",),
                        calendar="always",
                        acknowledge=Allowance(working_seconds=900),
                        resolve=Allowance(working_seconds=86_400),
                    ),
                    Targets(kinds=("suggestion",), resolve=Allowance(calendar_days=30)),
                    Targets(
                        kinds=("complaint",),
                        acknowledge=Allowance(working_seconds=8 * 3600),
                        first_response=Allowance(working_seconds=16 * 3600),
                        resolve=Allowance(calendar_days=7),
                    ),
                ),
            ),
        ),
        ladders=(Ladder("ladder", (Rung("resolve", 0, "officer"), Rung("resolve", 7, "head"))),),
        collector="collector-1",
        call_centre=CallCentre("+917970001634", "office"),
        emergency=Emergency("112", "1077"),
    )
