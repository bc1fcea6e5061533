"""How a request is put to one endpoint, and what to leave out when it refuses a field.

Servers that call themselves OpenAI-compatible differ in four fields. The first request uses the best form; a 400 or 422 that
names a field changes the form for the rest of the fill, and the request is sent again. The request key is made of what is
meant and not of how it was put, so it does not depend on this.

    response_format    json_schema (strict), then json_object, then nothing (the prompt describes the form in words anyway)
    output limit       max_completion_tokens at the provider's own endpoint, max_tokens elsewhere; then the other one
    temperature, seed  as given, then left out

Not covered: remembering the form between runs, and profiles of known servers.
"""

from __future__ import annotations

from typing import Any

from synthgen.records import Request

__all__ = ["Dialect"]

_FORMATS = ("json_schema", "json_object", "")
_LIMITS = ("max_completion_tokens", "max_tokens")
_OPTIONAL = ("temperature", "seed")


class Dialect:
    """The form in use. It only ever steps down, so sending again comes to an end."""

    def __init__(self, *, own_endpoint: bool) -> None:
        self._format = _FORMATS[0]
        self._limit = _LIMITS[0] if own_endpoint else _LIMITS[1]
        self._limit_was_swapped = False
        self._dropped: set[str] = set()

    def body(self, request: Request) -> dict[str, Any]:
        """The JSON body of `request`. Sampling settings go out under their own names, `max_output_tokens` under the limit's."""
        sampling = {name: value for name, value in request.sampling.items() if name not in self._dropped}
        if "max_output_tokens" in sampling:
            sampling[self._limit] = sampling.pop("max_output_tokens")
        body = {"model": request.model, "messages": [dict(message) for message in request.messages], **sampling}
        if request.schema is not None and self._format:
            body["response_format"] = self._response_format(request)
        return body

    def step_down(self, sent: dict[str, Any], complaint: str) -> bool:
        """Whether a request refused with `complaint` is worth sending again, in the form now in use.

        Several calls meet the same refusal at once: one of them changes the form, and those that were sent in the old form
        just go again.
        """
        told = complaint.casefold()
        changed = self._step_format(sent, told) or self._swap_limit(sent, told)
        for name in _OPTIONAL:
            if name in sent and name in told:
                self._dropped.add(name)
                changed = True
        return changed

    def _step_format(self, sent: dict[str, Any], told: str) -> bool:
        used = sent.get("response_format", {}).get("type", "")
        if not used or not any(word in told for word in ("response_format", "response format", "json_schema", "json_object")):
            return False
        if used == self._format:
            self._format = _FORMATS[_FORMATS.index(used) + 1]
        return True

    def _swap_limit(self, sent: dict[str, Any], told: str) -> bool:
        used = next((name for name in _LIMITS if name in sent), None)
        if used is None or used not in told:
            return False
        if used == self._limit:
            if self._limit_was_swapped:
                return False
            self._limit, self._limit_was_swapped = _LIMITS[1 - _LIMITS.index(used)], True
        return True

    def _response_format(self, request: Request) -> dict[str, Any]:
        if self._format == "json_object":
            return {"type": "json_object"}
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": request.schema, "strict": True}}
