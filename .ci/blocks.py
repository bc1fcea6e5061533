"""Blocks of the documentation that are made from the code alone: settings, verbs, filters, formats, signatures, errors, languages."""

from __future__ import annotations

import inspect
import json
import sqlite3
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sample_rows import example_files

import synthgen
from synthgen import errors
from synthgen.cli.catalog import listing
from synthgen.cli.main import app
from synthgen.config.settings import Config
from synthgen.exporters.formats import FORMATS, REQUIREMENTS, needs_of
from synthgen.importers.columns import ROLES
from synthgen.llm.call_store import CallStore
from synthgen.pipeline.report_schema import RunReport
from synthgen.testing import DIALECTS, KINDS
from synthgen.text.lexicon import coverage

__all__ = ["BLOCKS"]


def table(header: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    """A Markdown table; bars, and angle brackets outside of code, are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    parts = text.replace("|", "\\|").replace("\n", " ").split("`")
    return "`".join(part if n % 2 else part.replace("<", "&lt;") for n, part in enumerate(parts))


def code(text: object) -> str:
    return f"`{text}`" if str(text) else ""


# Settings


def settings() -> str:
    sections = {"": Config, **{name: f.annotation for name, f in Config.model_fields.items() if _is_section(f.annotation)}}
    return "\n\n".join(_section(name, typing.cast("type[BaseModel]", section)) for name, section in sections.items())


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _section(name: str, section: type[BaseModel]) -> str:
    fields = {key: field for key, field in section.model_fields.items() if not _is_section(field.annotation)}
    prefix = f"{name}." if name else ""
    rows = (
        [code(prefix + key), type_name(field.annotation, field.metadata), _default(field), field.description or ""]
        for key, field in fields.items()
    )
    return f"## {name or 'Top level'}\n\n" + table(["key", "type", "default", "meaning"], rows)


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    return code("required" if value is PydanticUndefined else json.dumps(value, ensure_ascii=False))


def type_name(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """A type as people say it: `int, at least 1, or null`."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return type_name(inner[0], [*inner[1:], *metadata])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(type_name(part, metadata if part is not types.NoneType else ()) for part in inner)
    if origin is typing.Literal:
        return ", ".join(code(json.dumps(value).strip('"')) for value in inner)
    if origin in (list, tuple, Sequence):
        return f"list of {type_name(inner[0])}" + _bounds(metadata)
    if origin in (dict, Mapping):
        return f"mapping of {type_name(inner[0])} to {type_name(inner[1])}"
    if _is_section(annotation):
        return "mapping"
    name = {types.NoneType: "null", typing.Any: "any value"}.get(annotation) or getattr(annotation, "__name__", str(annotation))
    return {"JsonValue": "JSON value"}.get(name, name) + _bounds(metadata)


def _bounds(metadata: Sequence[Any]) -> str:
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than", "min_length": "at least"}
    flat = [part for mark in metadata for part in (mark.metadata if isinstance(mark, FieldInfo) else [mark])]
    said = [f"{word} {getattr(mark, name):g}" for mark in flat for name, word in words.items() if hasattr(mark, name)]
    return ", " + " and ".join(said) if said else ""


# The command line


def cli() -> str:
    return "\n\n".join(_verb(name, command) for name, command in _verbs(typer.main.get_command(app), ""))


def _verbs(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _verbs(command, f"{prefix}{name} ")
        else:
            yield prefix + name, command


def _verb(name: str, command: Any) -> str:
    kinds = {
        p.name: typing.get_args(p.annotation)[0] for p in inspect.signature(command.callback, eval_str=True).parameters.values()
    }
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    usage = " ".join(p.name.upper() if p.required else f"[{p.name.upper()}]" for p in arguments)
    lines = [f"## {name}", command.help, f"```text\nsynthgen {name} {usage} [options]\n```".replace("  ", " ")]
    lines.append("\n".join(f"- {code(p.name.upper())}: {p.help}" for p in arguments))
    rows = ([", ".join(map(code, p.opts)), _value(kinds[p.name]), _meaning(p)] for p in options)
    return "\n\n".join([*lines, table(["option", "value", "meaning"], rows)] if options else lines)


def _value(kind: Any) -> str:
    """What one value is: an option that may be left out, or be repeated, is one of what it takes."""
    inner = [part for part in typing.get_args(kind) if part is not types.NoneType]
    return _value(inner[0]) if inner else {"Path": "path", "bool": ""}.get(kind.__name__, kind.__name__)


def _meaning(option: Any) -> str:
    default = option.default if not isinstance(option.default, bool) else None
    said = " Required." if option.required else f" Default: {code(default)}." if default not in (None, (), []) else ""
    return f"{option.help or ''}{said}"


# Filters


def filters() -> str:
    rows = (
        [f"[`{found['name']}`](#{found['name']})", _kind(found), found["meaning"], ", ".join(map(code, found["reasons"]))]
        for found in listing("filters")
    )
    return table(["filter", "kind", "meaning", "reasons"], rows)


def _kind(found: Mapping[str, Any]) -> str:
    words = {"row": "row by row", "corpus": "sees all rows"}[found["scope"]]
    return (
        words + (", flags dev and test rows" if found["dev_and_test"] == "flags" else "") + (", paid" if found["paid"] else "")
    )


def filter_options() -> str:
    return "\n\n".join(_filter(found) for found in listing("filters"))


def _filter(found: Mapping[str, Any]) -> str:
    reasons = table(["reason", "meaning"], ([code(name), text] for name, text in found["reasons"].items()))
    return "\n\n".join(filter(None, [f"### {found['name']}", found["meaning"], _options(found["options"]), reasons]))


def _options(options: Sequence[Mapping[str, Any]]) -> str:
    if not options:
        return ""
    rows = ([code(o["name"]), code(o["type"]), code(o["default"]), o["description"]] for o in options)
    return table(["option", "type", "default", "meaning"], rows)


# Formats, prompts, loaders


def formats() -> str:
    rows = (
        [f"[`{found['name']}`](#{found['name']})", found["meaning"], _left_out(found["name"])] for found in listing("formats")
    )
    return table(["format", "read by", "a row is left out for"], rows)


def _left_out(name: str) -> str:
    needs = [need for need in needs_of(name) if need not in ("chunk", "passage", "question")]
    return ", ".join(code(REQUIREMENTS[need][1]) for need in needs) or "-"


def format_options() -> str:
    return "\n\n".join(_format(found) for found in listing("formats"))


def _format(found: Mapping[str, Any]) -> str:
    files = example_files(found["name"])
    shown = "\n\n".join(f"`{name}`:\n\n```json\n{_json(row)}\n```" for name, row in files.items())
    beside = FORMATS[found["name"]].companion_names
    more = f"Beside it: {', '.join(map(code, beside))}." if beside else ""
    return "\n\n".join(
        filter(None, [f"### {found['name']}", f"Read by: {found['meaning']}.", _options(found["options"]), shown, more])
    )


def _json(row: Any) -> str:
    return json.dumps(row, ensure_ascii=False, indent=2)


def prompts() -> str:
    return table(["prompt", "what it asks for"], ([code(found["name"]), found["meaning"]] for found in listing("prompts")))


def loaders() -> str:
    return table(["suffix", "meaning"], ([code(found["name"]), found["meaning"]] for found in listing("loaders")))


# The Python door, errors, the fake server


_ORDER = [  # that of a script; what is not named here stands behind
    *("load_documents", "split", "chunk", "generate", "agenerate", "apply_filters", "add_distractors", "to_dataset"),
    *("run", "import_rows", "push"),
]


def signatures() -> str:
    public = [name for name in synthgen.__all__ if inspect.isfunction(getattr(synthgen, name))]
    ordered = sorted(public, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    functions = [(name, getattr(synthgen, name)) for name in ordered]
    return "\n\n".join(
        f"### {name}\n\n```text\n{_signature(name, f)}\n```\n\n{inspect.getdoc(f) or ''}" for name, f in functions
    )


def _signature(name: str, function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    parts = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        parts.append(f"{stars}{parameter.name}: {_plain(parameter.annotation)}{default}")
    return "\n".join([f"{name}(", *(f"    {part}," for part in parts), f") -> {_plain(signature.return_annotation)}"])


def _plain(annotation: Any) -> str:
    return str(annotation).strip("'").removeprefix("pipeline.")


def error_classes() -> str:
    classes = [getattr(errors, name) for name in errors.__all__ if isinstance(getattr(errors, name), type)]
    rows = ([code(c.__name__), str(c.exit_code), (c.__doc__ or "").partition("\n")[0]] for c in classes)
    return table(["error", "exit code", "meaning"], rows)


def faults() -> str:
    return table(["fault", "what happens"], ([code(kind), meaning] for kind, meaning in KINDS.items()))


def dialects() -> str:
    return ", ".join(code(name) for name in DIALECTS) + "."


# Tables


_CAPABILITIES = {  # what is shown -> the fields of a lexicon that it counts
    "stop words": ("stop_words", "weak_words"),
    "tells the language": ("common_words", "alone"),
    "question words": ("question_words", "joining_question_words"),
    "same question": (
        *("negations", "free_words", "alike", "contractions", "contracted", "inflection"),
        *("free_letters", "telling_letters"),
    ),
    "numbers": ("number_words", "quantity_words", "scales", "decade_endings"),
    "names": ("name_joins", "polite_words", "capitalises_nouns"),
    "sentences": (
        *("abbreviations", "local_abbreviations", "number_abbreviations", "name_abbreviations", "last_abbreviations"),
        *("ordinal_nouns", "sentence_openers"),
    ),
    "lint phrases": ("references", "chatter", "double_questions", "generic_questions", "dangling"),
    "answer phrases": ("lead_ins", "sign_offs", "non_answers", "greetings"),
    "headings, labels": ("generic_headings", "history_headings", "ask_labels", "reply_labels", "yes_no_words"),
    "abstention": ("abstention",),
    "extractive answers": ("rules",),
}
_TEXTS = ("abstention", "extractive answers")  # there is one, or there is none


def languages() -> str:
    """Language by capability: how many entries there are."""
    found = coverage()
    forgotten = set(found[0]) - {"code", "name", *(field for fields in _CAPABILITIES.values() for field in fields)}
    if forgotten:
        raise SystemExit(f"Fields of a lexicon that no column of the page on languages counts: {', '.join(sorted(forgotten))}.")
    return table(["language", *_CAPABILITIES], ([f"{one['name']} ({one['code']})", *_counts(one)] for one in found))


def _counts(language: Mapping[str, Any]) -> Iterator[str]:
    for capability, fields in _CAPABILITIES.items():
        number = sum(language[field] for field in fields)
        yield "-" if not number else "yes" if capability in _TEXTS else str(number)


def report() -> str:
    """The types of `report.json`, each once, in the order in which a reader meets them."""
    return "\n\n".join(_report_type(kind) for kind in _report_types(RunReport))


def _report_types(kind: type[BaseModel]) -> list[type[BaseModel]]:
    found = [kind]
    for one in found:
        found += [inner for field in one.model_fields.values() for inner in _models_in(field.annotation) if inner not in found]
    return list(dict.fromkeys(found))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if _is_section(annotation):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models_in(inner)


def _report_type(kind: type[BaseModel]) -> str:
    rows = (
        [code(field.alias or name), _linked(field.annotation), _purpose(field)] for name, field in kind.model_fields.items()
    )
    return f"### {kind.__name__}\n\n{inspect.getdoc(kind)}\n\n{table(['key', 'type', 'meaning'], rows)}"


def _purpose(field: FieldInfo) -> str:
    """What the field says of itself, or else what the type of its value does."""
    of_type = [(kind.__doc__ or "").partition(".")[0] for kind in _models_in(field.annotation)]
    return field.description or "".join(of_type[:1])


def _linked(annotation: Any) -> str:
    """A type whose parts that are types of the report are links to them."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if _is_section(annotation):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(_linked, inner))
    if origin is list:
        return f"list of {_linked(inner[0])}"
    if origin is dict:
        return f"mapping of {_linked(inner[0])} to {_linked(inner[1])}"
    return type_name(annotation)


def gains() -> str:
    """The table of retrieval gains, from the results of the benchmark."""
    rows = (_gain(found) for found in json.loads(_GAINS.read_text(encoding="utf-8")))
    return table(["set", "queries", "BM25", "base", "tuned", "BM25+tuned", "tuned - base", "recommended"], rows)


def _gain(found: Mapping[str, Any]) -> list[str]:
    measured, recommended = found["deployment"], found["recommendation"]["system"]
    delta = measured["deltas"]["tuned-base"]
    figures = [f"{measured['systems'][system]['ndcg@10']:.3f}" for system in ("bm25", "base", "tuned", "hybrid")]
    gain = f"{delta['ndcg@10']:+.3f} [{delta['low']:+.3f}, {delta['high']:+.3f}]"
    title = f"{code(found['name'])}: {_SETS[found['name']]}"
    return [title, f"{measured['queries']:,}", *figures, gain, "BM25" if recommended == "bm25" else "BM25+tuned"]


_GAINS = Path(__file__).resolve().parent.parent / "benchmarks" / "results" / "retrieval_gain.json"
_SETS = {
    "cargo_docs_tldr": "Cargo book, tasks",
    "docker_docs_tldr": "Docker reference, tasks",
    "npm_docs_tldr": "npm reference, tasks",
    "covidqa": "COVID-QA, questions",
    "squad_dev40": "SQuAD 1.1, questions",
}


def call_store() -> str:
    """Columns of the table `calls`, as SQLite has them."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "calls.sqlite"
        CallStore(path).close()
        with closing(sqlite3.connect(path)) as connection:
            columns = connection.execute("PRAGMA table_info(calls)").fetchall()
    return table(["column", "type"], ([code(name), kind] for _, name, kind, *_ in columns))


def import_columns() -> str:
    rows = ([code(role), ", ".join(map(code, known)) or "-"] for role, known in ROLES.items())
    return table(["role", "columns that are recognised, the first that a row has"], rows)


BLOCKS: Mapping[str, Callable[[], str]] = {
    "call-store": call_store,
    "gains": gains,
    "languages": languages,
    "report": report,
    "import-columns": import_columns,
    "settings": settings,
    "cli": cli,
    "filters": filters,
    "filter-options": filter_options,
    "formats": formats,
    "format-options": format_options,
    "prompts": prompts,
    "loaders": loaders,
    "signatures": signatures,
    "errors": error_classes,
    "faults": faults,
    "dialects": dialects,
}
