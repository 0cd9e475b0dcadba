"""The sentence of a routing decision, from the data file, in each language."""

from __future__ import annotations

import json
from importlib import resources

from services.kernel.domain.directory import District, Language, Text
from services.routing.core.placing import Reason


class Reasons:
    """The sentences by code; read once when the process starts."""

    def __init__(self, texts: dict[str, Text]) -> None:
        self._texts = texts

    @staticmethod
    def load() -> Reasons:
        raw = json.loads(resources.files("services.routing").joinpath("data/reasons.json").read_text())
        return Reasons({code: Text(hi=text["hi"], en=text["en"]) for code, text in raw.items()})

    def sentence(self, reason: Reason, district: District, language: Language) -> str:
        values = reason.values
        service = district.service_by_id.get(str(values.get("service")))
        officer = district.officer_by_id.get(str(values.get("officer")))
        block = district.block_by_id.get(str(values.get("block")))
        return self._texts[reason.code].say(language).format(
            place=f"{block.name.say(language)}: " if block else "",
            service=service.name.say(language) if service else "",
            officer=officer.name.say(language) if officer else "",
            designation=officer.designation.say(language) if officer else "",
            open=values.get("open"),
            of=values.get("of"),
            count=values.get("count"),
        )
