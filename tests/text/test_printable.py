"""What a terminal would obey is shown as its code; what people write stays."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.text.printable import printable, printable_json, printable_line

HARMFUL = {
    "window title": ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
    "clear screen": ("\x1b[2J\x1b[H", r"\x1b[2J\x1b[H"),
    "link": ("\x1b]8;;http://x\x1b\\y\x1b]8;;\x1b\\", r"\x1b]8;;http://x\x1b\y\x1b]8;;\x1b" + "\\"),
    "colour": ("\x1b[31mred", r"\x1b[31mred"),
    "one-character CSI": ("\x9b2J", r"\x9b2J"),
    "one-character OSC": ("\x9d0;t\x9c", r"\x9d0;t\x9c"),
    "carriage return": ("kept\rlost", r"kept\rlost"),
    "backspace": ("ab\x08\x08cd", r"ab\x08\x08cd"),
    "bell": ("\x07", r"\x07"),
    "null": ("a\x00b", r"a\x00b"),
    "delete": ("a\x7fb", r"a\x7fb"),
    "next line": ("a\x85b", r"a\x85b"),
    "override": ("invoice\u202efdp.exe", r"invoice\u202efdp.exe"),
    "embedding": ("\u202aa\u202c", r"\u202aa\u202c"),
    "isolate": ("\u2066a\u2069", r"\u2066a\u2069"),
    "marks": ("\u200ea\u200fb\u061c", r"\u200ea\u200fb\u061c"),
    "line separator": ("a\u2028b\u2029", r"a\u2028b\u2029"),
    "lone surrogate": ("a\ud83d", r"a\ud83d"),
    "vertical tab": ("a\x0b\x0cb", r"a\x0b\x0cb"),
}
HARMLESS = [
    "Two litres.",
    "[red]not markup[/red] [bold]",
    "C:\\new\\table \\x1b as text",
    "کتاب‌ها",  # a zero-width non-joiner
    "👩‍🔧 🏴󠁧󠁢󠁥󠁮󠁧󠁿",  # joined emoji, a flag of tags
    "שלום עולם, مرحبا",
    "naïve e\u0301 ½ m² 10⁻⁶",
    "日本語、한국어",
    "a\u00adb\u00a0c",
]


@pytest.mark.parametrize(("text", "shown"), HARMFUL.values(), ids=HARMFUL)
def test_what_a_terminal_would_obey_is_shown_as_its_code(text: str, shown: str) -> None:
    assert printable(text) == printable_line(text) == shown


@pytest.mark.parametrize("text", HARMLESS)
def test_what_people_write_stays(text: str) -> None:
    assert printable(text) == printable_line(text) == text


def test_line_feeds_stay_in_a_text_and_not_in_a_line() -> None:
    assert printable("a\n\tb") == "a\n\tb"
    assert printable_line("a\n\tb\r\n") == "a\\n\tb\\r\\n"


@given(st.text(st.characters(exclude_categories=())))
def test_no_character_that_a_terminal_obeys_is_left(text: str) -> None:
    for shown, allowed in (
        (printable(text), "\n\t"),
        (printable_line(text), "\t"),
        (printable_json(json.dumps(text, ensure_ascii=False)), ""),
    ):
        left = {
            c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(c) in MARKS
        }
        assert left <= set(allowed)
    assert printable(printable(text)) == printable(text)


MARKS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(st.text(st.characters(exclude_categories=())))
def test_json_says_the_same_afterwards(text: str) -> None:
    assert json.loads(printable_json(json.dumps({"t": text}, ensure_ascii=False))) == {"t": text}
