"""Where it is: a village by its name, a pin, or a block from the list. Pure."""

from __future__ import annotations

from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import Option
from services.intake.whatsapp.conversation.core.questions import adds, option, tell
from services.intake.whatsapp.conversation.core.stage import Stage
from services.intake.whatsapp.conversation.core.understanding import says_something
from services.kernel.domain import danger, places
from services.kernel.domain.directory import Block, District
from services.kernel.domain.filing import MOST_PLACE, comparable
from services.kernel.domain.places import VillageMatch

MOST_BLOCKS = 9
MOST_VILLAGES = 5
MOST_NAME_WORDS = 2
"""Words of a village's name, with its block."""


class Place:
    def ask(self, stage: Stage) -> None:
        guess = None if stage.draft.elsewhere else self._guess(stage)
        if guess is None:
            self._ask_block(stage)
            return
        stage.ask(
            "place.guess",
            [
                Option(_village_id(stage, guess), stage.text("place.guess.yes"), means=("yes", "right")),
                option(stage, "place", "other", "place.guess.no", means=("no",)),
            ],
            village=_named(stage, guess),
        )

    def _guess(self, stage: Stage) -> VillageMatch | None:
        """The village that the words of a pin, or else of the story, name."""
        directory, draft = stage.world.directory, stage.draft
        if draft.village_text is not None:
            matches, _ = _named_in(directory, draft.village_text)
            return places.clear_match(matches)
        return places.mentioned_village(directory, draft.text) if draft.lat is None else None

    def choose(self, stage: Stage, value: str) -> bool:
        directory = stage.world.directory
        what, _, rest = value.partition("/")
        if value == "other":
            stage.change(elsewhere=True)
            self._ask_block(stage)
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
            stage.answered("place", "village", block=block, village=village, village_text=None)
        else:
            return False
        return True

    def hear(self, stage: Stage, inbound: Inbound) -> bool:
        if inbound.location is not None:
            return self._pin(stage, inbound)
        words = _words(stage, inbound)
        if not words:
            return False
        matches, block = _named_in(stage.world.directory, words)
        best = places.clear_match(matches)
        unsure = best is not None and best.score < 1 and not danger.find(words)
        if unsure and adds(stage, inbound):
            return True  # a word of a sentence that only sounds like a village
        if best is not None:
            stage.answered("place", "village", block=best.block.id, **_found(stage, best, inbound))
        elif matches:
            _which(stage, matches, words)
        elif block is not None:
            stage.answered("place", block=block.id, village=None, landmark=_landmark(stage, inbound))
        elif not adds(stage, inbound):
            stage.change(village_text=words, village=None)
            if stage.words.is_elsewhere(words):
                district = stage.world.directory.name.say(stage.conversation.language)
                stage.say("place.elsewhere", district=district)
            self._ask_block(stage)
        return True

    def _pin(self, stage: Stage, inbound: Inbound) -> bool:
        """A pin says where, not which office's it is: that is its village's or its block's to tell."""
        pin = inbound.location
        assert pin is not None
        words = " ".join(pin.words.split())[:MOST_PLACE]
        stage.change(lat=pin.lat, lng=pin.lng, village_text=words or stage.draft.village_text)
        matches, _ = _named_in(stage.world.directory, words)
        best = places.clear_match(matches)
        if best is not None:
            stage.answered("place", "village", block=best.block.id, village=best.village.id)
        else:
            stage.change(elsewhere=True)
            self._blocks(stage, "place.pin")
        return True

    def _ask_block(self, stage: Stage) -> None:
        draft = stage.draft
        if draft.village_text is not None:
            self._blocks(stage, "place.unmatched", words=draft.village_text)
        else:
            self._blocks(stage, "place.ask" if draft.lat is None else "place.pin")

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
        directory = stage.world.directory
        block = directory.block_by_id.get(stage.draft.block or "")
        towns = _towns(directory, block) if block is not None else {}
        stage.ask(
            "village.ask",
            [
                *(
                    Option(_village_id(stage, town), town.village.name.say(stage.conversation.language))
                    for town in towns.values()
                ),
                option(stage, "village", "skip", "skip"),
            ],
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
        words = _words(stage, inbound)
        if not words:
            return False
        directory, block = stage.world.directory, stage.draft.block
        matches = places.match_village(directory, comparable(words), block)
        best = places.clear_match(matches)
        if best is not None:
            stage.answered("village", **_found(stage, best, inbound))
        elif matches:
            _which(stage, matches, words)
        elif not adds(stage, inbound):
            stage.answered("village", village=None, village_text=words)
        return True


def _words(stage: Stage, inbound: Inbound) -> str:
    """The words that may be a place; "" for none."""
    words = " ".join(inbound.text.split())[:MOST_PLACE]
    if inbound.sort != "text" or not says_something(words):
        return ""
    if stage.words.answers(words) or stage.words.only_asks(words):
        return ""
    return words


def _named_in(directory: District, words: str) -> tuple[tuple[VillageMatch, ...], Block | None]:
    """The villages and the block that words may name. The block's name says nothing of a village in it,
    though its town may have the same: "तरौद, अकलतरा"."""
    said = comparable(words)
    matches, block = places.match_village(directory, said), places.match_block(directory, said)
    if block is None:
        return matches, None
    towns = _towns(directory, block)
    return tuple(m for m in matches if m.block == block and m.village.id not in towns), block


def _found(stage: Stage, match: VillageMatch, inbound: Inbound) -> dict[str, str | None]:
    """What is known of the place now."""
    landmark = _landmark(stage, inbound)
    return {"village": match.village.id, "village_text": None, "landmark": landmark}


def _landmark(stage: Stage, inbound: Inbound) -> str | None:
    """More words than names have tell where in the village or the block, also those that he had said before
    he named it; a sentence tells more of what happened."""
    words = _words(stage, inbound)
    said = [words, stage.draft.village_text or ""]
    if danger.find(words) or stage.words.is_sentence(words):
        tell(stage, inbound)
        said = said[1:]
    tells = (one for one in said if len(stage.words.beside_place(one)) > MOST_NAME_WORDS)
    return next(tells, stage.draft.landmark)


def _towns(directory: District, block: Block) -> dict[str, VillageMatch]:
    """Places that bear the name of their block."""
    found = places.match_village(directory, comparable(block.name.hi), block.id)
    return {match.village.id: match for match in found if match.score >= 1}


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
