"""Whether a page can be parsed in linear time. Parsers look at every open element and at every attribute of a tag again and again.

Both are counted without a parser, and never too low: what stands in scripts and comments counts, too.
"""

from __future__ import annotations

from collections import Counter

import regex

__all__ = ["MAX_ATTRIBUTES", "MAX_DEPTH", "too_complex"]

MAX_DEPTH = 5_000
MAX_ATTRIBUTES = 2_000

_TAG = regex.compile(
    r"""<(?P<closes>/)?(?P<name>[a-zA-Z][^\s/>]*+)
        (?:[\s/]++|(?P<attribute>=?[^\s/>=]++)(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>]*+))?+)*+""",
    regex.VERBOSE,
)
# Elements without content, and those that end where another one of them begins: they are never inside each other without
# an element around that counts.
_NOT_COUNTED = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
        "a",
        "body",
        "button",
        "colgroup",
        "dd",
        "dt",
        "head",
        "html",
        "li",
        "nobr",
        "optgroup",
        "option",
        "p",
        "rp",
        "rt",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
    ]
)


def too_complex(html: str) -> str:
    """Return what of a page is too much ("elements in each other"), with its limit; "" where nothing is."""
    unclosed, depth = Counter[str](), 0
    for tag in _TAG.finditer(html):
        if len(tag.captures("attribute")) > MAX_ATTRIBUTES:
            return f"a tag has more than {MAX_ATTRIBUTES:,} attributes"
        name = tag["name"].lower()
        if name in _NOT_COUNTED or (tag[0].endswith("/") and (unclosed["svg"] or unclosed["math"])):
            continue
        if not tag["closes"]:
            unclosed[name] += 1
            depth += 1
        elif unclosed[name]:
            unclosed[name] -= 1
            depth -= 1
        if depth > MAX_DEPTH:
            return f"more than {MAX_DEPTH:,} elements are in each other"
    return ""
