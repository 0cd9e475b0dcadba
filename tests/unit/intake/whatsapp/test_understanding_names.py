"""Which words are a name of a person, which a greeting, and which neither."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conversation.town import WORDS


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("राम कुमार", "राम कुमार"), ("मेरा नाम राम कुमार है", "राम कुमार"),
        ("my name is Ram Kumar", "Ram Kumar"),
        ("mera naam Ram hai", "Ram"), ("मोर नाँव फूलबाई हे", "फूलबाई"), ("सीता के नाम से", "सीता"),
        ("फुलेश्वरी बाई के लिए", "फुलेश्वरी बाई"), ("मैं मोहन हूँ", "मोहन"), ("नाम", "नाम"), ("है", "है"),
        ("", ""), ("हैदर अली", "हैदर अली"), ("dadi ka naam Phulbai hai", "Phulbai"), ("Naam", "Naam"),
        ("main Ramesh bol raha hu", "Ramesh"), ("Ramesh s/o Suresh", "Ramesh s/o Suresh"),
        ("बीना देवी", "बीना देवी"),
    ],
)  # fmt: skip
def test_names(text: str, name: str) -> None:
    assert WORDS.name_in(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Namaste sir mera nam Dinesh Kumar sahu hai gram Mudpar ka hu", "Dinesh Kumar sahu"),
        ("मेरा नाम सीता बाई है, पेंशन नहीं मिली", "सीता बाई"), ("my name is Ram Kumar", "Ram Kumar"),
        ("mera naam Ramesh, gaon tarod", "Ramesh"), ("मेरा नाम", ""), ("", ""), ("Ram Kumar", ""),
        ("मेरा नाम राशन कार्ड में नहीं है", ""), ("mera naam list se kat gaya hai", ""),
        ("मेरा नाम बदलो", ""), ("mera naam voter id se gayab", ""), ("मेरा नाम बिजली बाई है", "बिजली बाई"),
        ("pani nahi aata", ""), ("my name was struck from the list", ""),
    ],
)  # fmt: skip
def test_names_told_among_other_things(text: str, name: str) -> None:
    assert WORDS.name_told(text) == name


@pytest.mark.parametrize(
    ("text", "no_name"),
    [
        ("naam kyu chahiye", True), ("kuch bhi", True), ("school ke paas", True), ("हिंदी में बोलो", True),
        ("राम कुमार", False), ("Gaya Prasad Sahu", False), ("बीना बाई", False), ("दीन दयाल", False),
        ("Bhagwan Das", False), ("नहरू लाल", False), ("गुप्ता जी", False), ("मान सिंह", False), ("", False),
        ("Main Singh", False), ("Pani Ram", False), ("बिजली बाई", False), ("Badal Singh", False),
        ("Light Singh", False), ("Abhi Kumar", False), ("Paisa Ram", False), ("Mat Ram", False),
        ("Kya Ram", True),
        ("Mohd Aslam", False), ("John Toppo", False), ("Mary Ekka", False), ("R. K. Sahu", False),
        ("Shyam Lal Kumar Das Sahu", False), ("Hari Om", False), ("Mangru Oraon", False),
        ("bijli nahi", True), ("ek minute", True), ("ok ok", True),
    ],
)  # fmt: skip
def test_what_is_no_name(text: str, no_name: bool) -> None:
    assert WORDS.is_no_name(text) == no_name


@pytest.mark.parametrize(
    ("text", "greets", "only_greets"),
    [
        ("नमस्ते", True, True), ("नमस्ते जी 🙏", True, True), ("Hello sir", True, True),
        ("राम राम", True, True),
        ("जय जोहार", True, True), ("राम", True, False), ("जय", True, False), ("good morning", True, True),
        ("सीताराम", True, False), ("Radha Bai", False, False), ("Diwali Bai", False, False),
        ("जय श्री राम", True, True), ("राम कुमार", False, False), ("", False, False),
        ("नमस्ते हैंडपंप खराब है", False, False), ("🙏", False, False),
    ],
)  # fmt: skip
def test_greetings(text: str, greets: bool, only_greets: bool) -> None:
    assert (WORDS.is_greeting(text), WORDS.only_greets(text)) == (greets, only_greets)


@given(st.text(min_size=1, max_size=60))
def test_a_name_is_never_lost(text: str) -> None:
    assert bool(WORDS.name_in(text)) == bool(text.split())
