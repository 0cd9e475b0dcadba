"""Where it is: a village by its name, a pin, or a block from the list. Pure."""

from __future__ import annotations

from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import Option
from services.intake.whatsapp.conversation.core.questions import option
from services.intake.whatsapp.conversation.core.stage import Stage
from services.intake.whatsapp.conversation.core.understanding import says_something
from services.kernel.domain import places
from services.kernel.domain.filing import CLEAR, MOST_PLACE, comparable
from services.kernel.domain.places import VillageMatch

MOST_BLOCKS = 9
MOST_VILLAGES = 5


class Place:
    def ask(self, stage: Stage) -> None:
        draft = stage.draft
        guess = None
        if draft.lat is None and draft.village_text is None:
            guess = places.mentioned_village(stage.world.directory, draft.text)
        if guess is None:
            self._blocks(stage, "place.ask")
            return
        stage.ask(
            "place.guess",
            [
                Option(_village_id(stage, guess), stage.text("place.guess.yes")),
                option(stage, "place", "other", "place.guess.no"),
            ],
            village=_named(stage, guess),
        )

    def choose(self, stage: Stage, value: str) -> bool:
        directory = stage.world.directory
        what, _, rest = value.partition("/")
        if value == "other":
            self._blocks(stage, "place.ask")
        elif value == "unknown":
            stage.answered("place", "village", block=None, village=None)
        elif what == "block" and rest in directory.block_by_id:
            stage.answered("place", block=rest, village=None)
            if stage.draft.lat is not None or stage.draft.village_text is not None:
                stage.answered("village")  # it is told already, and the block was all that was missing
        elif what == "village":
            block, _, village = rest.partition("/")
            known = directory.block_by_id.get(block)
            if known is None or village not in {one.id for one in known.villages}:
                return False
            stage.answered("place", "village", block=block, village=village)
        else:
            return False
        return True

    def hear(self, stage: Stage, inbound: Inbound) -> bool:
        if inbound.location is not None:
            return self._pin(stage, inbound)
        words = " ".join(inbound.text.split())[:MOST_PLACE]
        if inbound.sort != "text" or not says_something(words):
            return False
        matches = places.match_village(stage.world.directory, comparable(words))
        if _is_clear(matches):
            best = matches[0]
            stage.answered(
                "place", "village", block=best.block.id, village=best.village.id, village_text=None
            )
            return True
        if matches:
            _which(stage, matches, words)
            return True
        block = places.match_block(stage.world.directory, comparable(words))
        if block is not None:
            stage.answered("place", block=block.id, village=None)
            return True
        stage.change(village_text=words, village=None)
        self._blocks(stage, "place.unmatched", words=words)
        return True

    def _pin(self, stage: Stage, inbound: Inbound) -> bool:
        """A pin says where, not which office's it is: that is its village's or its block's to tell."""
        pin = inbound.location
        assert pin is not None
        words = " ".join(pin.words.split())[:MOST_PLACE]
        stage.change(lat=pin.lat, lng=pin.lng, village_text=words or stage.draft.village_text)
        matches = places.match_village(stage.world.directory, comparable(words)) if words else ()
        if _is_clear(matches):
            best = matches[0]
            stage.answered("place", "village", block=best.block.id, village=best.village.id)
        else:
            self._blocks(stage, "place.pin")
        return True

    def _blocks(self, stage: Stage, key: str, **values: str) -> None:
        number = stage.draft.number
        shown = [
            Option(f"{number}.place.block/{block.id}", block.name.say(stage.conversation.language))
            for block in stage.world.directory.blocks[:MOST_BLOCKS]
        ]
        shown.append(option(stage, "place", "unknown", "place.unknown"))
        stage.ask(key, shown, list_key="place.open", **values)


class Village:
    """Which village of the block; it may be left out."""

    def ask(self, stage: Stage) -> None:
        block = stage.world.directory.block_by_id.get(stage.draft.block or "")
        stage.ask(
            "village.ask",
            [option(stage, "village", "skip", "skip")],
            block=block.name.say(stage.conversation.language) if block is not None else "",
        )

    def choose(self, stage: Stage, value: str) -> bool:
        what = value.partition("/")[0]
        if value == "skip":
            stage.answered("village", village=None)
            return True
        if value == "typed" and stage.draft.village_text is not None:
            stage.answered("village", village=None)
            return True
        return what == "village" and Place().choose(stage, value)

    def hear(self, stage: Stage, inbound: Inbound) -> bool:
        if inbound.location is not None:
            pin = inbound.location
            stage.answered("village", lat=pin.lat, lng=pin.lng)
            return True
        words = " ".join(inbound.text.split())[:MOST_PLACE]
        if inbound.sort != "text" or not says_something(words):
            return False
        directory, block = stage.world.directory, stage.draft.block
        matches = places.match_village(directory, comparable(words), block)
        if _is_clear(matches):
            stage.answered("village", village=matches[0].village.id, village_text=None)
        elif matches:
            _which(stage, matches, words)
        else:
            stage.answered("village", village=None, village_text=words)
        return True


def _which(stage: Stage, matches: tuple[VillageMatch, ...], words: str) -> None:
    """Several are about equally likely: he says which; or none of them, and his words stay."""
    stage.change(village_text=words)
    shown = [
        Option(
            _village_id(stage, match),
            match.village.name.say(stage.conversation.language),
            match.block.name.say(stage.conversation.language),
        )
        for match in matches[:MOST_VILLAGES]
    ]
    none = ("village", "typed") if stage.draft.step == "village" else ("place", "other")
    shown.append(option(stage, *none, "place.none"))
    stage.ask("place.which", shown, list_key="place.open")


def _village_id(stage: Stage, match: VillageMatch) -> str:
    return f"{stage.draft.number}.place.village/{match.block.id}/{match.village.id}"


def _named(stage: Stage, match: VillageMatch) -> str:
    language = stage.conversation.language
    return f"{match.village.name.say(language)} ({match.block.name.say(language)})"


def _is_clear(matches: tuple[VillageMatch, ...]) -> bool:
    """Whether the likeliest leads, by the measure of whoever files."""
    return bool(matches) and (len(matches) == 1 or matches[0].score - matches[1].score >= CLEAR)
