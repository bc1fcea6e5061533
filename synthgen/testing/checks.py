"""Checks of a request body, from which dialects are built. Each returns the server's error for the body, or None.

Wordings are those of the servers, because clients parse them to find out which fields to leave out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from synthgen.testing.usage import text_of

__all__ = [
    "GEMINI_FIELDS",
    "LEGACY_FIELDS",
    "OPENAI_FIELDS",
    "Check",
    "WireError",
    "cannot_find",
    "flat_schema",
    "json_word",
    "messages",
    "no_bounds",
    "no_breakpoints",
    "no_breakpoints_field",
    "no_max_tokens",
    "only_default",
    "only_known",
    "strict_schema",
    "unknown_parameter",
    "unrecognized",
    "unsupported",
]

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WireError:
    """An error of the protocol. `kind` is for the log."""

    status: int
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None
    kind: str = "refused"


Check = Callable[[Any], WireError | None]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COMMON = _names(
    "messages model frequency_penalty functions function_call logprobs metadata n parallel_tool_calls presence_penalty "
    "response_format seed service_tier store stream stream_options temperature tool_choice tools top_logprobs top_p user"
)
LEGACY_FIELDS = _COMMON | _names("logit_bias max_tokens stop")
OPENAI_FIELDS = LEGACY_FIELDS | _names(
    "audio max_completion_tokens modalities prediction prompt_cache_key prompt_cache_options prompt_cache_retention "
    "reasoning_effort safety_identifier verbosity web_search_options"
)
GEMINI_FIELDS = _names(
    "messages model max_tokens max_completion_tokens n reasoning_effort response_format stop stream stream_options temperature "
    "tool_choice tools top_p user extra_body"
)
_BOUNDS = _names(
    "$schema minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems uniqueItems minLength maxLength "
    "pattern minProperties maxProperties"
)
_BREAKPOINT = "prompt_cache_breakpoint"


def messages(body: Any) -> WireError | None:
    """Check what every server requires."""
    if not isinstance(body, dict):
        return WireError(400, "We could not parse the JSON body of your request. The API expects a JSON payload.")
    given = body.get("messages")
    if not isinstance(given, list) or not given:
        return WireError(400, "Missing required parameter: 'messages'.", param="messages", code="missing_required_parameter")
    for number, message in enumerate(given):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            name = f"messages[{number}]"
            return WireError(
                400, f"Invalid type for '{name}': expected a message with a role.", param=name, code="invalid_type"
            )
    if body.get("stream"):
        return WireError(
            400, "Unsupported value: 'stream' is not supported by this server.", param="stream", code="unsupported_value"
        )
    return None


def no_max_tokens(body: Body) -> WireError | None:
    if "max_tokens" not in body:
        return None
    message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    return WireError(400, message, param="max_tokens", code="unsupported_parameter")


def only_default(name: str, default: float) -> Check:
    """Return a check that the field has its default value, as for reasoning models."""

    def check(body: Body) -> WireError | None:
        if body.get(name) in (None, default):
            return None
        message = f"Unsupported value: '{name}' does not support {body[name]} with this model. Only the default ({default}) value is supported."
        return WireError(400, message, param=name, code="unsupported_value")

    return check


def unsupported(name: str) -> Check:
    def check(body: Body) -> WireError | None:
        if body.get(name) is None:
            return None
        message = f"Unsupported parameter: '{name}' is not supported with this model."
        return WireError(400, message, param=name, code="unsupported_parameter")

    return check


def only_known(known: frozenset[str], complain: Callable[[list[str]], WireError]) -> Check:
    """Return a check that there are no other fields."""

    def check(body: Body) -> WireError | None:
        unknown = [name for name in body if name not in known]
        return complain(unknown) if unknown else None

    return check


def unknown_parameter(names: list[str]) -> WireError:
    return WireError(400, f"Unknown parameter: '{names[0]}'.", param=names[0], code="unknown_parameter")


def unrecognized(names: list[str]) -> WireError:
    return WireError(400, f"Unrecognized request argument{'s' * (len(names) > 1)} supplied: {', '.join(names)}")


def cannot_find(names: list[str]) -> WireError:
    message = "\n".join(f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.' for name in names)
    return WireError(400, message)


def no_breakpoints(body: Body) -> WireError | None:
    path = _breakpoint(body)
    return WireError(400, f"Unknown parameter: '{path}'.", param=path, code="unknown_parameter") if path else None


def no_breakpoints_field(body: Body) -> WireError | None:
    return cannot_find([_BREAKPOINT]) if _breakpoint(body) else None


def json_word(body: Body) -> WireError | None:
    """In JSON mode the messages must contain the word "json", so that the model does not write white space endlessly."""
    if _format(body).get("type") != "json_object":
        return None
    if any("json" in text_of(message.get("content")).casefold() for message in body["messages"]):
        return None
    message = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
    return WireError(400, message, param="messages")


def strict_schema(body: Body) -> WireError | None:
    """With `strict`, every object is closed and requires all of its properties (Structured Outputs, supported schemas)."""
    wrapper = _format(body).get("json_schema")
    if not isinstance(wrapper, dict) or not wrapper.get("strict"):
        return None
    for path, node in _nodes(wrapper.get("schema") or {}):
        missing = sorted(set(node.get("properties", ())) - set(node.get("required", ())))
        is_object = node.get("type") == "object" or "properties" in node
        message = ""
        if not path and not is_object:
            message = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{node.get('type')}\"'."
        elif is_object and node.get("additionalProperties") is not False:
            message = f"In context={path}, 'additionalProperties' is required to be supplied and to be false."
        elif is_object and missing:
            message = (
                f"In context={path}, 'required' is required to be supplied and to be an array including every key in properties. "
                f"Missing '{missing[0]}'."
            )
        if message:
            return WireError(
                400, f"Invalid schema for response_format '{wrapper.get('name')}': {message}", param="response_format"
            )
    return None


def no_bounds(body: Body) -> WireError | None:
    """Bounds of numbers, lists and texts exhaust an undocumented budget; the error does not say which."""
    wrapper = _format(body).get("json_schema")
    schema = wrapper.get("schema") if isinstance(wrapper, dict) else None
    if any(_BOUNDS & set(node) for _, node in _nodes(schema or {})):
        return WireError(400, "Request contains an invalid argument.")
    return None


def flat_schema(body: Body) -> WireError | None:
    """The schema stands beside the type, not one level down."""
    if _format(body).get("type") != "json_schema" or isinstance(_format(body).get("schema"), dict):
        return None
    return WireError(400, 'response_format type must be one of "text" or "json_object", but got: json_schema')


def _format(body: Body) -> Body:
    given = body.get("response_format")
    return given if isinstance(given, dict) else {}


def _nodes(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Body]]:
    """Yield every schema within a schema, with its path. Names of properties are not keywords."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for group in ("properties", "$defs"):
        for name, node in (schema.get(group) or {}).items():
            yield from _nodes(node, (*path, group, name))
    yield from _nodes(schema.get("items"), (*path, "items"))
    for number, node in enumerate(schema.get("anyOf") or ()):
        yield from _nodes(node, (*path, "anyOf", str(number)))


def _breakpoint(body: Body) -> str:
    """Return the path of an explicit cache breakpoint, or ""."""
    for at, message in enumerate(body["messages"]):
        parts = message.get("content")
        for number, part in enumerate(parts) if isinstance(parts, list) else ():
            if isinstance(part, dict) and _BREAKPOINT in part:
                return f"messages[{at}].content[{number}].{_BREAKPOINT}"
    return ""
