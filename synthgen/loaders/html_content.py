"""Decide what a reader of a page sees: neither what browsers hide, nor navigation, forms and notices around the text.

No element is left out for its name alone. Elements that usually stand around the text (`nav`, `aside`, `form`, …) are
read if they have prose of their own: sentences outside of links, or most of the page's text. A button is read where it is a heading, or where it
opens the text beside it.

Not covered: style sheets that hide elements, text that scripts write, and what frames and objects show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import regex

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

__all__ = ["BLOCKS", "Content", "letters"]

BLOCKS = frozenset(
    [
        "p",
        "div",
        "section",
        "article",
        "main",
        "body",
        "html",
        "dl",
        "dt",
        "dd",
        "figure",
        "figcaption",
        "details",
        "summary",
        "address",
        "fieldset",
        "legend",
        "hgroup",
        "center",
        "ul",
        "ol",
        "li",
        "blockquote",
        "table",
        "caption",
        "header",
        "footer",
        "nav",
        "aside",
        "form",
        "dialog",
        "menu",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "pre",
        "tr",
        "textarea",
    ]
)
_NEVER_SHOWN = frozenset(
    [
        "script",
        "style",
        "template",
        "noscript",
        "head",
        "title",
        "svg",
        "canvas",
        "iframe",
        "object",
        "audio",
        "video",
        "datalist",
    ]
)
_CONTROLS = frozenset(["select", "textarea", "option", "optgroup", "progress", "meter"])
_AROUND = frozenset(["nav", "header", "footer", "aside", "form", "menu", "dialog"])
_ARTICLE = frozenset(["article", "main", "section"])
_NAMES_TEXT = frozenset(["h1", "h2", "h3", "h4", "h5", "h6", "summary", "dt", "legend", "caption", "figcaption"])

_HIDING_STYLE = regex.compile(r"(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))", regex.IGNORECASE)
_OPENS = regex.compile(r"accordion|collaps|disclos|expand|faq|toggle-?(?:title|head)", regex.IGNORECASE)
_SENTENCE = regex.compile(r"\w.*?(?:[.!?…](?=\s|$|[\"')\]»”’])|[。！？।؟]|(?P<open>\Z))", regex.DOTALL)
_RIGHTS = regex.compile(r"©|\(c\) \d{4}|all rights reserved", regex.IGNORECASE)
_WORD = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]|[\p{L}\p{N}--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]]+", regex.V1
)
_LETTER = regex.compile(r"[\p{L}\p{N}]")
_MIN_WORDS_IN_ARTICLE, _MIN_WORDS, _MIN_WORDS_OF_FRAME = 4, 8, 20
_FRAME = frozenset(["nav", "footer", "menu"])


def letters(text: str) -> int:
    """Return the number of letters and digits."""
    return sum(1 for _ in _LETTER.finditer(text))


@dataclass(slots=True)
class _Amount:
    """Words in sentences, letters, and letters in links, of an element, and whether it stands in an article."""

    in_article: bool
    prose: int = 0
    letters: int = 0
    linked: int = 0

    @property
    def unlinked(self) -> int:
        return self.letters - self.linked

    def add(self, other: _Amount) -> None:
        self.prose += other.prose
        self.letters += other.letters
        self.linked += other.linked


class Content:
    """What is seen of the page with this body. `letters` is the number of visible letters and digits, read or not."""

    def __init__(self, body: LexborNode) -> None:
        self._amounts = dict(_amounts(body))
        self._page = self._amounts[body.mem_id]
        self.letters = self._page.letters

    def has_text(self, node: LexborNode) -> bool:
        """Whether an element of the page is visible and has text. Elements in one that is hidden are not visible."""
        found = self._amounts.get(node.mem_id)
        return found is not None and found.letters > 0

    def prose(self, node: LexborNode) -> int:
        """Return the number of words in sentences, outside of links."""
        found = self._amounts.get(node.mem_id)
        return found.prose if found else 0

    def is_read(self, node: LexborNode) -> bool:
        """Whether the text of this element is content. Its parents are not looked at."""
        tag = node.tag or ""
        if _is_hidden(node) or tag in _CONTROLS:
            return tag == "textarea" and self.prose(node) >= _MIN_WORDS_OF_FRAME
        if tag == "button":
            return self._opens_text(node) or self.prose(node) >= _MIN_WORDS
        if node.attributes.get("aria-hidden") == "true":
            return self.prose(node) >= _MIN_WORDS
        return tag not in _AROUND or self._has_content(node)

    def _has_content(self, node: LexborNode) -> bool:
        found = self._amounts.get(node.mem_id)
        if found is None:
            return False
        if found.in_article and node.tag == "header":
            return True
        enough = _MIN_WORDS_IN_ARTICLE if found.in_article else _MIN_WORDS_OF_FRAME if node.tag in _FRAME else _MIN_WORDS
        return found.unlinked >= found.linked and (found.prose >= enough or 2 * found.unlinked >= self._page.unlinked > 0)

    def _opens_text(self, button: LexborNode) -> bool:
        if _is_title(button):
            return True
        attributes = button.attributes
        says_so = "aria-expanded" in attributes or _OPENS.search(
            f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
        )
        after = _next_element(button)
        return bool(says_so) and after is not None and after.tag != "pre" and self.prose(after) > 0


def _amounts(body: LexborNode) -> Iterator[tuple[int, _Amount]]:
    """Yield the amount of every visible element that can be asked for. Each text is counted once, in one walk."""
    stack: list[tuple[LexborNode, bool]] = [(body, False)]
    open_elements: list[_Amount] = []
    block: list[str] = []  # the text of the block so far, without links
    links = 0
    while stack:
        node, leaving = stack.pop()
        tag = node.tag or ""
        if tag == "-text":
            text = node.text(deep=False)
            open_elements[-1].letters += letters(text)
            if links:
                open_elements[-1].linked += letters(text)
            else:
                block.append(text)
        elif leaving:
            if tag in BLOCKS or tag == "button":
                open_elements[-1].prose += _words_in_sentences(block)
                block = []
            links -= tag == "a"
            found = open_elements.pop()
            yield node.mem_id, found
            if open_elements:
                open_elements[-1].add(found)
        elif not _is_hidden(node):
            if open_elements and (tag in BLOCKS or tag == "button"):
                open_elements[-1].prose += _words_in_sentences(block)
                block = []
            links += tag == "a"
            around = open_elements[-1] if open_elements else _Amount(False)
            open_elements.append(_Amount(around.in_article or tag in _ARTICLE))
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(list(node.iter(include_text=True))))


def _words_in_sentences(parts: list[str]) -> int:
    text = " ".join("".join(parts).split())
    if not text or _RIGHTS.search(text):
        return 0
    return sum(
        words
        for sentence in _SENTENCE.finditer(text)
        if sentence["open"] is None and (words := len(_WORD.findall(sentence[0]))) >= _MIN_WORDS_IN_ARTICLE
    )


def _is_hidden(node: LexborNode) -> bool:
    """Whether browsers do not show this element."""
    attributes = node.attributes
    if node.tag in _NEVER_SHOWN or (node.tag == "dialog" and "open" not in attributes):
        return True
    if "hidden" in attributes and (attributes["hidden"] or "").lower() != "until-found":
        return True
    return bool(_HIDING_STYLE.search(attributes.get("style") or ""))


def _is_title(button: LexborNode) -> bool:
    """Whether a button is most of a heading, a term or the like. Beside the text of one, it does something with it."""
    title = button.parent
    while title is not None and title.tag not in _NAMES_TEXT:
        title = title.parent
    return title is not None and 4 * letters(button.text()) > 3 * letters(title.text())


def _next_element(node: LexborNode) -> LexborNode | None:
    after = node.next
    while after is not None and (after.tag or "").startswith("-"):
        after = after.next
    return after
