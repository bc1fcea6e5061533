"""Prompts: YAML files that describe what to ask about a passage, and the messages built from them.

A prompt is data: the task, the instructions, the fields of an answer, two prefixes and a few shots (the shape of
Promptagator, Dai et al. 2022, arXiv 2209.11755: `prefix d1 prefix q1 … prefix d`). "Find a counter-argument" and "find
supporting evidence" differ only in their YAML.

The start of the messages is the same in many requests, byte for byte, so a provider can cache it:

    passage_last     system: the instructions. user: the passage. For one prompt over many chunks.
    passage_first    system: one constant sentence. user: the passage, then the instructions. For several prompts on each chunk.
                     It pays for long chunks, since providers cache prefixes from about a thousand tokens on.

Either way the passage appears in the user message only, between marks that carry a digest of its text, which no text
can contain. Task, instructions, language and field meanings are templates: they are sandboxed, an unknown variable is
an error, and `wanted` is the number of items. Shots and chunks are values and are never rendered. With more shots than
`max_shots` there are at most four fixed blocks of them; the digest of the chunk's text selects one.

Shots are not drawn for each chunk by similarity, which would end prefix caching. Control tokens of a server's chat
template (`<|im_start|>`) in a document are not escaped: only that server can tell them from text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from synthgen.config.settings import Layout
from synthgen.errors import ConfigError, InputError, UnknownNameError, nearest
from synthgen.records import Chunk, Document, Message, digest
from synthgen.storage import numbered_jsonl, read_yaml
from synthgen.text.fold import key
from synthgen.text.foreign import reading
from synthgen.text.words import normalise

if TYPE_CHECKING:
    import jinja2

__all__ = [
    "Prompt",
    "Shot",
    "instructions",
    "list_prompts",
    "load_prompt",
    "messages",
    "packaged",
    "packaged_prompts",
    "passage_block",
    "render",
    "shot_documents",
]

_PACKAGE = Path(__file__).parent.parent
_TEMPLATES: Mapping[Layout, tuple[str, ...]] = {
    "passage_last": ("system.jinja", "passage.jinja"),
    "passage_first": ("system.jinja", "passage.jinja", "passage_first_system.jinja", "passage_first_user.jinja"),
}
_PASSAGE_LANGUAGE = "Write in the language of the passage, whatever the language of these instructions and of the examples."
_MAX_BLOCKS = 4
_SHINGLE_CHARS = 10  # with four, as for near-duplicates, any long document would contain any short shot
_CONTAINED = 0.8

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


@dataclass(frozen=True, slots=True)
class Shot:
    """A demonstration: a document with the right query, and possibly the right answer."""

    document: str
    query: str
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt. `fields` maps the fields of an item to their meanings, in the order of writing.

    `digest` covers everything that can change an answer or a row; the name and the description are not part of it.
    """

    name: str
    description: str
    kind: str
    task: str
    instructions: tuple[str, ...]
    fields: Mapping[str, str]
    document_prefix: str
    query_prefix: str
    language: str
    shots: tuple[Shot, ...]
    max_shots: int
    layout: Layout
    digest: str

    @property
    def in_passage_language(self) -> bool:
        """Whether rows are written in the language of their passage, which is the default."""
        return self.language == _PASSAGE_LANGUAGE


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _ShotRow(_Strict):
    document: _Text
    query: _Text
    answer: _Text | None = None


class _PromptFile(_Strict):
    """The content of a prompt's YAML file."""

    name: _Text
    description: _Text
    kind: _Text
    task: _Text
    instructions: Annotated[list[_Text], Field(min_length=1)]
    fields: Annotated[dict[_Name, _Text], Field(min_length=1)]
    document_prefix: str = ""
    query_prefix: str = ""
    language: _Text = _PASSAGE_LANGUAGE
    shots: list[_ShotRow] = []


def load_prompt(
    name_or_path: str | Path,
    *,
    shots: str | Path | None = None,
    max_shots: int = 8,
    layout: Layout = "passage_last",
) -> Prompt:
    """Read a prompt: a path, else `./prompts/NAME.yaml`, else the packaged one.

    `shots` is a JSONL file (document, query[, answer]) that replaces the prompt's own. Raises UnknownNameError for an
    unknown name, ConfigError for bad YAML (with its line), an unknown key (with the nearest right one) or a bad
    template, and InputError for bad shots (with their line).
    """
    path = _find(name_or_path)
    file = _read(path)
    if "query" not in file.fields:
        raise ConfigError(f"{path}: fields must include `query`, which every row needs; given: {', '.join(file.fields)}.")
    rows = _read_shots(Path(shots)) if shots is not None else file.shots
    used_shots = tuple(Shot(normalise(r.document), normalise(r.query), r.answer and normalise(r.answer)) for r in rows)
    used_shots = used_shots if max_shots else ()
    columns = file.model_dump(exclude={"shots", "instructions"}) | {"instructions": tuple(file.instructions)}
    prompt = Prompt(
        **columns, shots=used_shots, max_shots=max_shots, layout=layout, digest=_digest(file, used_shots, max_shots, layout)
    )
    _check_templates(prompt, path)
    return prompt


def list_prompts() -> dict[str, str]:
    """Return the name and one-line description of every prompt that has a name. `./prompts` overrides packaged ones."""
    own = sorted(Path("prompts").glob("*.yaml"))
    files = {path.stem: path for path in [*packaged_prompts(), *own]}
    return {name: _read(files[name]).description for name in sorted(files)}


def packaged_prompts() -> list[Path]:
    """Return the YAML files that come with synthgen."""
    return sorted(packaged().glob("*.yaml"))


def packaged(folder: str = "") -> Path:
    """Return the folder of the packaged prompts. Its subfolder `rows` has the questions about rows."""
    in_wheel = _PACKAGE / "_prompts"
    return (in_wheel if in_wheel.is_dir() else _PACKAGE.parent / "prompts") / folder


def instructions(prompt: Prompt, wanted: int) -> tuple[str, ...]:
    """Return the text that is the same for every chunk, for each block of shots: task, rules, form of the answer, shots."""
    form = json.dumps({"items": [dict.fromkeys(prompt.fields, "…")]}, ensure_ascii=False)
    values = {
        "task": _rendered(prompt.task, wanted),
        "rules": [_rendered(rule, wanted) for rule in prompt.instructions],
        "language": _rendered(prompt.language, wanted),
        "fields": [(name, _rendered(meaning, wanted)) for name, meaning in prompt.fields.items()],
        "document_prefix": prompt.document_prefix,
        "query_prefix": prompt.query_prefix,
        "wanted": wanted,
        "form": form,
    }
    return tuple(_template("system.jinja").render(values, shots=block) for block in _blocks(prompt))


def messages(prompt: Prompt, chunk: Chunk, blocks: Sequence[str]) -> tuple[tuple[Message, ...], tuple[int, int]]:
    """Return the messages about a chunk, and the end of their static part as (message, character in it).

    `blocks` are the `instructions` of the prompt; the text of the chunk alone selects one. With the passage first, the
    static part is the same for all prompts.
    """
    block = blocks[int(chunk.sha256[:8], 16) % len(blocks)]
    if prompt.layout == "passage_last":
        return (_message("system", block), _message("user", passage_block(chunk, prompt.document_prefix))), (0, len(block))
    passage = passage_block(chunk)
    user = _template("passage_first_user.jinja").render(passage=passage, instructions=block)
    return (_message("system", _template("passage_first_system.jinja").render()), _message("user", user)), (1, len(passage))


def passage_block(chunk: Chunk, document_prefix: str = "") -> str:
    """Return breadcrumb and text between marks that the text cannot contain."""
    code = digest([chunk.headings, chunk.text])[:16]
    values = {"document_prefix": document_prefix, "headings": list(chunk.headings), "text": chunk.text, "code": code}
    return render("passage.jinja", values)


def render(name: str, values: Mapping[str, Any]) -> str:
    """Render a packaged template, sandboxed. An unknown variable is an error."""
    return _template(name).render(values)


def shot_documents(shots: Iterable[Shot], documents: Iterable[Document]) -> list[str]:
    """Return the ids of documents that contain a shot's passage, whole or nearly (80 % of its character 10-grams).

    They belong in train: a model that saw the passage in its prompt must not be measured on it.
    """
    shot_grams = [grams for shot in shots if (grams := _grams(key(shot.document)))]
    union = frozenset().union(*shot_grams)
    found = []
    for document in documents:
        folded = key(document.text)
        # Only the grams of shots are kept, so a document of 20 MB costs time but no memory.
        document_grams = {gram for at in range(len(folded)) if (gram := folded[at : at + _SHINGLE_CHARS]) in union}
        if any(len(grams & document_grams) >= _CONTAINED * len(grams) for grams in shot_grams):
            found.append(document.id)
    return sorted(found)


def _find(name_or_path: str | Path) -> Path:
    name = str(name_or_path)
    if name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name:
        return Path(name)
    for folder in (Path("prompts"), packaged()):
        if (path := folder / f"{name}.yaml").is_file():
            return path
    raise UnknownNameError("prompt", name, list_prompts(), hint="The path of a YAML file works too.")


def _read(path: Path) -> _PromptFile:
    loaded = read_yaml(path, "prompt", hint="`synthgen list prompts` shows names.")
    try:
        return _PromptFile.model_validate(loaded)
    except ValidationError as error:
        raise ConfigError(f"{path}: " + " ".join(_explain(e, _PromptFile) for e in error.errors())) from None


def _read_shots(path: Path) -> list[_ShotRow]:
    with reading(path, "file of shots"):
        exists = path.is_file()
    if not exists:
        raise InputError(
            f"The shots {path} do not exist. They are a JSONL file of document, query and, if you have it, answer."
        )
    rows = []
    for number, row in numbered_jsonl(path):
        try:
            rows.append(_ShotRow.model_validate(row))
        except ValidationError as error:
            problems = " ".join(_explain(e, _ShotRow) for e in error.errors())
            raise InputError(f"{path}, line {number}: {problems}") from None
    if not rows:
        raise InputError(f"The shots {path} are empty. Write at least one, or set generation.max_shots to 0.")
    return rows


def _explain(error: Any, model: type[BaseModel]) -> str:
    where = ".".join(map(str, error["loc"]))
    if error["type"] != "extra_forbidden":
        return f"{where or 'the file'} is not allowed: {error['msg']}."
    of = _ShotRow if error["loc"][0] == "shots" else model
    name = str(error["loc"][-1])
    return f"There is no key {name!r}.{nearest(name, of.model_fields)} Allowed: {', '.join(of.model_fields)}."


def _digest(file: _PromptFile, shots: tuple[Shot, ...], max_shots: int, layout: Layout) -> str:
    matters = file.model_dump(exclude={"name", "description", "shots"}) | {"fields": list(file.fields.items())}
    templates = [(_PACKAGE / "assets" / name).read_text(encoding="utf-8") for name in _TEMPLATES[layout]]
    return digest([matters, [[s.document, s.query, s.answer] for s in shots], max_shots if shots else 0, templates])


def _check_templates(prompt: Prompt, path: Path) -> None:
    import jinja2

    try:
        instructions(prompt, wanted=1)
    except jinja2.TemplateError as error:
        raise ConfigError(
            f"{path}: a text of the prompt is not a valid template: {error}. Two literal braces are written {{{{ '{{{{' }}}}; "
            "the only variable is `wanted`, the number of items."
        ) from None


def _blocks(prompt: Prompt) -> list[tuple[Shot, ...]]:
    """Return blocks of `max_shots` shots, evenly spread over all shots; a single block when they all fit."""
    shots, size = prompt.shots, prompt.max_shots
    if len(shots) <= size:
        return [shots]
    count = min(_MAX_BLOCKS, -(-len(shots) // size))
    starts = [number * len(shots) // count for number in range(count)]
    return [tuple((shots + shots)[start : start + size]) for start in starts]


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _rendered(text: str, wanted: int) -> str:
    return _environment().from_string(text).render(wanted=wanted)


def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    import jinja2
    from jinja2.sandbox import SandboxedEnvironment

    return SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(_PACKAGE / "assets"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _grams(folded: str) -> frozenset[str]:
    return frozenset(folded[at : at + _SHINGLE_CHARS] for at in range(max(1, len(folded) - _SHINGLE_CHARS + 1)) if folded)
