"""Describes what came with a success in place of an answer: a page, a stream, another API, nothing.

Such a thing is no accident of one call: a sign-in page or a proxy stands between, or the address is that of something
else. An empty body and JSON that breaks off may be an accident, and are worth another attempt or two.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from synthgen.llm.providers.error_body import read_body
from synthgen.llm.providers.error_in_success import SaidError, error_in, status_in_words
from synthgen.llm.providers.sent_text import NOTHING_SENT, SentText
from synthgen.text.storable import storable

__all__ = ["NoAnswer", "decoded_answer", "not_an_answer"]

_ONCE, _A_FEW_TIMES = 1, 3
_EXCERPT_CHARS = 120
_SENTENCE_CHARS = 500  # a longer text is no message of an error
_PAGE = re.compile(r"\s*+<(?:!doctype|html|head|body|\?xml|!--|meta|title|script)", re.IGNORECASE)
_TITLE = re.compile(r"<(title|h1)\b[^>]{0,1000}>(.{0,10000}?)</\1", re.IGNORECASE | re.DOTALL)
_STREAM = re.compile(r"\s*+(?:(?:event|id|retry)?:[^\n]*+\n\s*+)*+data:")
_DATA = re.compile(r"^data:[ \t]*(\{.*)$", re.MULTILINE)


@dataclass
class NoAnswer(ValueError):
    """What came is no answer: `what` it is, and the `error` that it reports, if any.

    `ends_after` is how many of them in a row end a run before its first answer; None means that they never do.
    """

    what: str
    ends_after: int | None = _ONCE
    error: SaidError | None = None

    def __str__(self) -> str:
        return self.what


def decoded_answer(content: bytes, sent: SentText = NOTHING_SENT) -> Any:
    """Return the JSON in the content of a success. Raises NoAnswer where there is none.

    `sent` is the text of the request, which an error may repeat.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise NoAnswer("its JSON is nested too deeply", None) from None
    except ValueError:
        raise _no_json(content, sent) from None


def not_an_answer(body: object, sent: SentText = NOTHING_SENT) -> NoAnswer | None:
    """Return the error that a decoded body reports, or what it is when it can be no completion.

    None where it is a completion, or may be a damaged one.
    """
    has_choices = isinstance(body, dict) and "choices" in body
    if error := error_in(body, sent):
        return NoAnswer(f"an error: {error.complaint.message}", None if has_choices else _A_FEW_TIMES, error)
    if body in (None, {}, ""):
        return NoAnswer(f"JSON that has no choices ({json.dumps(body)})", _A_FEW_TIMES)
    if not isinstance(body, dict):
        return _foreign(_named_json(body), body, sent)
    choices = body.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        first = choices[0]
        if "message" not in first and ("delta" in first or "text" in first):
            kind = "a part of a stream" if "delta" in first else "a completion of the older kind, without messages"
            return NoAnswer(f"{kind} ({_excerpt(json.dumps(body, ensure_ascii=False))})")
        return None
    return None if has_choices else _foreign(_named_json(body), body, sent)


def _no_json(content: bytes, sent: SentText) -> NoAnswer:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if not content.strip():
        return NoAnswer("an empty body", _A_FEW_TIMES)
    if not text or "\0" in text:
        return NoAnswer(f"{len(content):,} bytes that are no text")
    if _PAGE.match(text):
        return _page(text)
    if _STREAM.match(text):
        errors = (found for data in _DATA.findall(text) if (found := error_in(_json_or_none(data), sent)))
        return NoAnswer(f"an event stream ({_excerpt(text)})", error=next(errors, None))
    if text.lstrip().startswith("{"):
        return _objects(text.lstrip(), sent)
    return _foreign("plain text", text, sent)


def _page(text: str) -> NoAnswer:
    found = _TITLE.search(text)
    title = re.sub(r"<[^<>]*>", " ", found[2]) if found else ""
    status = re.match(r"\s*(?:error )?([45]\d\d)\b", title, re.IGNORECASE)
    error = SaidError(read_body(" ".join(title.split())), int(status[1])) if status else None
    return NoAnswer(f"a web page ({_excerpt(title or text)})", error=error)


def _objects(text: str, sent: SentText) -> NoAnswer:
    """Return what a text is that begins like a JSON object and is none: one that breaks off, or a stream of them."""
    try:
        first, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return NoAnswer(f"JSON that breaks off ({_excerpt(text)})", _A_FEW_TIMES)
    if text[end:].lstrip().startswith("{"):
        return NoAnswer(f"a stream of JSON objects ({_excerpt(text)})", error=error_in(first, sent))
    return NoAnswer(f"JSON with other text behind it ({_excerpt(text)})", error=error_in(first, sent))


def _foreign(what: str, body: object, sent: SentText) -> NoAnswer:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    error = None
    if isinstance(body, str) and len(body) <= _SENTENCE_CHARS and (status := status_in_words(body, sent)):
        error = SaidError(read_body(" ".join(body.split()), sent=sent), status)
    return NoAnswer(f"{what} ({_excerpt(text)})", error=error)


def _named_json(body: object) -> str:
    """Return what kind of JSON a body is that has no `choices`."""
    if not isinstance(body, dict):
        kind = "list" if isinstance(body, list) else "text" if isinstance(body, str) else "value"
        return f"a JSON {kind}, which has no choices"
    data = body.get("data", body.get("models"))
    models = isinstance(data, list) and body.keys() <= {"object", "data", "models", "first_id", "last_id", "has_more"}
    return "a list of models" if models else "JSON that has no choices"


def _json_or_none(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _excerpt(text: str) -> str:
    """Return the beginning of a text, in quotes and on one line."""
    line = " ".join("".join(c if c.isprintable() else " " for c in storable(text[: 4 * _EXCERPT_CHARS])).split())
    return repr(line if len(line) <= _EXCERPT_CHARS else f"{line[:_EXCERPT_CHARS]}…")
