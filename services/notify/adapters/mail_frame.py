"""The form of e-mails: one HTML frame for all, tables for the digests, and the plain text beside it.

Jinja runs in its sandbox, escapes everything and fails on what is missing. The files are checked when the
book is loaded: see `book_file.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, FileSystemLoader, StrictUndefined, nodes
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import ValidationError

from services.kernel.adapters.directory.faults import Mark
from services.kernel.domain.directory import Language
from services.kernel.domain.errors import SamvadError
from services.notify.adapters.book_nodes import Places, Reader
from services.notify.adapters.mail_data import TABLES, CaseRow, Digest
from services.notify.core.wording import fill, is_well_formed, variables_of

FOLDER = Path(__file__).resolve().parent.parent / "data" / "mail"
WORDS, FRAME = "mail.yaml", "frame"
SEPARATOR = " · "
_BLANK = re.compile(r"\n\s*\n+")
_EMPTY_LINES = re.compile(r"\n{3,}")
Words = Mapping[str, Mapping[Language, str]]


class MailFault(SamvadError):
    """An e-mail that cannot be made of what was given: the template and the fields that are wrong."""


def render(
    template_id: str, subject: str, text: str, language: Language, data: Mapping[str, Any]
) -> tuple[str, str]:
    """The plain text and the HTML of an e-mail. `subject` and `text`: of the book, filled in; `data`: for a
    template of `mail_data.TABLES`. Raises MailFault where that is not as it should be."""
    return load_frame().render(template_id, subject, text, language, data)


@dataclass(frozen=True)
class MailFrame:
    """The files of the folder, read."""

    words: Words
    html: ImmutableSandboxedEnvironment
    plain: ImmutableSandboxedEnvironment

    def render(
        self, template_id: str, subject: str, text: str, language: Language, data: Mapping[str, Any]
    ) -> tuple[str, str]:
        model = TABLES.get(template_id)
        name = template_id if model is not None else FRAME
        values: dict[str, Any] = {
            "language": language,
            "subject": subject,
            "text": text,
            "paragraphs": [part.splitlines() for part in _BLANK.split(text.strip())],
            "data": _checked(template_id, model, data) if model is not None else None,
            "say": partial(self.say, language),
            "facts": partial(self.facts, language),
        }
        try:
            plain = self.plain.get_template(name).render(values)
            html = self.html.get_template(f"{name}.html").render(values)
        except (TemplateError, SecurityError, KeyError) as error:
            raise MailFault(f"e-mail `{template_id}`: {error}") from error
        return _EMPTY_LINES.sub("\n\n", plain).strip() + "\n", html.strip() + "\n"

    def say(self, language: Language, word: str, /, **values: object) -> str:
        return fill(self.words[word][language], {name: str(of) for name, of in values.items()})

    def facts(self, language: Language, row: CaseRow) -> str:
        """A case's time limit, state and delay, in one line."""
        known = [
            ("due", "due", row.due),
            ("state", "state", row.state),
            ("late", "length", row.overdue_by),
        ]
        said = [self.say(language, word, **{name: value}) for word, name, value in known if value]
        return SEPARATOR.join(said)


def check_mail(places: Places, folder: Path = FOLDER) -> MailFrame:
    """Read and check the folder; what is wrong is told to `places`. Raises OSError."""
    reader = Reader(f"mail/{WORDS}", places)
    top = reader.top((folder / WORDS).read_text(encoding="utf-8"), ("words", "plain"))
    words: dict[str, Mapping[Language, str]] = {}
    for word, node, mark in reader.entries(top.get("words")):
        words[word] = reader.languages(node)
        texts = words[word].values()
        if not all(is_well_formed(text) for text in texts):
            reader.fault(mark, f"`{word}`: a brace that belongs to no {{name}}")
        elif len({frozenset(variables_of(text)) for text in texts}) > 1:
            reader.fault(mark, f"`{word}`: the languages differ in what is filled in")
    names = (FRAME, *TABLES)
    plain = {
        name: (reader.text(node), node.mark)
        for name, node in reader.fields(top.get("plain"), names, ()).items()
    }
    frame = MailFrame(
        words,
        _environment(FileSystemLoader(folder), escape=True),
        _environment(DictLoader({name: text for name, (text, _) in plain.items()}), escape=False),
    )
    for text, mark in plain.values():
        _check_source(frame.plain, text, words, partial(_at, reader, mark))
    for file in sorted({*folder.glob("*.html"), *(folder / f"{name}.html" for name in names)}):
        at = Reader(f"mail/{file.name}", places)
        if file.is_file():
            source = file.read_text(encoding="utf-8")
            _check_source(frame.html, source, words, partial(_at, at, Mark(0)))
        else:
            at.fault(Mark(), "is missing")
    return frame


def _at(reader: Reader, start: Mark, line: int, message: str) -> None:
    reader.fault(Mark(start.line + line), message)


def _check_source(
    environment: ImmutableSandboxedEnvironment, source: str, words: Words, fault: Any
) -> None:
    """Tell `fault` (line, what) of a source that is no template, or that says a word there is not."""
    try:
        environment.compile(source)
        tree = environment.parse(source)
    except TemplateError as error:
        fault(getattr(error, "lineno", 0) or 0, f"no template: {error.message}")
        return
    for line, word, given in _said(tree):
        if word not in words:
            fault(line, f"unknown word `{word}`")
        elif any(given != {*variables_of(text)} for text in words[word].values()):
            fault(line, f"the word `{word}` is given other names than it has")


def _said(tree: nodes.Template) -> Iterator[tuple[int, str, set[str]]]:
    for call in tree.find_all(nodes.Call):
        named = isinstance(call.node, nodes.Name) and call.node.name == "say"
        if named and call.args and isinstance(call.args[0], nodes.Const):
            yield call.lineno, str(call.args[0].value), {pair.key for pair in call.kwargs}


@cache
def load_frame() -> MailFrame:
    """The folder that is shipped, checked. Raises BookFaults, OSError."""
    places = Places()
    frame = check_mail(places)
    places.raise_any()
    return frame


def _environment(
    loader: FileSystemLoader | DictLoader, *, escape: bool
) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=loader,
        autoescape=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _checked(template_id: str, model: type[Digest], data: Mapping[str, Any]) -> Digest:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        # the values are left out: they are people's
        wrong = (
            f"data.{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False, include_context=False)
        )
        raise MailFault(f"e-mail `{template_id}`: {'; '.join(wrong)}") from None
