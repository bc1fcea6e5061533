"""The settings of a run in a form that can be published and reproduces the rows elsewhere.

The name of a setting decides what is removed. Text is never searched for paths, so a tokenizer, a prompt or a stop text
stays unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import regex

from synthgen.config.settings import Config
from synthgen.llm.model_name import plain_name

__all__ = ["public_encoder", "public_name", "public_settings"]

_FOLDERS = regex.compile(
    r"(?:file:|~|\.\.?(?=[\\/])|[A-Za-z]:(?=[\\/])|[\\/]).*[\\/](?=[^\\/])|\S*[\\/](?=[^\\/\s]+\.ya?ml$)", regex.DOTALL
)
_SECRET = regex.compile(
    r"(?<!\p{L})(?:(?:api|access|private)[ _-]?key|token|authorization|password|secret|credentials?)(?!\p{L})"
)
_HUMP = regex.compile(r"(?<=\p{Ll})(?=\p{Lu})")


def public_settings(config: Config) -> dict[str, Any]:
    """Return the settings without endpoint, store and secrets, and with only the last part of each path."""
    values = config.dump()
    for setting in _PRIVATE:
        del values["llm"][setting]
    for setting, public in _PUBLIC.items():
        section, _, name = setting.rpartition(".")
        inside = values[section] if section else values
        inside[name] = _each(inside[name], public)
    values["llm"]["extra_body"] = _without_secrets(values["llm"]["extra_body"])
    for section in ("filters", "exports"):
        options = values[section]["options"]
        values[section]["options"] = {name: _without_secrets(given) for name, given in options.items()}
    return values


def public_name(name: str) -> str:
    """Return the name of a model, or of another setting that may be a path. Only the last part of a path is kept.

    Some servers name a model by the path of its file. A name that does not begin like a path and is not a YAML file in
    a folder is unchanged: `OWNER/NAME` is a name on the Hub, and providers' names can have more parts.
    """
    model = plain_name(name)
    folders = _FOLDERS.match(model)
    return name.removesuffix(model) + model[folders.end() :] if folders else name


def public_encoder(name: str) -> str:
    """Return the name of an encoder or a cross-encoder. A name on the Hub has at most one slash."""
    return public_name(name) if name.count("/") == 1 else _last_part(name)


def _last_part(path: str) -> str:
    return str(regex.split(r"[\\/]", path.rstrip("\\/"))[-1])


_PRIVATE = ("base_url", "endpoint_id", "api_key_env", "store", "prices")
"""Settings of `llm` that belong to one machine and change no row."""

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
    "llm.extra_body": public_name,
    "filters.options": public_name,
    "exports.options": public_name,
}
"""Settings that may hold a path, with the function that makes each text in them public."""


def _each(value: Any, public: Callable[[str], str]) -> Any:
    """Return `value` with `public` applied to each text in it."""
    if isinstance(value, str):
        return public(value)
    if isinstance(value, Mapping):
        return {name: _each(inner, public) for name, inner in value.items()}
    if isinstance(value, list):
        return [_each(inner, public) for inner in value]
    return value


def _without_secrets(value: Any) -> Any:
    """Return `value` without the entries, at any depth, whose names mark secrets."""
    if isinstance(value, Mapping):
        return {name: _without_secrets(inner) for name, inner in value.items() if not _is_secret(str(name), inner)}
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in value]
    return value


def _is_secret(name: str, value: Any) -> bool:
    """Return whether an entry is secret. Numbers never are: servers have settings such as `stop_token_ids`."""
    numbers = all(isinstance(one, int | float) for one in (value if isinstance(value, list) else [value]))
    return not numbers and bool(_SECRET.search(_HUMP.sub("_", name).casefold()))
