"""Reads the body of an error response, in any of the forms that servers use.

    OpenAI, Azure, Ollama, llama.cpp   {"error": {"message", "type", "param", "code"}}
    Gemini                             [{"error": {"code", "message", "status", "details": [{"fieldViolations"}, {"retryDelay"}]}}]
    FastAPI, older vLLM                {"detail": [{"loc", "msg", "input"}]}, or the same as a Python list inside a message
    gateways                           {"error": "text"}, {"detail": "text"}, plain text, HTML

The body is untrusted data: it is searched for codes and names, cut to a bounded length, and not expected to have any
form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from synthgen.llm.providers.headers import duration_s

__all__ = ["Complaint", "decoded", "read_body"]

_MAX_CHARS = 20_000
_MESSAGES = ("message", "msg", "detail", "error")
_FIELDS = ("param", "field", "loc")

_ECHO = re.compile(r"""['"]input['"]:.*""", re.DOTALL)  # pydantic repeats the offending part of the request, passage and all
_NAMING = re.compile(
    r"""['"]loc['"]:\s*[\[(]\s*['"]body['"],\s*['"]([\w.]+)['"]"""
    r"""|(?:unknown|unsupported|unrecognized|unexpected)\ (?:name|parameter|field|argument|request\ argument\ supplied)s?:?\ ['"`]?([\w.]+)"""
    r"""|['"`]?\b([\w.]+)['"`]?:\ extra\ (?:inputs|fields)\ (?:are\ )?not\ permitted""",
    re.VERBOSE,
)
_AGAIN_IN = re.compile(r"(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?(?:ms|h|m|s))+|\d+(?:\.\d+)?(?= seconds?))")


@dataclass(frozen=True, slots=True)
class Complaint:
    """The message of an error body.

    - `message`: for people.
    - `says`: all text of the body in lower case, codes included, without what it repeats of the request.
    - `fields`: the fields of the request that it names as the cause, as paths ("response_format.type").
    - `wait_s`: how long the body (not the headers) asks to wait.
    """

    message: str
    says: str
    fields: tuple[str, ...] = ()
    wait_s: float | None = None

    def mentions(self, pattern: str) -> bool:
        return re.search(pattern, self.says) is not None

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


def read_body(body: object, otherwise: str = "") -> Complaint:
    """Return the complaint in an error body; `otherwise` is its message when the body has none."""
    texts = list(_texts(body))
    whole = _ECHO.sub("", " ".join(text for _, text in texts)[:_MAX_CHARS])
    says = whole.casefold()
    message = next((text for key, text in texts if key in _MESSAGES), whole).strip()
    fields = [text for key, text in texts if key in _FIELDS]
    fields += [name for match in _NAMING.finditer(says) for name in match.groups() if name]
    waits = [text for key, text in texts if key == "retryDelay"] + [match[1] for match in _AGAIN_IN.finditer(says)]
    return Complaint(message or otherwise, says, tuple(dict.fromkeys(fields)), duration_s(waits[0]) if waits else None)


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield all texts of a body, each with its key, without those that pydantic repeats of the request."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "loc" and isinstance(inner, list):
                yield name, ".".join(str(part) for part in inner if part != "body")
            elif name != "input":
                yield from _texts(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, key)
