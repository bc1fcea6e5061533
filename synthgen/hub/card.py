"""The card of a data set: its README, made from the facts of a run.

The front matter is what `load_dataset` and the Hub read (https://huggingface.co/docs/hub/datasets-cards); the text below it is
`assets/dataset_card.jinja`. Facts are text to be shown: what Markdown or HTML would take for more is escaped, so that neither a
name in an imported file nor a title can put a link or a script into the card.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import regex
import yaml

from synthgen.errors import ConfigError
from synthgen.hub.columns import CONFIGS, DEFAULT
from synthgen.hub.folder import WrittenConfig
from synthgen.hub.pii import RULES
from synthgen.prompting.templates import render

__all__ = ["CardFacts", "License", "card", "check_license"]

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"), (10_000_000, "1M<n<10M"))
_HUGE = "10M<n<100M"
_LINK = regex.compile(r"https?://[^\s/][^\s]*|\w[\w.-]*", regex.IGNORECASE)
_ESCAPES = {"\\": "\\\\", "|": "\\|", "[": "\\[", "]": "\\]", "`": "'", "<": "&lt;", ">": "&gt;"}


@dataclass(frozen=True, slots=True)
class License:
    """The licence of the source documents, as the user declares it: an id of the Hub, or `other` with a name and a link."""

    id: str
    name: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says.

    `run` is shown as it is told (escaped); `verbatim` are texts for fenced blocks: `measured` ("" for none), `command`. `origins`
    counts rows by who wrote their query. `personal` is None where no scan was made.
    """

    repo_id: str
    pretty_name: str
    license: License
    languages: Sequence[str]
    tables: Sequence[WrittenConfig]
    origins: Mapping[str, int]
    run: Mapping[str, Any]
    verbatim: Mapping[str, str]
    personal: Mapping[str, Mapping[str, int]] | None = None


def check_license(given: str | None, name: str | None, link: str | None) -> License:
    """Raises ConfigError for a licence that is not declared, or `other` without saying which."""
    if not given or not given.strip():
        raise ConfigError(
            "A data set needs the licence of its source documents, and only you know it: nothing was written or sent. Add --license ID, "
            "for example cc-by-4.0, cc0-1.0, mit or apache-2.0 (https://huggingface.co/docs/hub/repositories-licenses lists them), or "
            "--license other with --license-name NAME and --license-link URL."
        )
    license = License(given.strip().casefold(), (name or "").strip(), (link or "").strip())
    if any(not (c.isascii() and (c.isalnum() or c in ".+-")) for c in license.id):
        raise ConfigError(
            f"{given!r} is no id of a licence. Write one like cc-by-4.0, or --license other with --license-name NAME."
        )
    if license.id == "other" and not (license.name and license.link):
        raise ConfigError("--license other needs --license-name NAME and --license-link URL, since its id says nothing.")
    if license.link and not _LINK.fullmatch(license.link):
        raise ConfigError(
            f"--license-link takes an address that begins with https:// or http://, or the name of a file of the repository such as LICENSE; "
            f"given: {license.link!r}."
        )
    if license.id != "other" and (license.name or license.link):
        raise ConfigError(f"--license-name and --license-link go with --license other; given: --license {license.id}.")
    return license


def card(facts: CardFacts) -> str:
    """The README: front matter and text."""
    values = {
        "repo_id": facts.repo_id,
        "pretty_name": _shown(facts.pretty_name),
        "license": _shown({"id": facts.license.id, "name": facts.license.name, "link": facts.license.link}),
        "origins": dict(facts.origins),
        "run": _shown(facts.run),
        "verbatim": {name: text.replace("```", "'''") for name, text in facts.verbatim.items()},
        "configs": [_config(table) for table in facts.tables],
        "splits": list(dict.fromkeys(split for table in facts.tables for split in table.rows)),
        "first": next(((table.name, split) for table in facts.tables for split in table.rows), ("", "")),
        "personal": facts.personal,
        "rules": {kind: rule.meaning for kind, rule in RULES.items()},
    }
    front = yaml.safe_dump(_front(facts), sort_keys=False, allow_unicode=True, width=1_000)
    return f"---\n{front}---\n\n{render('dataset_card.jinja', values)}\n"


def _front(facts: CardFacts) -> dict[str, Any]:
    names, imported = {table.name for table in facts.tables}, "imported" in facts.origins
    made = bool(facts.origins.keys() & {"llm", "rule"})
    tasks = {
        "question-answering": DEFAULT in names and bool(facts.run["rows"]["answered"]),
        "text-retrieval": bool(names & {DEFAULT, "corpus", "qrels"}),
        "sentence-similarity": "st-triplet" in names,
        "text-generation": bool(names & {"raft", "openai-chat"}),
    }
    tags = {
        "synthetic": made,
        "no-llm": set(facts.origins) == {"rule"} and not facts.run["writer"],
        "rag": True,
        "retrieval": True,
        "raft": "raft" in names,
        "sentence-transformers": "st-triplet" in names,
        "synthgen": True,
    }
    named = {"license_name": facts.license.name, "license_link": facts.license.link} if facts.license.id == "other" else {}
    machine = {"annotations_creators": ["machine-generated"], "language_creators": ["found", "machine-generated"]}
    return {
        "license": facts.license.id,
        **named,
        **({"language": list(facts.languages)} if facts.languages else {}),
        "pretty_name": facts.pretty_name,
        "size_categories": [_size(max((sum(table.rows.values()) for table in facts.tables), default=0))],
        "task_categories": [task for task, serves in tasks.items() if serves],
        **(machine if made and not imported else {}),
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
    known = CONFIGS[table.name]
    columns = [
        {
            "name": _shown(name),
            "type": kind,
            "meaning": known.columns[name][1] if name in known.columns else "an option of the format",
        }
        for name, kind in table.types.items()
    ]
    return {"name": table.name, "meaning": known.meaning, "rows": table.rows, "columns": columns}


def _size(rows: int) -> str:
    return next((name for below, name in _SIZES if rows < below), _HUGE)


def _shown(value: Any) -> Any:
    """`value` with every text in it on one line and without a meaning for Markdown or HTML."""
    if isinstance(value, str):
        return "".join(_ESCAPES.get(c, c) for c in " ".join(value.split()))
    if isinstance(value, Mapping):
        return {_shown(key): _shown(inner) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [_shown(inner) for inner in value]
    return value
