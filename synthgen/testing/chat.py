"""One chat request to one answer, without any network: what the HTTP side sends and what a batch writes down.

In this order: is the body fit for this dialect, does the model exist, is there room within the limits, what does the script say, and
at last the answer. Everything but the limits and the cache is a pure function of the request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from synthgen.testing.checks import WireError
from synthgen.testing.completions import Value, write
from synthgen.testing.dialects import Dialect, ModelOutput
from synthgen.testing.faults import OF_THE_ANSWER, Fault, Script
from synthgen.testing.limits import Gate, Turned
from synthgen.testing.log import Logged
from synthgen.testing.usage import Cache, Tokens, output_limit, prompt_tokens
from synthgen.text.tokenizer import get_tokenizer

__all__ = ["Chat", "Reply"]

_SURPLUS = 2
_WRITER = json.JSONEncoder(ensure_ascii=False)
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

_PROBLEMS = {
    "rate_limit": WireError(429, "Rate limit reached. Please try again later.", "requests", code="rate_limit_exceeded"),
    "error": WireError(500, "The server had an error while processing your request. Sorry about that!", "server_error"),
    "unavailable": WireError(503, "The server is not ready. Please try again later.", "server_error"),
    "overloaded": WireError(529, "Overloaded. Please try again later.", "overloaded_error"),
    "quota": WireError(
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        code="insufficient_quota",
    ),
    "unsupported": WireError(
        400, "Unsupported parameter: '{param}' is not supported with this model.", code="unsupported_parameter"
    ),
    "prompt_filter": WireError(
        400,
        "The response was filtered due to the prompt triggering the content management policy. Please modify your prompt and retry.",
        param="prompt",
        code="content_filter",
    ),
}
_FINISHED = {"truncated": "length", "filtered": "content_filter"}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it goes out. `fault` is for the log; a body of None means that nothing goes out at all."""

    status: int
    body: bytes | None
    fault: str = ""
    headers: Mapping[str, str] | None = None
    tokens: Tokens | None = None


class Chat:
    """Answers chat requests, for one dialect."""

    def __init__(self, dialect: Dialect, models: tuple[str, ...], script: Script | None, *, caching: bool = False) -> None:
        self.dialect = dialect
        self.models = models
        self._script = script
        self._cache = Cache() if caching else None

    def reply(self, asked: Logged, *, gate: Gate | None = None, script: Script | None = None) -> Reply:
        """The reply to a request whose key was right. `script` is asked before the server's own."""
        problem = self.dialect.refuse(asked.body) or self.unknown_model(asked.body)
        if problem:
            return self.refusal(problem)
        fault = (script and script(asked)) or (self._script and self._script(asked)) or None
        reply = self._failed(asked, fault) if fault and fault.kind not in OF_THE_ANSWER else self._answered(asked, fault)
        if gate is None:
            return reply
        turned = gate.admit(reply.tokens.total if reply.tokens else 0)
        if turned:
            reply = self._turned_away(asked, turned, gate)
        told = gate.headers() if self.dialect.rate_headers else {}
        return replace(reply, headers={**told, **(reply.headers or {})})

    def refusal(self, problem: WireError, headers: Mapping[str, str] | None = None) -> Reply:
        """A problem, in the words and the form of the dialect."""
        return Reply(problem.status, _encoded(self.dialect.error(problem)), problem.kind, headers)

    def unknown_model(self, body: Mapping[str, Any]) -> WireError | None:
        """What a server says that does not have the model."""
        model = body.get("model")
        if self.dialect.any_model or model in self.models:
            return None
        return _no_model(str(model))

    def _turned_away(self, asked: Logged, turned: Turned, gate: Gate) -> Reply:
        short = "RPM" if turned.unit == "requests" else "TPM"
        told = f"Limit {turned.limit}, Used {turned.used}, Requested {turned.wanted}."
        if turned.wait_s is None:
            message = f"Request too large for {asked.body['model']} on {turned.unit} per min ({short}): {told}"
        else:
            message = (
                f"Rate limit reached for {asked.body['model']} on {turned.unit} per min ({short}): {told} "
                f"Please try again in {max(0.001, turned.wait_s):.3f}s."
            )
        problem = WireError(429, message, turned.unit, code="rate_limit_exceeded", kind="rate_limit")
        headers = gate.retry_headers(turned) if self.dialect.rate_headers else {}
        return replace(self.refusal(problem, headers), fault="limit")

    def _failed(self, asked: Logged, fault: Fault) -> Reply:
        """A fault of the way, or a refusal to answer at all."""
        if fault.kind in ("reset", "slow"):
            return Reply(200, None, fault.kind)
        if fault.kind == "bad_json":
            return Reply(200, b"<html>upstream</html>", fault.kind)
        model = str(asked.body.get("model"))
        problem = {"key": self.dialect.wrong_key, "model": _no_model(model)}.get(fault.kind) or _PROBLEMS[fault.kind]
        message = fault.message or problem.message.format(param=fault.param)
        param = fault.param or problem.param
        problem = replace(problem, status=fault.status or problem.status, message=message, param=param, kind=fault.kind)
        asks = {"retry-after": fault.retry_after, "retry-after-ms": fault.retry_after_ms}
        return self.refusal(problem, {name: value for name, value in asks.items() if value is not None})

    def _answered(self, asked: Logged, fault: Fault | None) -> Reply:
        body, kind = asked.body, fault.kind if fault else ""
        model = str(body["model"])
        content = fault.message if fault and kind == "says" else _content(body, kind)
        written = _spoilt(self.dialect.dress(ModelOutput(content), asked.digest), kind)
        written, output = _within_limit(written, model, output_limit(body))
        cached, fresh = self._cache.look_up(body) if self._cache else (0, 0)
        tokens = Tokens(prompt_tokens(body), output, cached, fresh)
        message = {"role": "assistant", "content": written.content, "refusal": written.refusal, **(written.more or {})}
        answer = {
            "id": f"chatcmpl-{asked.digest[:24]}",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": written.finish_reason}],
            "usage": None if kind == "no_usage" else self.dialect.usage(tokens),
            **self.dialect.fields(body, tokens),
        }
        return Reply(200, _encoded(answer), kind, tokens=tokens)


def _content(body: Mapping[str, Any], kind: str) -> str:
    """What the model writes, with the faults that lie in its values."""
    value = write(body, none=kind == "empty", surplus=_SURPLUS if kind == "wrong_count" else 0)
    if kind == "single":
        value = _first_item(value)
    elif kind == "numbers":
        value = _confused(value, numeric=_has_number(value))
    return value if isinstance(value, str) else _WRITER.encode(value)


def _spoilt(written: ModelOutput, kind: str) -> ModelOutput:
    """`written` with the faults that lie in its text."""
    text = written.content or ""
    match kind:
        case "malformed":
            text = "I am sorry, but here is what I found out about it."
        case "truncated":
            text = text[: len(text) // 2]
        case "filtered":
            text = ""
        case "refusal":
            return replace(written, content=None, refusal="I cannot help with that.")
        case "think":
            text = f'<think>Maybe {{"items": []}}? No.</think>\n{text}'
        case "fenced":
            text = f"Here you are:\n```json\n{text}\n```\nGood luck!"
        case "preamble":
            text = f"Certainly! Here is what you asked for: {text}"
        case _:
            return written
    return replace(written, content=text, finish_reason=_FINISHED.get(kind, written.finish_reason))


def _within_limit(written: ModelOutput, model: str, limit: int | None) -> tuple[ModelOutput, int]:
    """`written`, cut where the request's limit on output ends, and its tokens."""
    text = written.content or ""
    output = _tokens(model, text)
    if limit is None or output <= limit:
        return written, output
    cut = text[: len(text) * limit // output]
    while _tokens(model, cut) > limit:
        cut = cut[: len(cut) * 9 // 10]
    return replace(written, content=cut, finish_reason="length"), limit


def _tokens(model: str, text: str) -> int:
    return get_tokenizer(model).count(text)


def _first_item(value: Value) -> Value:
    lists = [inner for inner in value.values() if isinstance(inner, list) and inner] if isinstance(value, dict) else []
    return lists[0][0] if lists else value


def _has_number(value: Value) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_number, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _confused(value: Value, *, numeric: bool) -> Value:
    """Numbers as texts; without any (`numeric` is false), the last text of each innermost object as a number."""
    if isinstance(value, list):
        return [_confused(each, numeric=numeric) for each in value]
    if isinstance(value, dict):
        changed = {name: _confused(each, numeric=numeric) for name, each in value.items()}
        last = next(reversed(changed), None)
        if not numeric and last is not None and isinstance(changed[last], str):
            changed[last] = 7
        return changed
    return str(value) if numeric and _has_number(value) else value


def _no_model(name: str) -> WireError:
    return WireError(
        404, f"The model `{name}` does not exist or you do not have access to it.", code="model_not_found", kind="model"
    )


def _encoded(answer: Any) -> bytes:
    return _ENCODER.encode(answer).encode("utf-8", "replace")
