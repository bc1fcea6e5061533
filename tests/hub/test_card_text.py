"""What documents, models and files are called is shown in a card, and nothing in it is obeyed by a terminal or a browser."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from synthgen.hub.card import CardFacts, card, check_license, yaml_text
from synthgen.hub.folder import WrittenConfig
from synthgen.text.printable import printable

OBEYED = {
    "escape sequence": "\x1b[2J\x1b[31mred",
    "window title": "\x1b]0;owned\x07",
    "link of a terminal": "\x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "C1": "\x9b2J\x9d0;owned\x9c",
    "direction": "safe\u202eexe.txt\u202c",
    "isolates": "\u2066a\u2069\u200f",
    "back and forth": "good\rbad\b\b",
    "NUL and DEL": "a\x00b\x7f",
    "half a character": "a\ud800b",
    "line of its own": "a\u2028b\u0085c",
}


def facts(name: str) -> CardFacts:
    run: dict[str, Any] = {
        "rows": {"answered": 1}, "writer": name, "import": {"file": name}, "version": "1", "seed": 0, "measured": name,
        "left_out": [name], "sources": [name], "cost": [name], "asked": [name], "limits": [name], "terms": [name],
        "funnel": [{"stage": name, "in": 2, "kept": 1, "rejected": {name: 1}}],
        "settings": [{"title": name, "text": name, "rows": [(name, name, name)], "found": [(name, name)]}],
        "prompts": {name: name}, "sampling": {name: {name: [name]}},
    }  # fmt: skip
    tables = [WrittenConfig("triples", {"train": 1}, {name: "string"})]
    verbatim = {"measured": name, "command": name}
    license = check_license("other", name, "https://havens.example")
    return CardFacts("ann/rivers", name, license, [name], tables, {"imported": 1}, run, verbatim, [name])


@pytest.mark.parametrize("kind", OBEYED)
def test_a_card_has_no_character_that_a_terminal_obeys(kind: str) -> None:
    text = card(facts(OBEYED[kind]))
    assert printable(text) == text
    text.encode("utf-8")
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["language"] == [OBEYED[kind]], "YAML says the same in its own escapes"


@pytest.mark.parametrize("name", ["Größe, 河流, नदी", "emoji 👩‍🔬", "شِعر", "C# and C:\\new", "Ilmārs’s “file”.md"])
def test_other_names_are_shown_as_they_are(name: str) -> None:
    text = card(facts(name))
    assert text.count(name.replace("\\", "\\\\")) > 10
    assert yaml_text({"name": name}) == yaml.safe_dump({"name": name}, allow_unicode=True)
