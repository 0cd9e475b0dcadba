"""`samvad suggest`: what it prints of a district's file, and what it says when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.cli.main import main

DISTRICTS = Path(__file__).resolve().parents[3] / "deploy" / "districts"
JANJGIR = DISTRICTS / "janjgir-champa.yaml"


def suggest(*words: str, file: Path | None = JANJGIR) -> Result:
    options = ["--file", str(file)] if file else []
    return CliRunner().invoke(main, ["suggest", *options, *words])


def test_a_table_for_people_says_service_name_and_department() -> None:
    result = suggest("hamare gaon ka handpump kharab hai")
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert all(title in lines[1] for title in ("score", "service", "name", "department"))
    assert "hand-pump" in lines[3]
    assert "हैंडपंप" in lines[3]
    assert "Hand pump broken" in lines[4]
    assert "Public Health Engineering" in lines[4]


def test_one_object_for_machines_the_likeliest_first() -> None:
    result = suggest("--json", "rashan card hai phir bhi chawal nahi mila")
    answer = json.loads(result.stdout)
    assert (answer["district"], answer["version"], answer["kind"]) == ("janjgir-champa", None, None)
    assert answer["suggestions"][0]["service"] == "ration-not-given"
    scores = [one["score"] for one in answer["suggestions"]]
    assert 2 <= len(scores) <= 3
    assert scores == sorted(scores, reverse=True)
    assert answer["suggestions"][0]["name"]["en"] == "Ration not given"
    assert answer["suggestions"][0]["department"] == {
        "id": "food",
        "name": {"hi": "खाद्य, नागरिक आपूर्ति विभाग", "en": "Food and Civil Supplies"},
    }


def test_words_need_no_quotes_and_there_are_as_many_as_asked_for() -> None:
    words = ("sadak", "bijli", "rashan", "pension", "handpump", "daru")
    together = suggest("--json", " ".join(words))
    assert suggest("--json", *words).stdout == together.stdout
    assert len(json.loads(together.stdout)["suggestions"]) == 3
    assert len(json.loads(suggest("--json", "--most", "5", *words).stdout)["suggestions"]) == 5


def test_only_services_that_take_the_kind() -> None:
    sakti = DISTRICTS / "sakti.yaml"

    def found(*kind: str) -> list[str]:
        answer = json.loads(suggest("--json", *kind, "मेरा सुझाव", "advice", file=sakti).stdout)
        return [one["service"] for one in answer["suggestions"]]

    assert found() == found("--kind", "suggestion") == ["sujhav"]
    assert found("--kind", "complaint") == []


def test_a_text_without_a_service_is_an_answer_to_a_machine_and_an_error_to_a_person() -> None:
    result = suggest("--json", "namaste sahab")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["suggestions"] == []
    result = suggest("namaste sahab")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "Error: TEXT names no service of janjgir-champa\n"


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("",), 1, "TEXT says nothing"),
        ((" \n ",), 1, "TEXT says nothing"),
        ((), 2, "Missing argument 'TEXT...'"),
        (("pani " * 801,), 1, "TEXT has 4004 characters, above 4000"),
        (("--kind", "grumble", "pani nahi"), 2, "'grumble' is not one of 'complaint'"),
        (("--district", "sakti", "pani nahi"), 1, "directory of janjgir-champa, not of sakti"),
        (("--file", "no-such.yaml", "pani nahi"), 2, "no-such.yaml"),
    ],
)
def test_what_is_wrong_is_named(words: tuple[str, ...], code: int, why: str) -> None:
    result = suggest(*words)
    assert result.exit_code == code
    assert result.stdout == ""
    assert why in result.stderr
    if code == 1:
        assert result.stderr.count("\n") == 1


def test_a_file_with_faults_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(JANJGIR.read_text("utf-8").replace("department: phe", "department: nobody"))
    result = suggest("pani nahi", file=file)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: broken.yaml: ")
    assert "faults (samvad directory check broken.yaml)" in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_a_file_it_asks_the_store_and_says_when_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SAMVAD_MONGO", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50")
    result = suggest("pani nahi", file=None)
    assert result.exit_code == 1
    assert "the store is unavailable" in result.stderr
    assert result.stderr.count("\n") == 1
