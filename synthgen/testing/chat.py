"""Answer one chat request, without a network. The HTTP routes send the reply, and batches write it to a file.

The steps are: check the body against the dialect, check the model, check the limits, ask the script for a fault, and
write the answer. Everything but the limits and the cache is a pure function of the request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from synthgen.testing.checks import WireError
from synthgen.testing.completions import Value, write
from synthgen.testing.dialects import Dialect, ModelOutput
from synthgen.testing.faults import ANSWER_FAULTS, STRAYS, Fault, Script
from synthgen.testing.limits import Denied, Gate
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
    """An HTTP reply. `fault` is for the log. A body of None means that nothing is sent."""

    status: int
    body: bytes | None
    fault: str = ""
    headers: Mapping[str, str] | None = None
    tokens: Tokens | None = None


class Chat:
    """Answers chat requests in one dialect."""

    def __init__(self, dialect: Dialect, models: tuple[str, ...], script: Script | None, *, caching: bool = False) -> None:
        self.dialect = dialect
        self.models = models
        self._script = script
        self._cache = Cache() if caching else None

    def reply(self, logged: Logged, *, gate: Gate | None = None, script: Script | None = None) -> Reply:
        """Return the reply to a request with a valid key. `script` takes precedence over the server's own."""
        problem = self.dialect.check(logged.body) or self.unknown_model(logged.body)
        if problem:
            return self.error_reply(problem)
        fault = (script and script(logged)) or (self._script and self._script(logged)) or None
        reply = self._failed(logged, fault) if fault and fault.kind not in ANSWER_FAULTS else self._answered(logged, fault)
        if gate is None:
            return reply
        turned_away = fault is not None and fault.kind in STRAYS.values()
        denied = None if turned_away else gate.admit(reply.tokens.total if reply.tokens else 0)
        if denied:
            reply = self._over_limit(logged, denied, gate)
        limit_headers = gate.headers() if self.dialect.rate_headers else {}
        return replace(reply, headers={**limit_headers, **(reply.headers or {})})

    def error_reply(self, problem: WireError, headers: Mapping[str, str] | None = None) -> Reply:
        """Return a problem as a reply, in the wording and form of the dialect."""
        return Reply(problem.status, _encoded(self.dialect.error(problem)), problem.kind, headers)

    def unknown_model(self, body: Mapping[str, Any]) -> WireError | None:
        """Return the problem of a request for an unknown model, or None."""
        model = body.get("model")
        if self.dialect.any_model or model in self.models:
            return None
        return _no_model(str(model))

    def _over_limit(self, logged: Logged, denied: Denied, gate: Gate) -> Reply:
        short = "RPM" if denied.unit == "requests" else "TPM"
        usage = f"Limit {denied.limit}, Used {denied.used}, Requested {denied.wanted}."
        if denied.wait_s is None:
            message = f"Request too large for {logged.body['model']} on {denied.unit} per min ({short}): {usage}"
        else:
            when = f" Please try again in {max(0.001, denied.wait_s):.3f}s." if gate.says_when else ""
            message = f"Rate limit reached for {logged.body['model']} on {denied.unit} per min ({short}): {usage}{when}"
        problem = WireError(429, message, denied.unit, code="rate_limit_exceeded", kind="rate_limit")
        headers = gate.retry_headers(denied) if self.dialect.rate_headers else {}
        return replace(self.error_reply(problem, headers), fault="limit")

    def _failed(self, logged: Logged, fault: Fault) -> Reply:
        """Return the reply of a transport fault or a rejection."""
        if fault.kind in ("reset", "slow"):
            return Reply(200, None, fault.kind)
        if fault.kind == "bad_json":
            return Reply(200, b"<html>upstream</html>", fault.kind)
        if fault.kind == "body":
            return Reply(fault.status or 200, fault.message.encode("utf-8", "replace"), fault.kind, fault.headers())
        model = str(logged.body.get("model"))
        problem = {"key": self.dialect.wrong_key, "model": _no_model(model)}.get(fault.kind) or _PROBLEMS[fault.kind]
        message = fault.message or problem.message.format(param=fault.param)
        param = fault.param or problem.param
        problem = replace(problem, status=fault.status or problem.status, message=message, param=param, kind=fault.kind)
        return self.error_reply(problem, fault.headers())

    def _answered(self, logged: Logged, fault: Fault | None) -> Reply:
        body, kind = logged.body, fault.kind if fault else ""
        model = str(body["model"])
        content = fault.message if fault and kind == "says" else _content(body, kind)
        generated = _with_text_fault(self.dialect.decorate(ModelOutput(content), logged.digest), kind)
        generated, output = _within_limit(generated, model, output_limit(body))
        cached, fresh = self._cache.look_up(body) if self._cache else (0, 0)
        tokens = Tokens(prompt_tokens(body), output, cached, fresh)
        message = {"role": "assistant", "content": generated.content, "refusal": generated.refusal, **(generated.more or {})}
        answer = {
            "id": f"chatcmpl-{logged.digest[:24]}",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": generated.finish_reason}],
            "usage": None if kind == "no_usage" else self.dialect.usage(tokens),
            **self.dialect.fields(body, tokens),
        }
        return Reply(200, _encoded(answer), kind, tokens=tokens)


def _content(body: Mapping[str, Any], kind: str) -> str:
    """Return the model's text, with the faults that change its values."""
    value = write(body, none=kind == "empty", surplus=_SURPLUS if kind == "wrong_count" else 0)
    if kind == "single":
        value = _first_item(value)
    elif kind == "numbers":
        value = _with_wrong_types(value, numeric=_has_number(value))
    return value if isinstance(value, str) else _WRITER.encode(value)


def _with_text_fault(generated: ModelOutput, kind: str) -> ModelOutput:
    """Return `written` with the faults that change its text."""
    text = generated.content or ""
    match kind:
        case "malformed":
            text = "I am sorry, but here is what I found out about it."
        case "truncated":
            text = text[: len(text) // 2]
        case "filtered":
            text = ""
        case "refusal":
            return replace(generated, content=None, refusal="I cannot help with that.")
        case "think":
            text = f'<think>Maybe {{"items": []}}? No.</think>\n{text}'
        case "fenced":
            text = f"Here you are:\n```json\n{text}\n```\nGood luck!"
        case "preamble":
            text = f"Certainly! Here is what you asked for: {text}"
        case _:
            return generated
    return replace(generated, content=text, finish_reason=_FINISHED.get(kind, generated.finish_reason))


def _within_limit(generated: ModelOutput, model: str, limit: int | None) -> tuple[ModelOutput, int]:
    """Return `written`, cut at the request's output limit, and its tokens."""
    text = generated.content or ""
    output = _tokens(model, text)
    if limit is None or output <= limit:
        return generated, output
    cut = text[: len(text) * limit // output]
    while _tokens(model, cut) > limit:
        cut = cut[: len(cut) * 9 // 10]
    return replace(generated, content=cut, finish_reason="length"), limit


def _tokens(model: str, text: str) -> int:
    return get_tokenizer(model).count(text)


def _first_item(value: Value) -> Value:
    lists = [inner for inner in value.values() if isinstance(inner, list) and inner] if isinstance(value, dict) else []
    return lists[0][0] if lists else value


def _has_number(value: Value) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_number, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _with_wrong_types(value: Value, *, numeric: bool) -> Value:
    """Return numbers as texts. Without numbers (`numeric` is false), the last text of each innermost object becomes a number."""
    if isinstance(value, list):
        return [_with_wrong_types(each, numeric=numeric) for each in value]
    if isinstance(value, dict):
        changed = {name: _with_wrong_types(each, numeric=numeric) for name, each in value.items()}
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
