"""Finds the error in the body of a response whose status is a success, where many gateways put it.

    {"error": {"message", "code": 402 | "402" | "insufficient_quota", "type"}}, {"error": "text"}     OpenRouter, proxies
    {"choices": [{"error": {…}, "finish_reason": "error"}]}                                           OpenRouter
    {"object": "error", "message", "code"}, {"type": "error", "error": {"type"}}                      vLLM, Anthropic
    {"code": 429, "message"}, {"detail"}, {"success": false, "errors": [{"code", "message"}]}         gateways
    {"base_resp": {"status_code", "status_msg"}}, a text of a few words                               MiniMax, proxies

What the body says decides, as if it were the status: a number from 400 to 599 in a place for one, else a code or a type
that stands for one, else the words of the message. A body with an answer in it is an answer, whatever stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from synthgen.llm.providers.error_body import REPEATED, Complaint, is_code, read_body
from synthgen.llm.providers.sent_text import NOTHING_SENT, SentText

__all__ = ["SaidError", "error_in", "status_in_words"]

_NUMBERS = frozenset(
    {"code", "status", "statuscode", "httpstatus", "httpcode", "httpstatuscode", "errorcode", "errcode", "errno"}
)
_CODES = ("code", "errorcode", "errcode")
_TYPES = ("type", "status", "reason", "object", "name")
_ERRORS = frozenset({"error", "errors", "fault", "exception", "detail", "errormessage", "errormsg", "errmsg"})
_MESSAGES = frozenset({"message", "msg", "detail", "title", "statusmsg", "errormsg", "errmsg", "errormessage"})
_KINDS = frozenset({"object", "type", "status", "result"})
_MAX_CHARS = 2_000  # of a message
_PASSING = 429  # the first status after which the same request is sent again
_FAILED = ("error", "exception", "fail", "failed", "failure")
_SUCCEEDED = frozenset({"success", "ok", "succeeded", "issuccess"})

_NUMBER = re.compile(r"(?:http\S*\s+)?([45]\d\d)(?!\d)", re.IGNORECASE)
_NUMBER_IN_WORDS = re.compile(r"^\W*([45]\d\d)\b|\b(?:code|status|http|error)\s+([45]\d\d)\b")

_STATUS_OF = (
    (402, r"insufficient (\w+ )?(quota|credits?|balance|funds?)|payment required|billing|(out of|no|not enough|more) credits?\b"
          r"|credit balance|in arrears|余额不足|欠费"),
    (429, r"rate limit|too many requests|throttl|resource (has been )?exhausted|quota (was |has been )?exceeded|exceeded .*\bquota"
          r"|requests per|slow down|限流|频繁"),
    (400, r"context (length|window|size)|maximum context|too many tokens|content (filter|policy|management)|moderation"
          r"|invalid request|bad request|invalid arguments?\b"),
    (401, r"api key|unauthori[sz]ed|unauthenticated|authenticat|auth(orization)? fail|subscription key|credentials"
          r"|(invalid|expired|missing|no) (\w+ )?token|token (is |has )?(invalid|expired)|\blog ?in\b|\bsign ?in\b|鉴权"),
    (404, r"(model|engine|deployment) (\S+ ){0,4}(not found|not exist|unknown)|(no such|unknown|not a valid|invalid) (model|engine|deployment)"
          r"|模型不存在"),
    (403, r"permission|forbidden|access (is |was )?denied|not allowed to|\b(region|country|territory)\b"),
    (503, r"overload|unavailable|(at|over|no) capacity|\bbusy\b|\bloading\b|warming up|maintenance|try again"),
    (504, r"timed? ?out\b|deadline exceeded"),
    (500, r"internal|server error|bad gateway|upstream"),
    (404, r"not found"),
    (400, r"unsupported|not (be )?supported|unrecogni[sz]ed|(unknown|unexpected) (\w+ )?(field|parameter|name|argument|property)"
          r"|(invalid|wrong) (\w+ )?(parameter|field|value|json|input|schema|type)|extra (inputs|fields)|not permitted"
          r"|validation|must be|is required|unprocessable"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SaidError:
    """An error that a body reports. `status` is the one it amounts to, None where the body names no kind."""

    complaint: Complaint
    status: int | None


def error_in(body: object, sent: SentText = NOTHING_SENT) -> SaidError | None:
    """Return the error that a decoded body reports; None for an answer, and for a body that reports nothing.

    `sent` is the text of the request, which the error may repeat.
    """
    if isinstance(body, list) and len(body) == 1:  # Gemini
        body = body[0]
    if not isinstance(body, Mapping):
        return None
    part = _part(body, sent)
    if not _says_something(part):
        return None
    complaint = read_body(part, otherwise=str(part), sent=sent)
    return SaidError(complaint, _number(part) or _number(body) or _status(part, complaint))


def status_in_words(text: str, sent: SentText = NOTHING_SENT) -> int | None:
    """Return the status that a message amounts to, or None."""
    words = _plain(sent.without(text[:_MAX_CHARS]))
    if (number := _NUMBER_IN_WORDS.search(words)) and not sent.has(number[0]):
        return int(number[1] or number[2])
    return _status_of(words, sent)


def _part(body: Mapping[str, Any], sent: SentText) -> object:
    """Return the part of a body that is the error, or None."""
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if isinstance(first, Mapping):
        if _says_something(first.get("error")):
            return first["error"]
        ended = str(first.get("finish_reason") or "").casefold() == "error"
        if not ended and _has_answer(first):
            return None
        if _says_something(body.get("error")):
            return body["error"]
        return {"message": "the answer ended with finish_reason 'error'"} if ended else None
    for name, value in body.items():
        if _squeezed(name) in _ERRORS and _says_something(value):
            return value
    return body if _reports_failure(body, sent) else None


def _has_answer(choice: Mapping[str, Any]) -> bool:
    message = choice.get("message")
    return isinstance(message, Mapping) and any(value for name, value in message.items() if name not in ("role", "annotations"))


def _reports_failure(body: Mapping[str, Any], sent: SentText) -> bool:
    """Whether a body without an "error" and without an answer says that something failed."""
    for name, value in body.items():
        name = _squeezed(name)
        if name in _KINDS and isinstance(value, str) and _squeezed(value).endswith(_FAILED):
            return True
        if (name in _SUCCEEDED and value is False) or (name in _NUMBERS and _as_status(value)):
            return True
    messages = (text for name, text in _leaves(body) if name in _MESSAGES)
    return any(status_in_words(text, sent) for text in messages)


def _says_something(value: object) -> bool:
    """Whether a value is neither empty, nor false, nor made of such values only."""
    if isinstance(value, Mapping):
        return any(map(_says_something, value.values()))
    if isinstance(value, list):
        return any(map(_says_something, value))
    return bool(value.strip() if isinstance(value, str) else value)


def _number(part: object) -> int | None:
    """Return the first number from 400 to 599 that stands in a place for a status, the outermost first."""
    level = [part]
    if isinstance(part, int | float | str) and (found := _as_status(part)):
        return found
    while level:
        for value in level:
            if isinstance(value, Mapping):
                for name, inner in value.items():
                    if _squeezed(name) in _NUMBERS and (found := _as_status(inner)):
                        return found
        level = [inner for value in level for inner in _inside(value)]
    return None


def _as_status(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        found = _NUMBER.match(value.strip())
        return int(found[1]) if found else None
    return int(value) if 400 <= value <= 599 and value == int(value) else None


def _status(part: object, complaint: Complaint) -> int | None:
    """Return the status that the codes, the types or the words of an error stand for."""
    leaves = list(_leaves(part))
    for places in (_CODES, _TYPES):
        for text in (text for place in places for name, text in leaves if name == place):
            if status := _status_of(_plain(text), NOTHING_SENT if is_code(text) else complaint.sent):
                return _refined(status, complaint)
        if complaint.fields:
            return 400
    return status_in_words(complaint.message, complaint.sent) or status_in_words(complaint.says, complaint.sent)


def _refined(status: int, complaint: Complaint) -> int:
    """Return the status of a message that is of another kind than its type, where the type is that of any bad request."""
    if (
        status == 400
        and not complaint.fields
        and (said := status_in_words(complaint.message, complaint.sent)) in (401, 402, 429)
    ):
        return said
    return status


def _status_of(words: str, sent: SentText) -> int | None:
    """Return the first status that `words` stand for.

    What ends a run or a call is not concluded from words that the request has, too.
    """
    for status, pattern in _STATUS_OF:
        if any(status >= _PASSING or not sent.has(found[0]) for found in re.finditer(pattern, words)):
            return status
    return None


def _plain(text: str) -> str:
    """Return a code or a message as words: "RateLimitError" and "rate_limit_error" are "rate limit error"."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text[:_MAX_CHARS])
    return " ".join(re.sub(r"[\W_]+", " ", apart).casefold().split())


def _squeezed(name: object) -> str:
    return re.sub(r"[\W_]+", "", str(name)).casefold()


def _leaves(part: object) -> Iterator[tuple[str, str]]:
    """Yield the texts of an error with their squeezed names, the outermost first; a text alone is its message."""
    if isinstance(part, str):
        yield "message", part
    level = [part]
    while level:
        for value in level:
            if isinstance(value, Mapping):
                yield from ((_squeezed(name), text) for name, text in value.items() if isinstance(text, str))
        level = [inner for value in level for inner in _inside(value)]


def _inside(value: object) -> list[Any]:
    if isinstance(value, Mapping):
        return [inner for name, inner in value.items() if name not in REPEATED]
    return value if isinstance(value, list) else []
