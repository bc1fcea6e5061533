"""What models write around a query or an answer, mended where that is certain, and answers that are none.

`mended_query` and `mended_answer` are applied to every row, whatever its source; `fault` says what is wrong with an
answer that could not be mended. Nothing is changed that the row's passage has literally: an answer that quotes a chat
or JSON keeps it. Characters that are never seen (`text.invisible`) are removed without a word.

| mended | example |
|---|---|
| `marks` | two litres<\\|im_end\\|> (`text.model_marks`) |
| `escapes` | `$\\frac{1}{2}$` that arrived as a form feed and "rac" |
| `entities` | AT&amp;amp;T |
| `fence` | ```` ```json {"answer": "two litres"} ``` ```` |
| `lead_in` | Sure! Two litres. — Answer: two litres |
| `sign_off` | Two litres. Let me know if you have any questions! |
| `run_on` | two litres, then `User: …` and `Assistant: …` |
| `answer_in_query` | How much does it move? (answer: two litres) |
"""

from __future__ import annotations

import functools
import html
import json
from collections.abc import Callable, Iterable
from typing import NamedTuple

import regex

from synthgen.text.escapes import restored_escapes
from synthgen.text.fold import key
from synthgen.text.invisible import without_invisible
from synthgen.text.left_over import BROKEN_ENCODING, TAGS
from synthgen.text.lexicon import lexicon
from synthgen.text.model_marks import has_marks, without_marks, without_prompt

__all__ = ["Mended", "fault", "is_placeholder", "mended_answer", "mended_query", "mended_text"]

_MAX_LENGTH = 400  # of an answer that may say that there is none

_ENTITY = regex.compile(r"&(?:amp|quot|lt|gt|nbsp|apos|ndash|mdash|hellip|[lr][sd]quo|deg|#\d{1,6}|#x[0-9a-fA-F]{1,5});")
_FENCED = regex.compile(r"\s*```[\w+-]*[ \t]*\n?(?P<inner>.*?)\s*```\s*", regex.DOTALL)
_TURN = r"(?:user|human|assistant|system|bot|ai|customer|student)"
_RUN_ON = regex.compile(
    rf"\s*\n\s*(?:\**#*\s*)*{_TURN}\s*\**\s*:.*\Z|\s*\n\s*#{{2,4}} *(?:instruction|response|input)\s*:.*\Z|(?<=[\w.!?)\"'”»]\s)\s*(?:user|human)\s*:\s.*\b(?:assistant|ai|bot)\s*:.*\Z",
    regex.DOTALL | regex.IGNORECASE,
)
_ROLE_FIRST = regex.compile(r"\A(?:assistant\s*:\s*|(?:assistant|model)\s*\n+)(?=\S)", regex.IGNORECASE)
_BOLD_LABEL = regex.compile(r"\A(\*\*|__)([^*_:\n]{1,40}[:：])\s*\1|\A(\*\*|__)([^*_:\n]{1,40})\3\s*(?=[:：])")
_RULE_AT_END = regex.compile(r"\s*\n\s*(?:-{3,}|\*{3,}|_{3,}|={3,})\s*\Z")
_TAGGED = regex.compile(r"\s*<(answer|final|final_answer|output|response)>\s*(?P<inner>[^<>]+?)\s*</\1>\s*", regex.IGNORECASE)
_TURN_LABEL = regex.compile(rf"\b{_TURN}\s*:", regex.IGNORECASE)
_PLACEHOLDER = regex.compile(
    r"""
      [\{<\[(]{1,2}\s*(?:your|the|an?|my|insert|correct|short|full)?[\s_]*(?:answer|response|reply|text|string|value|query|question|context|quote|content|placeholder|insert)(?:[\s_]+(?:here|text|goes\s+here|to\s+the\s+question))?\s*[\}>\])]{1,2}
    | string|str|text|null|none\s+given|undefined|nan|n/?\s?a\.?|n\.a\.|tbd|todo|fixme|placeholder|xxx+|lorem\s+ipsum.*
    | (?:your\ |the\ )?(?:answer|response|text)\ (?:goes\ )?here | (?:insert|write|type|enter)\ (?:your\ |the\ )?(?:answer|response|text)(?:\ here)?
    | (?:answer|response|antwort|réponse|respuesta|risposta|resposta|antwoord|答案|回答)
    | [-–—_.…/\\?¿*•]+ | \[\s*\] | \{\s*\} | ""
    """,
    regex.VERBOSE | regex.IGNORECASE,
)
_JSON = regex.compile(r"\s*[\[{]\s*[\"'{\[].*[\]}]\s*", regex.DOTALL)
_MARKUP = regex.compile(rf"{TAGS}|{BROKEN_ENCODING}|\[object Object\]", regex.IGNORECASE)


class Mended(NamedTuple):
    """A text, and the names of what was mended in it."""

    text: str
    mended: tuple[str, ...] = ()


def mended_text(text: str, passage: str) -> Mended:
    """Mend what is never content of any field: marks and escapes."""
    return _all(text, passage, [("escapes", restored_escapes), ("marks", without_marks)])


def mended_query(text: str, passage: str, language: str = "") -> Mended:
    """Mend a query. `language` is that of the passage."""
    steps = [*_EVERYWHERE, ("answer_in_query", lambda text, passage: _without_answer(text, passage, language))]
    return _all(text, passage, steps)


def mended_answer(text: str, passage: str, language: str = "") -> Mended:
    """Mend an answer. `language` is that of the passage."""
    steps = [
        ("marks", without_prompt),
        *_EVERYWHERE,
        ("fence", _without_fence),
        ("run_on", lambda text, passage: _without_run_on(text, passage, language)),
        ("lead_in", lambda text, passage: _without_lead_in(text, passage, language)),
        ("sign_off", lambda text, passage: _without_sign_off(text, passage, language)),
    ]
    return _all(text, passage, steps)


def fault(answer: str, passage: str, language: str = "") -> str:
    """Return why a text is no answer: `no_answer`, `placeholder`, `answer_malformed` or `run_on`; "" when it may be one."""
    text = answer.strip()
    if has_marks(text, passage):
        return "answer_malformed"
    if not text or _stands_in(text, passage):
        return ""
    if is_placeholder(text, passage):
        return "placeholder"
    if len(text) <= _MAX_LENGTH and any(pattern.search(text) for pattern in _patterns("non_answers", language)):
        return "no_answer"
    if _JSON.fullmatch(text) and _is_json(text):
        return "answer_malformed"
    if any(match[0] not in passage for match in _MARKUP.finditer(text)):
        return "answer_malformed"
    return "run_on" if len({match[0].lower() for match in _TURN_LABEL.finditer(text) if match[0] not in passage}) > 1 else ""


_Step = tuple[str, Callable[[str, str], str]]


def _all(text: str, passage: str, steps: Iterable[_Step]) -> Mended:
    text = without_invisible(text)
    done = []
    for name, step in steps:
        changed = step(text, passage)
        if changed != text:
            text = changed
            done.append(name)
    return Mended(without_invisible(text), tuple(dict.fromkeys(done)))  # an entity may have been one


def _without_entities(text: str, passage: str) -> str:
    return _ENTITY.sub(lambda match: match[0] if match[0] in passage else html.unescape(match[0]), text)


_EVERYWHERE: list[_Step] = [("escapes", restored_escapes), ("marks", without_marks), ("entities", _without_entities)]


def _without_answer(text: str, passage: str, language: str) -> str:
    match = _answer_in_query(language).search(text)
    if match is None or _stands_in(match[0], passage):
        return text
    query, mark = text[: match.start()].rstrip(), match[0].strip()[-1]
    return query + mark if mark in "?？" and not query.endswith(mark) else query


def _without_fence(text: str, passage: str) -> str:
    """Return what is inside a fence or a tag around the whole answer: the one text of a JSON object, or prose."""
    if (tagged := _TAGGED.fullmatch(text)) and not _stands_in(text, passage):
        return tagged["inner"]
    match = _FENCED.fullmatch(text)
    inner = (match["inner"] if match else text).strip()
    if _JSON.fullmatch(inner) and not _stands_in(inner, passage):
        try:
            value = json.loads(inner)
        except ValueError:
            return text
        texts = list(value.values()) if isinstance(value, dict) else value
        only = texts[0] if isinstance(texts, list) and len(texts) == 1 else None
        return only.strip() if isinstance(only, str) and only.strip() else text
    is_prose = (
        match is not None
        and "\n" not in inner
        and regex.fullmatch(r"\s*```(?:text|markdown|plaintext)?\s*\n.*", text, regex.DOTALL)
    )
    return inner if is_prose else text


def _without_run_on(text: str, passage: str, language: str) -> str:
    for pattern in (_RUN_ON, _next_question(language)):
        match = pattern.search(text)
        if match and text[: match.start()].strip() and not _stands_in(match[0][:60], passage):
            text = _RULE_AT_END.sub("", text[: match.start()]).rstrip()
    return text


def _without_lead_in(text: str, passage: str, language: str) -> str:
    if _stands_in(text, passage):
        return text
    found = _ROLE_FIRST.sub("", text)
    for _ in range(3):  # "Sure! Here is the answer: …"
        plain = _BOLD_LABEL.sub(r"\2\4", found)
        match = next((match for pattern in _patterns("lead_ins", language) if (match := pattern.search(plain))), None)
        if match is None or not plain[match.end() :].strip() or not match[0]:
            break
        found = plain[match.end() :].strip()
    if found == text:
        return text
    is_sentence = found[-1:] in ".!?…。！？"
    return found[0].upper() + found[1:] if is_sentence and text[0].isupper() else found


def _without_sign_off(text: str, passage: str, language: str) -> str:
    match = next((match for pattern in _patterns("sign_offs", language) if (match := pattern.search(text))), None)
    kept = text[: match.start()].rstrip() if match else ""
    return kept if match and kept[-1:] in (".", "!", "?", "…") and not _stands_in(match[0], passage) else text


def is_placeholder(text: str, passage: str) -> bool:
    """Whether a text only holds the place of a query or an answer: `{answer}`, `string`, N/A, signs alone."""
    return _PLACEHOLDER.fullmatch(text.strip()) is not None and not _stands_in(text.strip(), passage)


def _stands_in(text: str, passage: str) -> bool:
    """Whether the passage has the text, as words. Signs alone are in every passage, so they have to be quoted there."""
    folded = key(text)
    if any(character.isalnum() for character in folded):
        return f" {folded} " in f" {_folded(passage)} " or text in passage
    return any(f"{left}{text}{right}" in passage for left, right in ("``", '""', "''", "“”", "「」", "‘’", "«»"))


_folded = functools.lru_cache(maxsize=64)(key)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False


@functools.cache
def _patterns(which: str, language: str) -> tuple[regex.Pattern[str], ...]:
    codes = dict.fromkeys(["en", language])
    return tuple(regex.compile(one, regex.IGNORECASE) for code in codes if code for one in getattr(lexicon(code), which))


def _labels(which: str, language: str) -> str:
    words = {word for code in ("en", language) for word in getattr(lexicon(code), which) if len(word) > 1 or not word.isascii()}
    return "|".join(map(regex.escape, sorted(words)))


@functools.cache
def _answer_in_query(language: str) -> regex.Pattern[str]:
    return regex.compile(
        rf"\s*[(\[（【]\s*(?:correct\s+)?(?:{_labels('reply_labels', language)})\s*[:：=].*[)\]）】]\s*[?？]?\s*\Z"
        rf"|(?<=[?？])\s*(?:\*\*)?(?:correct\s+)?(?:{_labels('reply_labels', language)})\s*[:：].*\Z",
        regex.IGNORECASE,
    )


@functools.cache
def _next_question(language: str) -> regex.Pattern[str]:
    return regex.compile(
        rf"\s*\n\s*(?:\**#*\s*)*(?:(?:{_labels('ask_labels', language)})\s*\d*\**\s*[:：]|Q\d*\s*[:.]\s).*\Z",
        regex.DOTALL | regex.IGNORECASE,
    )
