"""The differences between OpenAI-compatible servers: what they reject, their error bodies, and the form of their answers.

    permissive      accepts every field (the default)
    openai          current reasoning models: max_completion_tokens, no temperature, unknown fields rejected
    openai-legacy   max_tokens only, no cache fields
    azure           like legacy; its own body for the prompt filter, retry-after-ms
    gemini          unknown fields and bounds in the schema rejected; errors are a JSON list; no rate-limit headers, less usage
    vllm            unknown fields ignored; reasoning in <think> tags or in reasoning_content
    llamacpp        the schema at the top level of response_format; one model, whatever its name
    ollama          json_schema accepted, not always followed; no logit_bias; finish_reason may be null

A dialect is a table: checks of the body, the form of its errors, a decoration of its answers. Variation within a
dialect (a <think> tag in some answers) is drawn from the digest of the request. Wordings are the servers' own as of
2026, as far as they are known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from synthgen.errors import UnknownNameError
from synthgen.testing import checks
from synthgen.testing.checks import Check, WireError
from synthgen.testing.draws import share
from synthgen.testing.usage import Tokens

__all__ = ["DIALECTS", "Dialect", "ModelOutput", "dialect_named"]

Json = dict[str, Any]

_WRONG_KEY = WireError(401, "Incorrect API key provided.", code="invalid_api_key", kind="key")
_GEMINI_WRONG_KEY = WireError(400, "API key not valid. Please pass a valid API key.", kind="key")


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """The model's output before it is counted. `more` are further fields of the message."""

    content: str | None
    finish_reason: str | None = "stop"
    refusal: str | None = None
    more: Mapping[str, Any] | None = None


def _wrapped(problem: WireError) -> Any:
    return {"error": {"message": problem.message, "type": problem.type, "param": problem.param, "code": problem.code}}


def _undecorated(written: ModelOutput, digest: str) -> ModelOutput:
    return written


def _no_fields(body: Mapping[str, Any], tokens: Tokens) -> Json:
    return {}


def full_usage(tokens: Tokens) -> Json:
    """Return usage in OpenAI's form."""
    details = {"cached_tokens": tokens.cached} | ({"cache_write_tokens": tokens.written} if tokens.written else {})
    return _plain_usage(tokens) | {
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of server. `checks` run in order; the first problem is the reply.

    `any_model` accepts every model name, `batches` adds /v1/files and /v1/batches, and `fields` are added to the
    answer.
    """

    name: str
    checks: tuple[Check, ...] = ()
    error: Callable[[WireError], Any] = _wrapped
    decorate: Callable[[ModelOutput, str], ModelOutput] = _undecorated
    usage: Callable[[Tokens], Json] = full_usage
    fields: Callable[[Mapping[str, Any], Tokens], Json] = _no_fields
    wrong_key: WireError = _WRONG_KEY
    rate_headers: bool = True
    any_model: bool = False
    batches: bool = False

    def check(self, body: Any) -> WireError | None:
        """Return the problem of a body for this kind of server, or None."""
        return next((problem for one in (checks.messages, *self.checks) if (problem := one(body))), None)


def dialect_named(name: str) -> Dialect:
    """Return a dialect by name. Raises UnknownNameError."""
    if name not in DIALECTS:
        raise UnknownNameError("dialect", name, DIALECTS, hint="synthgen.testing.dialects describes them.")
    return DIALECTS[name]


def _plain_usage(tokens: Tokens) -> Json:
    return {"prompt_tokens": tokens.prompt, "completion_tokens": tokens.output, "total_tokens": tokens.total}


def _azure_error(problem: WireError) -> Any:
    if problem.kind == "rate_limit":
        return {"error": {"code": "429", "message": f"Requests have exceeded the rate limit of your tier. {problem.message}"}}
    if problem.kind == "model":
        message = (
            "The API deployment for this resource does not exist. If you created it in the last 5 minutes, please try again."
        )
        return {"error": {"code": "DeploymentNotFound", "message": message}}
    if problem.kind == "prompt_filter":
        found = {"hate": {"filtered": True, "severity": "medium"}}
        inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": found}
        return {"error": _wrapped(problem)["error"] | {"type": None, "status": 400, "innererror": inner}}
    return _wrapped(problem)


_GEMINI_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def _gemini_error(problem: WireError) -> Any:
    status = _GEMINI_STATUS.get(problem.status, "UNKNOWN")
    return [{"error": {"code": problem.status, "message": problem.message, "status": status}}]


def _gemini_decorate(written: ModelOutput, digest: str) -> ModelOutput:
    upper_case = written.finish_reason == "stop" and share(digest, "shouts") < 0.5
    return replace(written, finish_reason="STOP") if upper_case else written


def _vllm_error(problem: WireError) -> Any:
    if problem.kind == "key":
        return {"error": "Unauthorized"}
    types = {400: "BadRequestError", 404: "NotFoundError", 500: "InternalServerError"}
    kind = types.get(problem.status, problem.type)
    return {"error": {"message": problem.message, "type": kind, "param": problem.param, "code": problem.status}}


def _vllm_decorate(written: ModelOutput, digest: str) -> ModelOutput:
    """A third of the answers has <think> tags, a third has reasoning in its own field, a third has none."""
    drawn, thought = share(digest, "thinks"), 'The passage says it. Perhaps {"items": []}? No.'
    if written.content is None or drawn < 1 / 3:
        return written
    if drawn < 2 / 3:
        return replace(written, content=f"<think>\n{thought}\n</think>\n\n{written.content}")
    return replace(written, more={"reasoning_content": thought})


def _vllm_usage(tokens: Tokens) -> Json:
    return _plain_usage(tokens) | {"prompt_tokens_details": None}


def _llamacpp_error(problem: WireError) -> Any:
    types = {401: "authentication_error", 404: "not_found_error", 500: "server_error", 503: "unavailable_error"}
    kind = types.get(problem.status, "invalid_request_error")
    return {"error": {"code": problem.status, "message": problem.message, "type": kind}}


def _llamacpp_fields(body: Mapping[str, Any], tokens: Tokens) -> Json:
    return {"timings": {"cache_n": tokens.cached, "prompt_n": tokens.prompt, "predicted_n": tokens.output}}


def _ollama_error(problem: WireError) -> Any:
    message = "model not found, try pulling it first" if problem.kind == "model" else problem.message
    return _wrapped(replace(problem, message=message, type="api_error", code=None))


def _ollama_decorate(written: ModelOutput, digest: str) -> ModelOutput:
    """A third of the answers has fenced JSON after a sentence; a tenth has no finish_reason."""
    if written.content is not None and share(digest, "fences") < 1 / 3:
        written = replace(written, content=f"Sure! Here is the JSON you asked for:\n\n```json\n{written.content}\n```")
    nameless = written.finish_reason == "stop" and share(digest, "nameless") < 0.1
    return replace(written, finish_reason=None) if nameless else written


def _azure_fields(body: Mapping[str, Any], tokens: Tokens) -> Json:
    safe = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
    return {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": safe}]}


_LEGACY = (
    checks.only_known(checks.LEGACY_FIELDS, checks.unrecognized),
    checks.no_breakpoints,
    checks.strict_schema,
    checks.json_word,
)

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect("permissive", batches=True),
        Dialect(
            "openai",
            (
                checks.no_max_tokens,
                checks.only_default("temperature", 1),
                checks.only_default("top_p", 1),
                checks.unsupported("stop"),
                checks.unsupported("logit_bias"),
                checks.only_known(checks.OPENAI_FIELDS, checks.unknown_parameter),
                checks.strict_schema,
                checks.json_word,
            ),
            batches=True,
        ),
        Dialect("openai-legacy", _LEGACY, batches=True),
        Dialect("azure", _LEGACY, error=_azure_error, fields=_azure_fields, batches=True),
        Dialect(
            "gemini",
            (checks.only_known(checks.GEMINI_FIELDS, checks.cannot_find), checks.no_breakpoints_field, checks.no_bounds),
            error=_gemini_error,
            decorate=_gemini_decorate,
            usage=_plain_usage,
            wrong_key=_GEMINI_WRONG_KEY,
            rate_headers=False,
        ),
        Dialect("vllm", error=_vllm_error, decorate=_vllm_decorate, usage=_vllm_usage, rate_headers=False),
        Dialect(
            "llamacpp",
            (checks.flat_schema,),
            error=_llamacpp_error,
            fields=_llamacpp_fields,
            rate_headers=False,
            any_model=True,
        ),
        Dialect(
            "ollama",
            (checks.unsupported("logit_bias"),),
            error=_ollama_error,
            decorate=_ollama_decorate,
            usage=_plain_usage,
            rate_headers=False,
        ),
    )
}
