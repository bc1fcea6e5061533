"""Reads the body of an error response, in any of the forms that servers use.

    OpenAI, Azure, Ollama, llama.cpp   {"error": {"message", "type", "param", "code"}}
    Gemini                             [{"error": {"code", "message", "status", "details": [{"fieldViolations"}, {"retryDelay"}]}}]
    FastAPI, older vLLM                {"detail": [{"loc", "msg", "input"}]}, or the same as a Python list inside a message
    gateways                           {"error": "text"}, {"detail": "text"}, plain text, HTML

The body is untrusted data: it is searched for codes and names, cut to a bounded length, and not expected to have any
form. What it repeats of the request is not what it says (`sent_text`).
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from synthgen.llm.providers.headers import duration_s
from synthgen.llm.providers.sent_text import NOTHING_SENT, SentText

__all__ = ["REPEATED", "Complaint", "decoded", "is_code", "read_body"]

REPEATED = frozenset({"input", "request", "messages", "prompt"})
"""Names under which bodies repeat the request."""

_MAX_CHARS = 20_000
_MESSAGES = ("message", "msg", "detail", "error", "errormessage", "errormsg", "errmsg", "statusmsg", "faultstring", "title")
_WAITS = ("retrydelay", "retryafter", "retryafterseconds", "retryafters", "retryafterms", "waitseconds", "xratelimitreset")
_AS_TIME = 1e9  # a number from here on is a point in time: UNIX time in seconds or, from 1e12 on, in milliseconds
_CODES = frozenset({"code", "type", "status", "reason", "errorcode", "errcode", "errortype", "kind"})
_FIELDS = ("param", "field", "loc")

_ECHO = re.compile(r"""['"]input['"]:.*""", re.DOTALL)  # pydantic repeats the offending part of the request, passage and all
_NAMING = re.compile(
    r"""['"]loc['"]:\s*[\[(]\s*['"]body['"],\s*['"]([\w.]+)['"]"""
    r"""|(?:unknown|unsupported|unrecognized|unexpected)\ (?:name|parameter|field|argument|request\ argument\ supplied)s?:?\ ['"`]?([\w.]+)"""
    r"""|['"`]?\b([\w.]+)['"`]?:\ extra\ (?:inputs|fields)\ (?:are\ )?not\ permitted""",
    re.VERBOSE,
)
_AGAIN_IN = re.compile(
    r"(?:(?:try again|retry) (?:in|after)|wait(?: for| at least)?) ((?:\d+(?:\.\d+)?(?:ms|h|m|s))+|\d+(?:\.\d+)?(?= seconds?))"
)


@dataclass(frozen=True, slots=True)
class Complaint:
    """The message of an error body.

    - `message`: for people.
    - `says`: all text of the body in lower case, codes included, without what it repeats of the request.
    - `fields`: the fields of the request that it names as the cause, as paths ("response_format.type").
    - `wait_s`: how long the body (not the headers) asks to wait.
    - `codes`: the codes and types in the body's own fields, in lower case.
    - `sent`: the text of the request.
    """

    message: str
    says: str
    fields: tuple[str, ...] = ()
    wait_s: float | None = None
    codes: tuple[str, ...] = ()
    sent: SentText = field(default=NOTHING_SENT, repr=False, compare=False)

    def has_code(self, pattern: str) -> bool:
        """Whether a code of the body is or contains `pattern`."""
        return any(re.search(pattern, code) for code in self.codes)

    def mentions(self, pattern: str) -> bool:
        """Whether a code says so or, in words that the request does not have, the text."""
        return self.has_code(pattern) or any(not self.sent.has(found[0]) for found in re.finditer(pattern, self.says))

    def sentences(self) -> list[str]:
        return re.split(r"[.;]\s|\n", self.says)


def decoded(content: bytes) -> object:
    """Return the content of an error response: decoded JSON, or its text. Where JSON has an "error", that counts alone."""
    text = content.decode("utf-8", "replace").strip()
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return body.get("error", body) if isinstance(body, dict) else body


def read_body(body: object, otherwise: str = "", sent: SentText = NOTHING_SENT) -> Complaint:
    """Return the complaint in an error body; `otherwise` is its message when the body has none.

    `sent` is the text of the request, of which nothing is concluded.
    """
    texts = list(_texts(body))
    whole = _ECHO.sub("", " ".join(text for _, text in texts)[:_MAX_CHARS])
    says = sent.without(whole).casefold()
    message = next((text for key, text in texts if _squeezed(key) in _MESSAGES), whole).strip()
    fields = [text for key, text in texts if key in _FIELDS]
    fields += [name for match in _NAMING.finditer(says) if not sent.has(match[0]) for name in match.groups() if name]
    waits = [*_waits(body), *(duration_s(match[1]) for match in _AGAIN_IN.finditer(says) if not sent.has(match[0]))]
    wait_s = next((seconds for seconds in waits if seconds is not None), None)
    codes = (text.casefold() for key, text in texts if _squeezed(key) in _CODES and is_code(text))
    return Complaint(message or otherwise, says, tuple(dict.fromkeys(fields)), wait_s, tuple(dict.fromkeys(codes)), sent)


def is_code(text: str) -> bool:
    """Whether a text is a word of a program, not one of people."""
    return re.fullmatch(r"[\w.:/-]{1,80}", text.strip(), re.ASCII) is not None


def _waits(value: Any, key: str = "") -> Iterator[float | None]:
    """Yield the seconds in the places of a body that say how long to wait."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in REPEATED:
                yield from _waits(inner, _squeezed(str(name)))
    elif isinstance(value, list):
        for inner in value:
            yield from _waits(inner, key)
    elif key in _WAITS and isinstance(value, str | int | float) and not isinstance(value, bool):
        seconds = duration_s(str(value).removesuffix(" seconds"))
        if seconds is None or key == "xratelimitreset":
            moment = float(value) if re.fullmatch(r"\d{10,16}(?:\.\d+)?", str(value)) else 0.0
            in_seconds = moment / 1000 if moment >= 1000 * _AS_TIME else moment
            seconds = max(0.0, in_seconds - time.time()) if moment >= _AS_TIME else seconds
        yield None if seconds is None else seconds / 1000 if key.endswith("ms") else seconds


def _squeezed(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield all texts of a body, each with its key, without those that pydantic repeats of the request."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "loc" and isinstance(inner, list):
                yield name, ".".join(str(part) for part in inner if part != "body")
            elif name not in REPEATED:
                yield from _texts(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, key)
