"""The settings of a run in a form that can be published and reproduces the rows elsewhere.

What is shown is what is known to hold no secret: every setting of synthgen but those of one machine, the fields of requests in
`request_fields`, the text options of its own filters and formats, and the numbers of a user's own. The rest is left out,
and `settings_left_out` names it. A text that is shown is shown without what looks like a key (`key_forms`).

The name of a setting decides whether it is a path. Text is never searched for paths, so a tokenizer, a prompt or a stop text
stays unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import regex

from synthgen.config.settings import LLM, Config
from synthgen.hub.key_forms import without_keys
from synthgen.hub.request_fields import FIELDS
from synthgen.llm.model_name import plain_name

__all__ = ["public_encoder", "public_name", "public_settings", "settings_left_out"]

_FOLDERS = regex.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]*:(?=[\\/]{2})|file:|~|\.\.?(?=[\\/])|[A-Za-z]:(?=[\\/])|[\\/]).*[\\/](?=[^\\/])"
    r"|\S*[\\/](?=[^\\/\s]+\.ya?ml$)",
    regex.DOTALL,
)
_SECRET = regex.compile(
    r"(?<!\p{L})(?:(?:api|access|private|subscription)[ _-]?key|key|token|auth|authorization|bearer|cookie|session|jwt|password|passwd|pwd|"
    r"pass(?:code|phrase)?|pin|otp|secret|credentials?)(?!\p{L})"
)
_HUMP = regex.compile(r"(?<=[\p{Ll}\d])(?=\p{Lu})")
_WORDS = regex.compile(r"[A-Za-z0-9]{1,16}(?:[-_./: ][A-Za-z0-9]{1,16}){0,6}")
_MAX_WORDS_CHARS, _MAX_WORDS_DIGITS = 40, 4
_MAX_TOKEN_ID_DIGITS = 7

_PRIVATE = ("base_url", "endpoint_id", "api_key_env", "store", "prices")
"""Settings of `llm` that belong to one machine and change no row."""

_TEXT_OPTIONS = {
    "abstention", "allow", "assistant", "begin", "column", "completion_field", "content", "dataset", "documents", "end", "field", "hidden",
    "human", "instruction", "judge", "model", "prefer", "prompt", "prompt_field", "reranker", "role", "rule", "separator", "sources", "stop",
    "system", "task", "tokenizer", "type", "user",
}  # fmt: skip
"""Options of filters and formats of the package that are texts."""


def public_settings(config: Config) -> dict[str, Any]:
    """Return the settings without endpoint, store and secrets, and with only the last part of each path."""
    return _published(config)[0]


def settings_left_out(config: Config) -> list[str]:
    """Return the names of what the configuration has and `public_settings` does not show, in part or as a whole."""
    return _published(config)[1]


def public_name(name: str) -> str:
    """Return the name of a model, or of another setting that may be a path. Only the last part of a path is kept.

    Some servers name a model by the path of its file. A name that does not begin like a path or an address, and is not a
    YAML file in a folder, is unchanged: `OWNER/NAME` is a name on the Hub, and providers' names can have more parts.
    """
    model = plain_name(name)
    folders = _FOLDERS.match(model)
    return without_keys(name.removesuffix(model) + model[folders.end() :] if folders else name)


def public_encoder(name: str) -> str:
    """Return the name of an encoder or a cross-encoder. A name on the Hub has at most one slash."""
    return public_name(name) if name.count("/") == 1 else _last_part(name)


def _last_part(path: str) -> str:
    return without_keys(str(regex.split(r"[\\/]", path.rstrip("\\/"))[-1]))


_PUBLIC: Mapping[str, Callable[[str], str]] = {
    "model": public_name,
    "answers.model": public_name,
    "distractors.check_model": public_name,
    "distractors.cross_encoder": public_encoder,
    "training.base": public_encoder,
    "exports.model": public_name,
    "chunking.tokenizer": public_name,
    "generation.prompt": _last_part,
    "generation.shots": _last_part,
    "sources.loaders": _last_part,
    "filters.options": public_name,
    "exports.options": public_name,
}
"""Settings that may hold a path, with the function that makes each text in them public."""


def _published(config: Config) -> tuple[dict[str, Any], list[str]]:
    """Return the public settings, and the names of what they lack."""
    values: dict[str, Any] = config.dump()
    missing = [f"llm.{name}" for name in _PRIVATE if values["llm"].pop(name) != LLM.model_fields[name].default]
    values["llm"]["extra_body"] = _pruned(values["llm"]["extra_body"], "llm.extra_body", _is_field, missing)
    for section in ("filters", "exports"):
        for function, given in (options := values[section]["options"]).items():
            shows = _is_own_option if ":" in function else _is_option
            options[function] = _pruned(given, f"{section}.options.{_shown(function)}", shows, missing)
    values = {name: _masked(value, name, missing) for name, value in values.items()}
    for setting, public in _PUBLIC.items():
        section, _, name = setting.rpartition(".")
        inside = values[section] if section else values
        inside[name] = _each(inside[name], public)
    return values, list(dict.fromkeys(missing))


def _pruned(value: Any, path: str, shows: Callable[[str, Any], bool], missing: list[str]) -> Any:
    """Return `value` with the entries that `shows` accepts by name and value, at any depth. `missing` gets the paths of the others."""
    if isinstance(value, list):
        return [_pruned(one, path, shows, missing) for one in value]
    if not isinstance(value, Mapping):
        return value
    kept = {}
    for name, inner in value.items():
        here = f"{path}.{_shown(str(name))}"
        if shows(str(name), inner):
            kept[name] = _pruned(inner, here, shows, missing)
        else:
            missing.append(here)
    return kept


def _masked(value: Any, path: str, missing: list[str]) -> Any:
    """Return `value` with its texts and names without keys. `missing` gets the paths of those that had one."""
    if isinstance(value, str):
        public = without_keys(value)
        missing += [] if public == value else [f"{path} (in part)"]
        return public
    if isinstance(value, Mapping):
        return {
            _masked(name, path, missing): _masked(inner, f"{path}.{_shown(str(name))}", missing)
            for name, inner in value.items()
        }
    return [_masked(inner, path, missing) for inner in value] if isinstance(value, list) else value


def _each(value: Any, public: Callable[[str], str]) -> Any:
    """Return `value` with `public` applied to each text in it."""
    if isinstance(value, str):
        return public(value)
    if isinstance(value, Mapping):
        return {name: _each(inner, public) for name, inner in value.items()}
    return [_each(inner, public) for inner in value] if isinstance(value, list) else value


def _is_field(name: str, value: Any) -> bool:
    """Whether a field of a request is shown: a known one, with numbers and words as values."""
    known = _HUMP.sub("_", name).replace("-", "_").casefold() in FIELDS or (
        name.isdigit() and len(name) <= _MAX_TOKEN_ID_DIGITS
    )
    return known and all(_is_number(one) or _is_words(one) for one in _scalars(value))


def _is_option(name: str, value: Any) -> bool:
    """Whether an option of a filter or a format of the package is shown."""
    return name in _TEXT_OPTIONS or _is_own_option(name, value)


def _is_own_option(name: str, value: Any) -> bool:
    """Whether an option of a function from outside of the package is shown: numbers, under a name that marks no secret."""
    return not _SECRET.search(_HUMP.sub("_", name).casefold()) and all(map(_is_number, _scalars(value)))


def _is_number(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float)


def _is_words(text: str) -> bool:
    """Whether a text is a word or a name: too short and too plain for a key."""
    plain = _WORDS.fullmatch(text) and len(text) <= _MAX_WORDS_CHARS and sum(c.isdigit() for c in text) <= _MAX_WORDS_DIGITS
    return bool(plain) and without_keys(text) == text


def _scalars(value: Any) -> Iterator[Any]:
    """Yield the values of a list, at any depth of lists; the entries of a mapping are looked at by their own names."""
    if isinstance(value, list):
        for inner in value:
            yield from _scalars(inner)
    elif not isinstance(value, Mapping):
        yield value


def _shown(name: str) -> str:
    """Return the name of an entry, unless it could be a key itself."""
    return name if _is_words(name) else "(a name that is not shown)"
