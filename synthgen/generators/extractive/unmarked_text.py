"""Text without its markup, with the source offset of every character.

Queries must contain no Markdown, and answers must be exact spans of the document. So rules match on the plain text and
map the matches back. Markup is deleted; only sub- and superscripts and breaks are rewritten, at the offset of their first
character. Entities (`&lt;`) and nested or broken markup are left as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import regex

from synthgen.records import Span
from synthgen.text.inline_html import BREAKS, LOWERED, RAISED, REFERENCE, STRUCK_OUT, TAG, fraction, lowered, raised
from synthgen.text.words import UNSPACED

__all__ = ["Plain", "plain"]

_WIDE = UNSPACED + "，。、；：？！（）「」《》“”"

# Tried in this order at each character. A named group `keep` survives; the content of `text` is scanned again.
_MARKUP = regex.compile(
    rf"""
    {REFERENCE} | {RAISED} | {LOWERED} | {STRUCK_OUT} | (?P<break>{BREAKS}) |
    """
    r"""
    (?P<code>`+) (?P<keep>[^`]+?|`) (?P=code) (?!`) _{0,2}              # `code`, ``code``; rst: `link`_
  | <!--.*?-->
  | !\[[^\]]*\]\([^)]*\) | !\[[^\]]*\]\[[^\]]*\]                        # images
  | \{\{[<%].*?[%>]\}\} | [ \t]*\{\#[\w-]+\}                            # template calls, heading ids
  | \[(?:\^[^\]]+|\d+)\](?!\()_?                                        # footnotes
  | \[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])+)\](?:\([^()\s]*(?:\([^()]*\)[^()]*)*(?:\s+["'][^)]*)?\)|\[[^\]]*\]|(?![\w=(]))
  | <(?P<keep>https?://[^>\s]+)>
"""
    rf"  | {TAG}"
    r"""
  | (?<![\w*])(?P<stars>\*{1,3}) (?=[^\s*]) (?P<text>[^*]+?) (?<=\S)(?P=stars) (?!\*)
  | (?<=[\p{Han}])(?P<stars>\*{2}) (?=[^\s*]) (?P<text>[^*]+?) (?P=stars)
  | (?<![\w_])(?P<bars>_{1,2}) (?=[^\s_]) (?P<text>[^_]+?) (?<=\S)(?P=bars) (?![\w_])
  | \\(?P<keep>[\\`*_{}\[\]()<>\#+\-.!|~&"'\n])                             # escapes and hard breaks
  | (?<=\n)[^\S\n]*(?:>[ \t]?)+                                         # quotation marks of a block quote
    """,
    regex.VERBOSE | regex.DOTALL,
)
_ROLE = regex.compile(r":[a-zA-Z][\w+.:-]*:(?=`)")
_TARGET = regex.compile(r"\s*<[^<>`]+>$")
_SPACE = regex.compile(r"\s+")
_WIDE_BREAK = regex.compile(rf"(?<=[{_WIDE}])\s*\n\s*(?=[{_WIDE}])")
_LINK = regex.compile(r"\]\(|\]\[|<[a-zA-Z/!]|:[a-z]+:`|`_|\{\{|\\\n|\n[^\S\n]*+>|!\[|\|")


@dataclass(frozen=True, slots=True)
class Plain:
    """Plain text. `at[i]` is the offset of its i-th character in the marked-up `source`."""

    text: str
    at: tuple[int, ...]
    source: str

    def span(self, start: int, end: int) -> Span:
        """Return the source span of `text[start:end]`, with the markup that opens or closes right at its edges."""
        left, right = self.at[start], self.at[end - 1] + 1
        before = self.at[start - 1] + 1 if start else 0
        after = self.at[end] if end < len(self.at) else len(self.source)
        opening, closing = self.source[before:left], self.source[right:after]
        left -= len(opening) - len(opening.rstrip("*_`~["))
        right += len(closing) - len(closing.lstrip("*_`~"))
        return left, right

    def exact(self, start: int, end: int) -> Span | None:
        """Return the source span of `text[start:end]` if it reads well as it is: balanced emphasis and code, no link."""
        left, right = self.at[start], self.at[end - 1] + 1
        if self.source[left:right] != self.text[start:end]:
            left, right = self.span(start, end)
            if regex.fullmatch(r"(\*+|_+|`+)[^*_`]+\1", self.source[left:right]):
                left, right = self.at[start], self.at[end - 1] + 1
        found = self.source[left:right]
        if _LINK.search(found) or any(found.count(mark) % 2 for mark in ("`", "**")) or found.count("[") != found.count("]"):
            return None
        return left, right


def plain(source: str, start: int = 0, end: int | None = None) -> Plain:
    """Return the plain text of `source[start:end]`: one line, single spaces, none between characters of unspaced scripts."""
    end = len(source) if end is None else end
    kept = bytearray(b"\1") * (end - start)
    written: dict[int, str] = {}
    _strip(source, start, end, start, kept, written)
    shown = [(i, character) for i in range(start, end) if kept[i - start] for character in written.get(i, source[i])]
    at = [i for i, _ in shown]
    text = "".join(character for _, character in shown)
    drop: set[int] = set()
    for match in _WIDE_BREAK.finditer(text):
        drop.update(range(match.start(), match.end()))
    for match in _SPACE.finditer(text):
        edge = match.start() == 0 or match.end() == len(text)
        drop.update(range(match.start() + (not edge), match.end()))
    chosen = [i for i in range(len(text)) if i not in drop]
    return Plain("".join(" " if text[i].isspace() else text[i] for i in chosen), tuple(at[i] for i in chosen), source)


def _strip(source: str, start: int, end: int, base: int, kept: bytearray, written: dict[int, str]) -> None:
    """Clear `kept` where markup is, and set `written` where other text stands in its place."""
    for role in _ROLE.finditer(source, start, end):
        kept[role.start() - base : role.end() - base] = bytes(role.end() - role.start())
    for match in _MARKUP.finditer(source, start, end):
        inner = next((span for name in ("keep", "text") for span in match.spans(name) if span[0] >= 0), None)
        kept[match.start() - base : match.end() - base] = bytes(match.end() - match.start())
        if text := _rewritten(source, match):
            kept[match.start() - base] = 1
            written[match.start()] = text
        if inner is None:
            continue
        kept[inner[0] - base : inner[1] - base] = b"\1" * (inner[1] - inner[0])
        if match.group("code"):
            target = _TARGET.search(source, inner[0], inner[1])
            if target and _is_reference(source, match.start(), match.end()):
                kept[target.start() - base : inner[1] - base] = bytes(inner[1] - target.start())
        elif match.captures("text"):
            _strip(source, inner[0], inner[1], base, kept, written)


def _rewritten(source: str, match: regex.Match[str]) -> str:
    before = source[match.start() - 1 : match.start()]
    if match["over"]:
        return fraction(match["over"], match["under"], before)
    if match["raised"]:
        return raised(match["raised"], before)
    return lowered(match["lowered"], before) if match["lowered"] else " " if match["break"] else ""


def _is_reference(source: str, start: int, end: int) -> bool:
    """Whether the backticks are those of an rst role or link, whose `<target>` is not shown."""
    return source[start - 1 : start] == ":" or source[end - 1 : end] == "_"
