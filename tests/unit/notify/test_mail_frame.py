"""E-mails as they are read: the frame of all, the digests' tables, and what they refuse."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from services.kernel.domain.directory import LANGUAGES, Language
from services.notify.adapters.book_file import load_book
from services.notify.adapters.book_nodes import BookFaults, Places
from services.notify.adapters.mail_data import TABLES, Totals
from services.notify.adapters.mail_frame import FOLDER, MailFault, check_mail, render
from services.notify.core.wording import fill

GOLDEN = Path(__file__).parent / "golden_mail"
AGREED = ("digest_officer", "digest_collector", "officer_breached")
"""One e-mail of each form; all the others' words are in golden_texts.json."""
VALUES = {
    "district": "Janjgir-Champa",
    "date": "05-01-2026",
    "ticket": "JC-2600104237",
    "service": "Hand pump <broken>",
    "target": "resolution",
    "due": "02-01-2026 17:00",
}
ROWS: dict[Language, list[dict[str, str]]] = {
    "hi": [
        {
            "ticket": "JC-2600104237",
            "service": "हैंडपंप खराब",
            "due": "02-01-2026 17:00",
            "state": "काम जारी",
            "overdue_by": "3 दिन",
        },
        {
            "ticket": "JC-2600103906",
            "service": "खसरा, बी-1, ऋण पुस्तिका",
            "due": "05-01-2026 17:00",
            "state": "सौंपा गया",
            "overdue_by": "",
        },
    ],
    "en": [
        {
            "ticket": "JC-2600104237",
            "service": "Hand pump <broken> & dry",
            "due": "02-01-2026 17:00",
            "state": "in progress",
            "overdue_by": "3 days",
        },
        {
            "ticket": "JC-2600103906",
            "service": "Caste/income certificate",
            "due": "05-01-2026 17:00",
            "state": "assigned",
            "overdue_by": "",
        },
    ],
}
NAMES: dict[Language, tuple[str, str, str]] = {
    "hi": ("जांजगीर-चांपा", "श्रीमती रजनी बंजारे", "लोक स्वास्थ्य यांत्रिकी विभाग"),
    "en": ("Janjgir-Champa", "Rajni Banjare", "PHE Department"),
}


def data_of(template: str, language: Language) -> dict[str, Any]:
    district, officer, department = NAMES[language]
    late, today = ROWS[language]
    common = {
        "district": district,
        "date": "05-01-2026",
        "desk": "http://desk.example.org/cases?a=1&b=2",
    }
    if template == "digest_officer":
        lists = {"overdue": [late], "due_today": [today]}
        return common | {"officer": officer, "overdue_count": 24, "due_today_count": 1} | lists
    if template == "digest_collector":
        totals = dict(zip(Totals.model_fields, range(1, 7), strict=True))
        rows = [{"name": department, "open": 88, "overdue": 9, "due_today": 3}]
        return common | {"totals": totals, "departments": rows, "longest_overdue": [late]}
    return {}


def mail(template: str, language: Language) -> tuple[str, str]:
    wording = load_book().templates[template].wordings["email", language]
    subject, text = fill(wording.subject, VALUES), fill(wording.text, VALUES)
    return render(template, subject, text, language, data_of(template, language))


def golden() -> Iterator[tuple[Path, str]]:
    for template in AGREED:
        for language in LANGUAGES:
            plain, html = mail(template, language)
            yield GOLDEN / f"{template}.{language}.txt", plain
            yield GOLDEN / f"{template}.{language}.html", html


def renew() -> None:
    """Write the golden files anew: `python tests/unit/notify/test_mail_frame.py`."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    GOLDEN.mkdir()
    for file, text in golden():
        file.write_text(text, encoding="utf-8")


def test_every_form_is_as_it_was_agreed() -> None:
    made = dict(golden())
    assert {file.name for file in GOLDEN.iterdir()} == {file.name for file in made}
    for file, text in made.items():
        assert text == file.read_text(encoding="utf-8"), file.name


class Page(HTMLParser):
    """What is on a page; unknown or unclosed tags are noticed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize("template", AGREED)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_that_old_clients_read(template: str, language: Language) -> None:
    plain, html = mail(template, language)
    page = Page(html)
    assert page.open == []
    tags = {tag for tag, _ in page.seen}
    # nothing that mail clients drop or load
    assert not tags & {"style", "script", "link", "img", "div", "form", "iframe"}
    assert page.seen[0] == ("html", {"lang": language})
    # narrow screens: no width in pixels but as a limit
    assert all(given.get("width") in (None, "100%") for _, given in page.seen)
    # the plain form says nothing that the page does not
    doors = " ".join(given.get("href") or "" for _, given in page.seen)
    said, seen = (
        {word.strip(":,") for word in of.split()} for of in (plain, f"{page.text} {doors}")
    )
    assert said - {"-", "--"} <= seen


def test_everything_is_escaped() -> None:
    wicked = "<script>alert(1)</script>"
    data = data_of("digest_officer", "en") | {"officer": wicked}
    data["overdue"] = [dict.fromkeys(ROWS["en"][0], wicked)]
    _, html = render("digest_officer", wicked, f"{wicked}\n\n{{{{ 7 * 7 }}}}", "en", data)
    assert "<script" not in html
    assert "49" not in html
    assert Page(html).text.count("alert(1)") == 9


def test_paragraphs_and_lines_stay() -> None:
    plain, html = render("officer_breached", "S", "one\ntwo\n\nthree", "en", {})
    assert plain.startswith("one\ntwo\n\nthree\n\n--\n")
    assert "one<br>two</p>" in html
    assert ">three</p>" in html


def test_empty_tables_say_so() -> None:
    empty: dict[str, Any] = {"overdue": [], "due_today": []}
    none = {"overdue_count": 0, "due_today_count": 0}
    data = data_of("digest_officer", "hi") | empty | none
    plain, html = render("digest_officer", "S", "T", "hi", data)
    assert plain.count("कोई नहीं") == html.count("कोई नहीं") == 2
    assert "… और" not in plain + html
    data = data_of("digest_collector", "hi") | {"departments": [], "longest_overdue": []}
    plain, html = render("digest_collector", "S", "T", "hi", data)
    assert plain.count("कोई नहीं") == html.count("कोई नहीं") == 2


def test_each_list_tells_how_many_more_there_are() -> None:
    data = data_of("digest_officer", "en") | {"overdue_count": 1, "due_today_count": 33}
    for form in render("digest_officer", "S", "T", "en", data):
        assert "Past the time limit (1)" in form
        assert "Due today (33)" in form
        assert form.count("more on the Samvad desk") == 1
        told = form.index("… and 32 more on the Samvad desk")
        assert form.index(ROWS["en"][1]["ticket"]) < told < form.index("Open the Samvad desk")


@pytest.mark.parametrize(
    ("template", "change", "fault"),
    [
        ("digest_officer", {"overdue": None}, "data.overdue: "),
        (
            "digest_officer",
            {"overdue": [{"ticket": "JC-1"}]},
            "data.overdue.0.service: Field required",
        ),
        ("digest_officer", {"overdue": [], "overdue_count": -1}, "data.overdue_count: "),
        ("digest_officer", {"overdue_count": 0}, "data.overdue_count: Value error, must not be less"),
        (
            "digest_officer",
            {"due_today_count": 0},
            "data.due_today_count: Value error, must not be less",
        ),
        (
            "digest_officer",
            {"desk": "javascript:alert(1)"},
            "data.desk: Value error, must be an http",
        ),
        ("digest_officer", {"date": "2026-01-05"}, "data.date: "),
        ("digest_collector", {"totals": {"open": 1}}, "data.totals.overdue: Field required"),
        ("digest_collector", {"departments": [{"name": ""}]}, "data.departments.0.name: "),
    ],
)
def test_what_is_missing_is_named_and_no_value_told(
    template: str, change: dict[str, Any], fault: str
) -> None:
    data = data_of(template, "hi") | change
    with pytest.raises(MailFault) as caught:
        render(template, "S", "T", "hi", data)
    assert str(caught.value).startswith(f"e-mail `{template}`: ")
    assert fault in str(caught.value)
    assert "javascript" not in str(caught.value)


def test_no_data_at_all() -> None:
    with pytest.raises(MailFault, match=r"data\.officer: Field required"):
        render("digest_officer", "S", "T", "hi", {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "mail"))


def faults(folder: Path) -> list[str]:
    places = Places()
    check_mail(places, folder)
    with pytest.raises(BookFaults) as caught:
        places.raise_any()
    return caught.value.faults


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("mail.yaml", "संवाद, en: Samvad}", "संवाद}", "mail/mail.yaml:4: `en` is missing"),
        ("mail.yaml", '"Dear {name},"', '"Dear {nam},"', "`greeting`: the languages differ"),
        ("mail.yaml", '"Dear {name},"', '"Dear {name,"', "`greeting`: a brace that belongs to no"),
        ("mail.yaml", "  frame: |", "  fram: |", "unknown key `fram`"),
        ("mail.yaml", '{{ say("totals") }}', '{{ say("total") }}', "unknown word `total`"),
        ("mail.yaml", "{% if data.overdue_more %}", "{% if data.overdue_more }", "no template: "),
        ("frame.html", 'say("footer")', 'say("foot")', "mail/frame.html:21: unknown word `foot`"),
        ("frame.html", "{% endfor %}</p>", "</p>", "mail/frame.html:"),
        ("rows.html", "{% endmacro %}", "", "mail/rows.html:"),
        ("digest_officer.html", "n=data.overdue_more", "m=data.overdue_more", "the word `more` is given"),
    ],
)  # fmt: skip
def test_faults_of_the_files(folder: Path, file: str, old: str, new: str, fault: str) -> None:
    source = (folder / file).read_text(encoding="utf-8")
    assert old in source
    (folder / file).write_text(source.replace(old, new, 1), encoding="utf-8")
    assert any(fault in line for line in faults(folder)), faults(folder)


def test_a_file_that_is_missing(folder: Path) -> None:
    (folder / "digest_collector.html").unlink()
    assert faults(folder) == ["mail/digest_collector.html:1: is missing"]


def test_every_template_with_tables_is_one_of_the_book() -> None:
    book = load_book()
    assert set(TABLES) <= book.free & set(book.templates)


if __name__ == "__main__":
    renew()
