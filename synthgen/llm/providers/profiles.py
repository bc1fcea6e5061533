"""What is known of endpoints in advance: the form of request to begin with, and how they cache prompts.

The table `assets/endpoints.yaml` is dated data. A profile saves a refused request or two on first contact, and tells
whether fields for prompt caching may be sent. It is not decisive, because a refused field is left out anyway
(`request_format`).

Not covered: fields that an endpoint accepts and then ignores; this cannot be detected.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib import resources
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from synthgen.storage import parse_yaml

__all__ = ["FORMATS", "LIMITS", "Profile", "profile_of"]

FORMATS = ("json_schema", "json_schema_flat", "json_object", "text")
LIMITS = ("max_completion_tokens", "max_tokens")


class Profile(BaseModel):
    """What is known of an endpoint.

    `format` and `limit` are where the ladder begins; `refuses` is left out from the start.

    `cache` is none (or unknown), automatic (every prefix), or explicit (up to breakpoints in the request).
    `prompt_cache_key` is whether that field may be sent.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "any other"
    hosts: tuple[str, ...] = ()
    models: tuple[str, ...] = ("*",)
    format: Literal["json_schema", "json_schema_flat", "json_object", "text"] = "json_schema"
    limit: Literal["max_completion_tokens", "max_tokens"] = "max_tokens"
    cache: Literal["none", "automatic", "explicit"] = "none"
    prompt_cache_key: bool = False
    refuses: tuple[str, ...] = ()


def profile_of(base_url: str, model: str) -> Profile:
    """Return the first profile of the table whose patterns match the host (with or without its port) and the model."""
    parts = urlsplit(base_url)
    places = {parts.hostname or "", parts.netloc.casefold()}
    for profile in _profiles():
        if any(fnmatchcase(place, host) for place in places for host in profile.hosts) and any(
            fnmatchcase(model, pattern) for pattern in profile.models
        ):
            return profile
    return Profile()


@lru_cache(maxsize=1)
def _profiles() -> tuple[Profile, ...]:
    text = resources.files("synthgen").joinpath("assets", "endpoints.yaml").read_text(encoding="utf-8")
    table: Mapping[str, Any] = parse_yaml(text, "endpoints.yaml")
    return tuple(Profile.model_validate(entry) for entry in table["endpoints"])
