"""One spelling for the many in which people write the same word, in Devanagari and in Latin letters.

Hindi and Chhattisgarhi are typed in both scripts, the latter without a standard (`paani`, `pani`) and
the former with variants that sound alike (`गयी`, `गई`; `हिन्दी`, `हिंदी`; nukta or none). Folded words are
for comparing only and never shown. Lists are folded by the same rules as the texts compared with them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import islice, product

from services.kernel.domain.data_file import data_file

MOST_SPELLINGS = 64
"""Spellings of one word that are considered: they double with every letter that has two."""
LONGEST_WORD = 40
"""Letters of a word that are looked at: longer ones are no words, and what is looked up is remembered."""

_WORD = re.compile(r"[^\W_\u0900-\u097f]+|[\u0900-\u0963\u0966-\u097f]+")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff'\u2019`]")
_NUKTA = "\u093c"
_VIRAMA = "\u094d"

_DEVANAGARI = (
    (re.compile("[\u0901\u0900]"), "\u0902"),  # chandrabindu → anusvara
    (re.compile(f"[ङञणनम]{_VIRAMA}(?=[क-ह])(?![यरलवनम])"), "\u0902"),  # हिन्दी → हिंदी
    (re.compile(f"[{_NUKTA}\u0903]"), ""),
    (re.compile("ी"), "ि"),
    (re.compile("ू"), "ु"),
    (re.compile("[ईऍ]"), "इ"),
    (re.compile("ऊ"), "उ"),
    (re.compile("[ॅॉ]"), "ा"),
    (re.compile("ऑ"), "आ"),
    (re.compile("[शष]"), "स"),
    (re.compile("ण"), "न"),
    (re.compile("(?<=.)यि"), "इ"),  # गयी → गई
    (re.compile("(?<=.)ये"), "ए"),  # गये → गए
)

_LATIN = (
    (re.compile("sch"), "sk"),
    (re.compile("sh"), "s"),
    (re.compile("c*ch+(?:ch+)*"), "ch"),  # bachcha, baccha, bachha → bacha
    (re.compile("ph"), "f"),
    (re.compile("ck"), "k"),
    (re.compile("c(?=[eiy])"), "s"),
    (re.compile("c(?!h)"), "k"),
    (re.compile("[vw]"), "v"),
    (re.compile("x"), "ks"),
    (re.compile("z"), "j"),
    (re.compile("q"), "k"),
    (re.compile("a{2,}"), "a"),
    (re.compile("ee+|ii+"), "i"),
    (re.compile("oo+|uu+|ou"), "u"),
    (re.compile("(?<=.)yi"), "i"),
    (re.compile("(?<=.)ye"), "e"),
    (re.compile("(?<=.)y(?![aeiou])"), "i"),
    (re.compile("a[ie]|ei"), "e"),
    (re.compile("a[uo](?=.)"), "o"),
    (re.compile(r"(.)\1+"), r"\1"),
)

_REPEATED = re.compile(r"(.)\1+")
_SOUND = (
    (re.compile("^is(?=[ktplmn])"), "s"),  # इस्कूल, istesan: a vowel spoken before two consonants
    (re.compile("(?<=[kgjtdpb])h"), ""),  # khad, kad: breath that many do not write
    (re.compile("chh?"), "c"),
    (re.compile("v"), "b"),  # वंदन, bandan
    (re.compile("m(?=[^aeiou])"), "n"),
    (re.compile("(?<=.)[aeiouy]"), ""),
    (re.compile(r"(.)\1+"), r"\1"),
)
_SHORTEST_STEM = 4
_ENDINGS = re.compile(
    # Hindi and Chhattisgarhi verbs; plurals and oblique forms; English; what is left of vowels
    "(?:vane|vana|vani|athe|the|at|is|in|ne|na|ni|te|ta|ti|ega|egi|enge|kar|ke"
    "|iyon|iyo|iya|on|en|ed|ing|es|s|n)$"
)
_PLURAL = re.compile("(?:iyon|iyan|on|s)$")
_SHORTEST_SINGULAR = 3
_WITHOUT_ENDING = re.compile(
    # folded: two consonants at least, then as little as may be before an ending of a verb, a plural or
    # an oblique form, in Hindi or Chhattisgarhi
    f"((?:[^क-ह]*[क-ह]){{2}}.*?)(?<!{_VIRAMA})"
    "(?:वाना|वाने|वाया|ियों|ियां|ुओं|ावत|ाना|ाने|ाया|ाइ|ाए|ाय|ात|ता|ते|ति|ना|ने|नि|कर|के|ओं|एं|ें|ों"
    "|त|य|व|ा|े|ि|ो|इ|ए)"
)
_LAST_VOWELS = re.compile("[aeiou]+$")
_MOST_WEAK = 4  # weak vowels of one word that are tried both ways

_CONSONANTS = {
    "क": "k",
    "ख": "kh",
    "ग": "g",
    "घ": "gh",
    "ङ": "n",
    "च": "ch",
    "छ": "chh",
    "ज": "j",
    "झ": "jh",
    "ञ": "n",
    "ट": "t",
    "ठ": "th",
    "ड": "d",
    "ढ": "dh",
    "ण": "n",
    "त": "t",
    "थ": "th",
    "द": "d",
    "ध": "dh",
    "न": "n",
    "प": "p",
    "फ": "ph",
    "ब": "b",
    "भ": "bh",
    "म": "m",
    "य": "y",
    "र": "r",
    "ल": "l",
    "व": "v",
    "ळ": "l",
    "श": "sh",
    "ष": "sh",
    "स": "s",
    "ह": "h",
}
_FLAPS = {"ड": ("d", "r"), "ढ": ("dh", "rh")}  # with nukta; written both ways in Latin letters
_SIGNS = {
    "ा": "aa",
    "ि": "i",
    "ी": "ee",
    "ु": "u",
    "ू": "oo",
    "ृ": "ri",
    "े": "e",
    "ै": "ai",
    "ो": "o",
    "ौ": "au",
    "ॅ": "e",
    "ॉ": "o",
}
_VOWELS = {
    "अ": "a",
    "आ": "aa",
    "इ": "i",
    "ई": "ee",
    "उ": "u",
    "ऊ": "oo",
    "ऋ": "ri",
    "ए": "e",
    "ऐ": "ai",
    "ओ": "o",
    "औ": "au",
    "ऍ": "e",
    "ऑ": "o",
}


def words(text: str) -> list[str]:
    """The words of `text` in order, lower case, not folded. Punctuation separates; digits are words."""
    clean = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return [_digits(word[:LONGEST_WORD]) for word in _WORD.findall(clean.lower())]


@lru_cache(maxsize=65_536)
def fold(word: str) -> str:
    """The one spelling of a word in its own script."""
    if _is_devanagari(word):
        for pattern, into in _DEVANAGARI:
            word = pattern.sub(into, word)
        return word
    return _fold_latin(word)


@lru_cache(maxsize=65_536)
def romanised(word: str) -> tuple[str, ...]:
    """The folded spellings in Latin letters of a Devanagari word; a Latin word has only its own.

    Several, because a weak `a` may be written or not (`bijli`, `bijali`) and ड़ is written d or r.
    """
    if not _is_devanagari(word):
        return (_fold_latin(word),)
    heard = _heard(unicodedata.normalize("NFD", word))
    spelt = ("".join(parts) for parts in islice(product(*heard), MOST_SPELLINGS))
    return tuple(sorted({_fold_latin(form) for form in spelt}))


@lru_cache(maxsize=65_536)
def skeleton(word: str) -> str:
    """A rough sound of a word of either script, without its inner `a`: to compare across scripts."""
    form = min(romanised(word), key=lambda form: (-len(form), form))
    bare = form[:1] + form[1:].replace("a", "")
    return _REPEATED.sub(r"\1", bare)


@lru_cache(maxsize=65_536)
def sound(word: str) -> str:
    """A rougher sound than `skeleton`: no vowels but the first, no breath, what is often confused as one.

    For comparing words that are long enough: short ones sound like many others.
    """
    form = skeleton(word)
    for pattern, into in _SOUND:
        form = pattern.sub(into, form)
    return form


@lru_cache(maxsize=65_536)
def stem(form: str) -> str:
    """`form`, folded, without one ending of a noun or a verb, if enough of it stays."""
    if _is_devanagari(form):
        bare_of = _WITHOUT_ENDING.fullmatch(form)
        return bare_of.group(1) if bare_of else form
    bare = _ENDINGS.sub("", form)
    if len(bare) < _SHORTEST_STEM:
        bare = form
    short = _LAST_VOWELS.sub("", bare)
    return short if len(short) > _SHORTEST_STEM else bare


@lru_cache(maxsize=65_536)
def singular(word: str) -> str:
    """A word in Latin letters without the ending of a plural (lights, khambon), else as it is."""
    bare = _PLURAL.sub("", word)
    return bare if len(bare) >= _SHORTEST_SINGULAR else word


@lru_cache(maxsize=4)
def common_words(which: str) -> frozenset[str]:
    """A list of `data/common_words.json`, folded."""
    return frozenset(map(fold, as_written(which)))


@lru_cache(maxsize=4)
def in_either_script(which: str) -> frozenset[str]:
    """A list of `data/common_words.json`, folded, with the spellings of its words in Latin letters."""
    return common_words(which).union(*map(romanised, as_written(which)))


@lru_cache(maxsize=4)
def as_written(which: str) -> frozenset[str]:
    """A list of `data/common_words.json`, not folded."""
    lists = data_file("common_words")
    return frozenset(word for text in lists[which] for word in words(text))


def _is_devanagari(word: str) -> bool:
    return "\u0900" <= word[:1] <= "\u097f"


_DECIMAL = re.compile(r"\d")


def _digits(word: str) -> str:
    if _DECIMAL.search(word) is None:
        return word
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in word)


def _fold_latin(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word)
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    if plain.isascii() and plain.isdigit():
        return plain
    for pattern, into in _LATIN:
        plain = pattern.sub(into, plain)
    return plain


def _heard(word: str) -> list[tuple[str, ...]]:
    """Each sound of a Devanagari word with the ways in which it is written in Latin letters.

    `word` is NFD. The `a` of a consonant without a sign is silent at the end of the word, and may be
    within it between two vowels (बिजली → bij(a)li).
    """
    sounds: list[tuple[str, ...]] = []
    at = weak = 0
    after_vowel = False
    while at < len(word):
        char = word[at]
        at += 1
        if char in _CONSONANTS:
            flap = at < len(word) and word[at] == _NUKTA
            at += flap
            sounds.append(_FLAPS[char] if flap and char in _FLAPS else (_CONSONANTS[char],))
            following = word[at : at + 1]
            if following == _VIRAMA:
                at += 1
                after_vowel = False
            elif following and following not in _SIGNS:
                optional = after_vowel and weak < _MOST_WEAK and _vowel_follows(word, at)
                weak += optional
                sounds.append(("", "a") if optional else ("a",))
                after_vowel = True
        elif char in _SIGNS or char in _VOWELS:
            sounds.append((_SIGNS.get(char) or _VOWELS[char],))
            after_vowel = True
        elif char in "\u0900\u0901\u0902":
            following = word[at : at + 1]
            if following:
                sounds.append(("m", "n") if following in "पफबभम" else ("n",))
            else:
                sounds.append(("", "n"))
        elif char not in "\u0903\u093c":
            sounds.append((char,))
    return sounds


def _vowel_follows(word: str, at: int) -> bool:
    """Whether at `at` stands a single consonant that is spoken with a vowel."""
    if word[at] not in _CONSONANTS:
        return False
    rest = word[at + 1 :].removeprefix(_NUKTA)
    return rest != "" and not rest.startswith(_VIRAMA)
