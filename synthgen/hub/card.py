"""The card of a data set: its README, made from the facts of a run.

The front matter follows https://huggingface.co/docs/hub/datasets-cards; the text below it is
`assets/dataset_card.jinja`. Facts are plain text: characters with a meaning in Markdown, HTML or a terminal are escaped, so a
title or a name in an imported file cannot put a link, a script or an escape sequence into the card. What looks like a key is
masked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import regex
import yaml

from synthgen.errors import ConfigError
from synthgen.hub.columns import CONFIGS, DEFAULT
from synthgen.hub.folder import WrittenConfig
from synthgen.hub.key_forms import without_keys
from synthgen.hub.pii import RULES
from synthgen.prompting.templates import render
from synthgen.text.printable import printable, printable_line

__all__ = ["CardFacts", "License", "card", "check_license", "yaml_text"]

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"))
_HUGE = "10M<n<100M"
_LINK = regex.compile(r"https?://[^\s/][^\s]*|\w[\w.-]*", regex.IGNORECASE)
_ESCAPES = {"\\": "\\\\", "|": "\\|", "[": "\\[", "]": "\\]", "`": "'", "<": "&lt;", ">": "&gt;"}


@dataclass(frozen=True, slots=True)
class License:
    """The licence of the source documents, declared by the user: a licence id of the Hub, or `other` with a name and a link."""

    id: str
    name: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The facts of a card.

    `run` is shown escaped. `verbatim` holds texts for fenced blocks: `measured` ("" for none) and `command`. `origins`
    counts rows by the origin of their query. `left_out` names the settings that are not shown. `personal` is None without a
    scan.
    """

    repo_id: str
    pretty_name: str
    license: License
    languages: Sequence[str]
    tables: Sequence[WrittenConfig]
    origins: Mapping[str, int]
    run: Mapping[str, Any]
    verbatim: Mapping[str, str]
    left_out: Sequence[str] = ()
    personal: Mapping[str, Mapping[str, int]] | None = None


def check_license(given: str | None, name: str | None, link: str | None) -> License:
    """Return the declared licence. Raises ConfigError when there is none, or when `other` comes without a name and a link."""
    if not given or not given.strip():
        raise ConfigError(
            "A data set needs the licence of its source documents, which only you know. Nothing was written or sent. Add --license ID, "
            "for example cc-by-4.0, cc0-1.0, mit or apache-2.0 (https://huggingface.co/docs/hub/repositories-licenses lists them), or "
            "--license other with --license-name NAME and --license-link URL."
        )
    license = License(given.strip().casefold(), (name or "").strip(), (link or "").strip())
    if any(not (c.isascii() and (c.isalnum() or c in ".+-")) for c in license.id):
        raise ConfigError(
            f"{given!r} is not a licence id. Give one like cc-by-4.0, or --license other with --license-name NAME."
        )
    if license.id == "other" and not (license.name and license.link):
        raise ConfigError("--license other needs --license-name NAME and --license-link URL.")
    if license.link and not _LINK.fullmatch(license.link):
        raise ConfigError(
            f"--license-link takes an address that begins with https:// or http://, or a file of the repository such as LICENSE; "
            f"given: {license.link!r}."
        )
    if license.id != "other" and (license.name or license.link):
        raise ConfigError(f"--license-name and --license-link go with --license other; given: --license {license.id}.")
    return license


def card(facts: CardFacts) -> str:
    """Return the README: front matter and text."""
    values = {
        "repo_id": facts.repo_id,
        "pretty_name": _escaped(facts.pretty_name),
        "license": _escaped({"id": facts.license.id, "name": facts.license.name, "link": facts.license.link}),
        "origins": dict(facts.origins),
        "run": _escaped(_masked(facts.run)),
        "verbatim": {name: printable(text.replace("```", "'''")) for name, text in _masked(facts.verbatim).items()},
        "left_out": _escaped(facts.left_out),
        "configs": [_config(table) for table in facts.tables],
        "splits": list(dict.fromkeys(split for table in facts.tables for split in table.rows)),
        "first": next(((table.name, split) for table in facts.tables for split in table.rows), ("", "")),
        "personal": facts.personal,
        "rules": {kind: rule.meaning for kind, rule in RULES.items()},
    }
    return f"---\n{yaml_text(_front(facts))}---\n\n{render('dataset_card.jinja', values)}\n"


def yaml_text(values: Mapping[str, Any]) -> str:
    """Return YAML that reads the same and has no character that a terminal would obey."""
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=1_000)
    return text if printable(text) == text else yaml.safe_dump(values, sort_keys=False, allow_unicode=False, width=1_000)


def _front(facts: CardFacts) -> dict[str, Any]:
    names, imported = {table.name for table in facts.tables}, "imported" in facts.origins
    generated = bool(facts.origins.keys() & {"llm", "rule"})
    tasks = {
        "question-answering": DEFAULT in names and bool(facts.run["rows"]["answered"]),
        "text-retrieval": bool(names & {DEFAULT, "corpus", "qrels"}),
        "sentence-similarity": "st-triplet" in names,
        "text-generation": bool(names & {"raft", "openai-chat"}),
    }
    tags = {
        "synthetic": generated,
        "no-llm": set(facts.origins) == {"rule"} and not facts.run["writer"],
        "rag": True,
        "retrieval": True,
        "raft": "raft" in names,
        "sentence-transformers": "st-triplet" in names,
        "synthgen": True,
    }
    license_details = (
        {"license_name": facts.license.name, "license_link": facts.license.link} if facts.license.id == "other" else {}
    )
    creators = {"annotations_creators": ["machine-generated"], "language_creators": ["found", "machine-generated"]}
    return {
        "license": facts.license.id,
        **license_details,
        **({"language": list(facts.languages)} if facts.languages else {}),
        "pretty_name": facts.pretty_name,
        "size_categories": [_size(max((sum(table.rows.values()) for table in facts.tables), default=0))],
        "task_categories": [task for task, serves in tasks.items() if serves],
        **(creators if generated and not imported else {}),
        **({} if facts.run["import"] else {"source_datasets": ["original"]}),
        "tags": [tag for tag, fits in tags.items() if fits],
        "configs": [
            {
                "config_name": table.name,
                **({"default": True} if table.name == DEFAULT else {}),
                "data_files": [{"split": split, "path": path} for split, path in table.files.items()],
            }
            for table in facts.tables
        ],
    }


def _config(table: WrittenConfig) -> dict[str, Any]:
    config = CONFIGS[table.name]
    columns = [
        {
            "name": _escaped(name),
            "type": kind,
            "meaning": config.columns[name][1] if name in config.columns else "an option of the format",
        }
        for name, kind in table.types.items()
    ]
    return {"name": table.name, "meaning": config.meaning, "rows": table.rows, "columns": columns}


def _size(rows: int) -> str:
    return next((name for below, name in _SIZES if rows < below), _HUGE)


def _escaped(value: Any) -> Any:
    """Return `value` with every text in it on one line and without characters that Markdown, HTML or a terminal would interpret."""
    return _each(value, lambda text: "".join(_ESCAPES.get(c, c) for c in printable_line(" ".join(text.split()))))


def _masked(value: Any) -> Any:
    """Return `value` without keys that the names of models, prompts and files may have in them."""
    return _each(value, lambda text: without_keys(text, digests=True))


def _each(value: Any, public: Callable[[str], str]) -> Any:
    """Return `value` with `public` applied to each text in it, names included."""
    if isinstance(value, str):
        return public(value)
    if isinstance(value, Mapping):
        return {_each(key, public): _each(inner, public) for key, inner in value.items()}
    return [_each(inner, public) for inner in value] if isinstance(value, Sequence) else value
