"""The lines of a batch's input file: their problems and their offsets.

A file is read line by line, twice: to check it and to answer it. In between, only the offsets of its lines are kept.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthgen.testing.checks import WireError

__all__ = ["Lines", "check_lines"]

_MAX_ERRORS = 100
_MAX_ID_CHARS = 512


@dataclass(slots=True)
class Lines:
    """Offsets of the requests in their file, their model, and the problems in the batch's format."""

    offsets: array[int] = field(default_factory=lambda: array("Q"))
    model: str = ""
    errors: list[dict[str, Any]] = field(default_factory=list)

    def add_error(self, code: str, message: str, line: int | None, param: str | None = None) -> None:
        if len(self.errors) < _MAX_ERRORS:
            self.errors.append({"code": code, "message": message, "line": line, "param": param})


def check_lines(
    path: Path, endpoint: str, *, max_requests: int, unknown_model: Callable[[Mapping[str, Any]], WireError | None]
) -> Lines:
    """Check an input file. Every line must be a request with a unique name, for the batch's endpoint, and all for the
    same model.
    """
    lines, seen, at = Lines(), set[int](), 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if raw.strip():
                lines.offsets.append(at)
                _check(lines, raw, number, endpoint, seen, unknown_model)
            at += len(raw)
    if not lines.offsets:
        lines.add_error("empty_file", "The input file has no requests.", None)
    if len(lines.offsets) > max_requests:
        message = f"The batch has {len(lines.offsets)} requests, but at most {max_requests} are allowed."
        lines.add_error("too_many_requests", message, None)
    return lines


def _check(
    lines: Lines,
    raw: bytes,
    number: int,
    endpoint: str,
    seen: set[int],
    unknown_model: Callable[[Mapping[str, Any]], WireError | None],
) -> None:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        line = None
    if not isinstance(line, dict):
        lines.add_error("invalid_json_line", "This line is not parseable as valid JSON.", number)
        return
    missing = next((name for name in ("custom_id", "method", "url", "body") if not line.get(name)), None)
    name, body = line.get("custom_id"), line.get("body")
    if missing or not isinstance(name, str) or not isinstance(body, dict):
        param = missing or ("body" if isinstance(name, str) else "custom_id")
        lines.add_error("missing_required_parameter", f"Missing or wrong parameter: '{param}'.", number, param)
    elif len(name) > _MAX_ID_CHARS or hash(name) in seen:
        code = "invalid_custom_id" if len(name) > _MAX_ID_CHARS else "duplicate_custom_id"
        lines.add_error(code, f"The custom_id {name[:80]!r} is too long or used twice.", number, "custom_id")
    elif line["method"] != "POST" or line["url"] != endpoint:
        lines.add_error("invalid_url", f"The request is not a POST to {endpoint}, the endpoint of the batch.", number, "url")
    elif problem := unknown_model(body):
        lines.add_error("model_not_found", problem.message, number, "body.model")
    elif lines.model and body.get("model") != lines.model:
        lines.add_error(
            "mismatched_model", f"All requests of a batch must be for one model, {lines.model!r}.", number, "body.model"
        )
    else:
        seen.add(hash(name))  # of 50,000 names, two agree by chance once in 10^10 files
        lines.model = str(body.get("model"))
