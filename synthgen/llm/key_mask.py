"""Takes the key out of whatever comes from a server, before anything is cut, stored or shown.

Some servers repeat the key: in an error, as the name of the model, in an answer. It is found as it is, in base64 (also
as a part of a longer text, as in `Basic …`) and in hexadecimal, and each of these with any of its characters escaped for
URLs, JSON or HTML, once or several times.

A short or plain word that a local server takes for a key ("ollama", "EMPTY") is no secret, and stays in answers: it may
be a word of the documents. In messages of errors it is masked, too (`Endpoint.redacted`).

Not covered: a part of the key, a key with other characters inside, and other encodings.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any

__all__ = ["MASK", "KeyMask", "key_mask"]

MASK = "***"
_SHORTEST = 8  # characters of a key with a digit in it
_SHORTEST_WORD = 20
_ESCAPES = {  # that an ASCII character may be written with, by how they begin
    "%": re.compile("%(?:25)*[2-7][0-9a-fA-F]"),
    "\\": re.compile(r"\\(?:u00[2-7]|x[2-7]|/)"),
    "&": re.compile("&(?:amp;)*#"),
}


class KeyMask:
    """Masks one key. "" stands for no key."""

    def __init__(self, key: str) -> None:
        is_secret = len(key) >= (_SHORTEST if any(c.isdigit() for c in key) else _SHORTEST_WORD)
        self._forms = tuple(dict.fromkeys(_forms(key))) if is_secret else ()

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join("".join(map(_escaped, form)) for form in self._forms))

    def text(self, text: str) -> str:
        """Return a text without the key."""
        return self._pattern.sub(MASK, text) if self._may_be_in(text) else text

    def value(self, value: Any) -> Any:
        """Return a decoded JSON value without the key, in its texts and its names."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(inner) for inner in value]
        if isinstance(value, dict):
            return {self.text(name): self.value(inner) for name, inner in value.items()}
        return value

    def content(self, content: bytes) -> bytes:
        """Return the content of a response, JSON or text, without the key. JSON stays JSON."""
        encoding = json.detect_encoding(content)
        text = content.decode(encoding, "replace")
        if not self._may_be_in(text) or not self._pattern.search(text):
            return content
        try:
            return json.dumps(self.value(json.loads(content))).encode()
        except (ValueError, RecursionError):
            return self.text(text).encode(encoding, "replace")

    def _may_be_in(self, text: str) -> bool:
        """Whether `text` has the key, or escapes: the quick test, which is all that nearly every text needs."""
        if any(form in text for form in self._forms):
            return True
        return bool(self._forms) and any(mark in text and escape.search(text) for mark, escape in _ESCAPES.items())


@lru_cache(maxsize=8)
def key_mask(key: str) -> KeyMask:
    """Return the mask of a key, made once."""
    return KeyMask(key)


def _forms(key: str) -> Iterator[str]:
    """Yield the key and its encodings.

    In base64, a text looks in three ways, by how many bytes precede it; what depends on its neighbours is left out.
    """
    yield key
    plain = key.encode()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + plain)
        first, last = -(-before * 8 // 6), (before + len(plain)) * 8 // 6
        inner = encoded[first:last].decode()
        yield from (inner, inner.replace("+", "-").replace("/", "_"))
    yield from (plain.hex(), plain.hex().upper())


def _escaped(character: str) -> str:
    """Return a pattern of a character that is escaped or not."""
    code = ord(character)
    digits = "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{code:02x}")
    own = rf"\\*{re.escape(character)}" if character == "/" else re.escape(character)
    return rf"(?:{own}|%(?:25)*{digits}|\\+(?:u00|x){digits}|&(?:amp;)*#(?:0*{code}|[xX]0*{digits});)"
