"""The form of a request to one endpoint, and what to leave out when the endpoint refuses a field.

OpenAI-compatible servers differ in a few fields. The first request has the form of the endpoint's profile, or the one
that it accepted in an earlier run. A 400 or 422 that names a field changes the form for all later requests, and the
request is sent again. The request key covers the meaning of a request, not its form, so it does not depend on this.

    response_format    json_schema (strict), the same with the schema beside "type", json_object, then nothing: the prompt
                       describes the form in words anyway
    output limit       max_completion_tokens or max_tokens; then the other one
    left out           temperature, top_p, seed, stop, logit_bias, and the fields for prompt caching

The body has "model" and "messages" first and the varying fields last, so that equal prompts begin with equal bytes.
Fields of the user's own `extra_body` take precedence over all others and are never left out: a refusal of one of them
is reported to the user.

Not covered: a form that an endpoint accepts and ignores. Answers are read with that in mind
(`synthgen.llm.structured_output`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from synthgen.llm.providers.error_body import Complaint
from synthgen.llm.providers.logit_bias import token_bias
from synthgen.llm.providers.profiles import FORMATS, LIMITS, Profile
from synthgen.records import Message, Request, digest

__all__ = ["RequestForm", "RequestFormat"]

_SAMPLING = ("temperature", "top_p", "seed", "stop", "logit_bias")
_KEY, _OPTIONS, _BREAKPOINT = "prompt_cache_key", "prompt_cache_options", "prompt_cache_breakpoint"
_OF_CACHING = {_KEY: (_KEY,), _OPTIONS: (_OPTIONS, _BREAKPOINT)}  # the second two belong together: neither works alone
_OF_FORMAT = (
    "response_format",
    "response format",
    "json_schema",
    "json_object",
    "response_schema",
    "response_json_schema",
    "grammar",
)
_REFUSAL = re.compile(
    r"unsupported|not (?:be )?(?:supported|allowed|permitted|available|accepted)|(?:n't|not) (?:support|allow|accept)"
    r"|unknown|unrecogni[sz]ed|unexpected|invalid|deprecated|only the default|failed to"
)
_UNKNOWN = "unsupported|not supported|unknown|unrecogni[sz]ed|not permitted"
_TOO_MUCH = "too (large|high)|at most|exceed|(less|greater) than|maximum"

_log = logging.getLogger("synthgen")


@dataclass(frozen=True, slots=True)
class RequestForm:
    """A form of request. `without` names what is left out; the fields of explicit caching are named prompt_cache_options."""

    format: str
    limit: str
    without: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Any) -> RequestForm | None:
        """Return the form of a stored dictionary; None for anything else, such as one of another version."""
        match value:
            case {"format": str(format), "limit": str(limit), "without": [*without]}:
                valid = format in FORMATS and limit in LIMITS and all(isinstance(name, str) for name in without)
                return cls(format, limit, tuple(without)) if valid else None
        return None


class RequestFormat:
    """The form in use with one endpoint and model. It only steps down, so repeated sending comes to an end.

    `known` is the form that worked in an earlier run. `remember` is called with a form that works, if it is another
    one.
    """

    def __init__(
        self, profile: Profile, known: RequestForm | None = None, *, remember: Callable[[RequestForm], None] = lambda form: None
    ) -> None:
        self.profile = profile
        self.form = known or RequestForm(profile.format, profile.limit, tuple(sorted(profile.refuses)))
        self._known = known
        self._remember = remember
        self._limit_was_swapped = False
        self._may_guess = known is None
        self._guessed_from: RequestForm | None = None
        self._said: set[str] = set()

    def body(self, request: Request, *, shards: int = 1) -> dict[str, Any]:
        """Return the JSON body of `request` in the form in use.

        `shards` is the number of prompt-cache keys that equal prefixes are spread over. Raises ConfigError for a bias
        on words of a model whose tokens are not known.
        """
        form, sampling = self.form, dict(request.sampling)
        extra: Mapping[str, Any] = sampling.pop("extra_body", None) or {}
        limit = sampling.pop("max_output_tokens", None)
        body: dict[str, Any] = {"model": request.model, "messages": self._messages(request)}
        if request.schema is not None and form.format != "text":
            body["response_format"] = _response_format(form.format, request.schema)
        for name, value in sampling.items():
            if name in form.without:
                self._say(name, request.model)
            else:
                body[name] = token_bias(request.model, value) if name == "logit_bias" else value
        if limit is not None and not any(name in extra for name in LIMITS):
            body[form.limit] = limit
        if request.static is not None:
            self._add_cache_fields(body, request, shards)
        return body | {name: value for name, value in extra.items() if name not in ("model", "messages")}

    @property
    def proven(self) -> bool:
        """Whether a request in this form was answered, now or in an earlier run."""
        return self._known is not None

    def step_down(self, sent: RequestForm, request: Request, told: Complaint) -> bool:
        """Whether `request`, refused with the complaint `told` when sent in the form `sent`, should be sent again.

        Several calls meet the same refusal at once: one of them changes the form, and the others that were sent in the
        old form are just sent again.
        """
        extra: Mapping[str, Any] = request.sampling.get("extra_body") or {}
        if any(_blames(told, name) for name in extra):
            return False
        blamed = [
            self._step_format(sent, request, told),
            self._swap_limit(sent, request, told),
            self._drop(sent, request, told),
        ]
        return any(blamed) or (not _gives_reason(told) and self._guess(sent, request))

    def worked(self, sent: RequestForm) -> None:
        """Record that a request in the form `sent` was answered."""
        if sent == self._guessed_from:  # the guess was wrong
            self.form = sent
        self._may_guess, self._guessed_from = False, None
        if sent == self.form != self._known:
            self._known = sent
            self._remember(sent)

    def _messages(self, request: Request) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = [dict(message) for message in request.messages]
        if request.static is not None and self._marks_caches():
            number, end = request.static
            if end == 0 and number > 0:  # a part cannot be empty, so the mark goes to the end of the message before
                number, end = number - 1, len(messages[number - 1]["content"])
            if end > 0:
                messages[number]["content"] = _parts(messages[number]["content"], end)
        return messages

    def _add_cache_fields(self, body: dict[str, Any], request: Request, shards: int) -> None:
        if self._marks_caches():
            body[_OPTIONS] = {"mode": "explicit", "ttl": "30m"}
        if self.profile.prompt_cache_key and _KEY not in self.form.without:
            body[_KEY] = f"{digest(_static(request))[:16]}:{int(request.key[:8], 16) % shards}"

    def _marks_caches(self) -> bool:
        return self.profile.cache == "explicit" and _OPTIONS not in self.form.without

    def _say(self, name: str, model: str) -> None:
        if name not in self._said:
            self._said.add(name)
            _log.warning("%s is left out of all requests: the endpoint does not take it for the model %s", name, model)

    def _step_format(self, sent: RequestForm, request: Request, told: Complaint) -> bool:
        if request.schema is None or sent.format == "text" or not any(_blames(told, name) for name in _OF_FORMAT):
            return False
        if sent.format == self.form.format:
            self._use(format=FORMATS[FORMATS.index(sent.format) + 1])
        return True

    def _swap_limit(self, sent: RequestForm, request: Request, told: Complaint) -> bool:
        if "max_output_tokens" not in request.sampling or not _blames(told, sent.limit):
            return False
        if re.search(_TOO_MUCH, told.says) and not re.search(_UNKNOWN, told.says):  # the value is refused, not the field
            return False
        if sent.limit == self.form.limit:
            if self._limit_was_swapped:
                return False
            self._limit_was_swapped = True
            self._use(limit=LIMITS[1 - LIMITS.index(sent.limit)])
        return True

    def _drop(self, sent: RequestForm, request: Request, told: Complaint) -> bool:
        """Leave out what `told` names and `sent` had."""
        mine: dict[str, tuple[str, ...]] = {name: (name,) for name in request.sampling if name in _SAMPLING}
        if request.static is not None:
            mine |= {name: names for name, names in _OF_CACHING.items() if name != _KEY or self.profile.prompt_cache_key}
        blamed = {name for name, names in mine.items() if name not in sent.without and any(_blames(told, n) for n in names)}
        if blamed - set(self.form.without):
            self._use(without=tuple(sorted(blamed.union(self.form.without))))
        return bool(blamed)

    def _guess(self, sent: RequestForm, request: Request) -> bool:
        """Before the first answer, take a refusal without a reason for one of the format.

        If plain text fails too, the guess was wrong.
        """
        if not self._may_guess or request.schema is None:
            return False
        if sent.format != self.form.format:
            return True
        if sent.format == "text":
            self._may_guess = False
            if self._guessed_from is not None:
                self._use(format=self._guessed_from.format)
            return False
        self._guessed_from = self._guessed_from or sent
        self._use(format=FORMATS[FORMATS.index(sent.format) + 1])
        return True

    def _use(self, **changes: Any) -> None:
        self.form = replace(self.form, **changes)
        _log.info("requests now go out as %s", self.form)


def _response_format(format: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    if format == "json_schema":
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    return {"type": "json_schema", "schema": schema} if format == "json_schema_flat" else {"type": "json_object"}


def _parts(text: str, end: int) -> list[dict[str, Any]]:
    marked = {"type": "text", "text": text[:end], _BREAKPOINT: {"mode": "explicit"}}
    return [marked, {"type": "text", "text": text[end:]}] if text[end:] else [marked]


def _static(request: Request) -> list[Message]:
    """Return the messages up to the end of the static part."""
    assert request.static is not None  # noqa: S101 - only called then
    number, end = request.static
    return [*request.messages[:number], {**request.messages[number], "content": request.messages[number]["content"][:end]}]


def _gives_reason(told: Complaint) -> bool:
    return bool(told.fields) or any(
        name in told.says for name in ("messages", *_OF_FORMAT, *LIMITS, *_SAMPLING, _KEY, _OPTIONS)
    )


def _blames(told: Complaint, name: str) -> bool:
    """Whether a refusal names the field `name`.

    If the body has a place for the field's name, that decides. Otherwise names that are not ordinary words are searched
    everywhere, and `stop`, `seed` or `temperature` only in a sentence that refuses something, because servers quote
    passages.
    """
    whole = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    if told.fields:
        return any(whole.search(field.casefold()) for field in told.fields)
    if "_" in name or " " in name:
        return bool(whole.search(told.says))
    return any(whole.search(sentence) and _REFUSAL.search(sentence) for sentence in told.sentences())
