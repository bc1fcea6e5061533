"""The two files of a batch, line by line: requests on their way up, answers on their way down.

    up      {"custom_id": KEY, "method": "POST", "url": "/v1/chat/completions", "body": {…}}
    down    {"custom_id": KEY, "response": {"status_code": 200, "body": {…}} or null, "error": null or {"code", "message"}}

`custom_id` is the request key, so an answer finds its request without regard to order, and lands where a live call would have put
it. Lines are read one at a time; a line that is no JSON, or names no request, is told apart and never an exception.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthgen.llm.providers.error_body import read_body
from synthgen.llm.providers.errors import Failure, of_status
from synthgen.llm.providers.response import read_completion
from synthgen.records import Completion, Request
from synthgen.storage import json_line

__all__ = ["MAX_BYTES", "MAX_REQUESTS", "Line", "read_lines", "write_files"]

MAX_REQUESTS = 50_000
MAX_BYTES = 200_000_000

_URL = "/v1/chat/completions"
_PASSED = {"batch_expired": "expired", "batch_cancelled": "cancelled"}  # the provider's word for it -> ours


@dataclass(frozen=True, slots=True)
class Line:
    """What came back for one request: a completion, or the `failure` that stands in its place, beside an empty completion.

    `answered` when the model did its work, so that it is paid for, even if what came cannot be read.
    """

    completion: Completion
    failure: Failure | None = None
    answered: bool = True

    @property
    def key(self) -> str:
        return self.completion.request_key


def write_files(
    asked: Iterable[tuple[Request, str]],
    path: Path,
    body: Callable[[Request], Mapping[str, Any]],
    *,
    max_requests: int = MAX_REQUESTS,
    max_bytes: int = MAX_BYTES,
) -> Iterator[dict[str, str]]:
    """Write requests to `path`, again and again: each time as many as one file may hold, until there are no more.

    `asked` are requests with the name of their step; what is yielded each time is key -> step of the file as it stands. A request
    that comes again is left out. A single line above `max_bytes` has a file of its own, for the provider to refuse.
    """
    written: set[str] = set()
    stream = (one for one in asked if one[0].key not in written)
    held = next(stream, None)
    while held is not None:
        steps: dict[str, str] = {}
        size = 0
        with path.open("wb") as file:
            while held is not None:
                request, step = held
                line = json_line({"custom_id": request.key, "method": "POST", "url": _URL, "body": body(request)})
                if steps and (len(steps) == max_requests or size + len(line) > max_bytes):
                    break
                file.write(line)
                written.add(request.key)
                steps[request.key], size = step, size + len(line)
                held = next(stream, None)
        yield steps


def read_lines(path: Path, model: str) -> Iterator[Line | None]:
    """The lines of an output or error file; None for one that cannot be read. `model` is the one that was asked."""
    with path.open("rb") as file:
        for raw in file:  # cut at LF alone: answers may hold the characters that Unicode ends lines with
            if raw.strip():
                yield _line(raw, model)


def _line(raw: bytes, model: str) -> Line | None:
    try:
        value = json.loads(raw)
        key, response, error = value["custom_id"], value.get("response"), value.get("error")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(key, str) or not key.isascii():
        return None
    if not isinstance(response, Mapping):
        return Line(Completion(key, ""), _unanswered(error), answered=False)
    status, body = response.get("status_code"), response.get("body")
    if status not in (200, None):
        failure = of_status(status if isinstance(status, int) else 500, read_body(body))
        return Line(Completion(key, ""), failure, answered=False)
    try:
        # The messages are not at hand. They only matter to an answer without usage, whose prompt then counts as unknown.
        return Line(read_completion(Request(key, model, "", ()), body))
    except ValueError as problem:
        return Line(Completion(key, ""), Failure("attempt", "server_error", f"the answer could not be read: {problem}"))


def _unanswered(error: Any) -> Failure:
    """Why a request has no response: the provider never came to it."""
    told = error if isinstance(error, Mapping) else {}
    code = str(told.get("code") or "no_response")
    return Failure("attempt", _PASSED.get(code, code), str(told.get("message") or code), unbilled=True)
