"""The records that pass through all stages, and their ids.

Records are frozen and slotted; a stage returns new ones (`dataclasses.replace`). `to_dict` returns a table row, and
`from_dict` reads it back. Nested records become dictionaries and free-form mappings become JSON strings, so the columns
of a table never depend on its rows. Offsets count characters (code points) of the document's normal form
(`text.words.normalise`), never of its file.

*Triplet* means (anchor, positive, negative) and exists only in the contrastive exporter; a `Triple` is (query, context,
answer).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from synthgen.text.humanize import short_repr
from synthgen.text.model_text import Mended, mended_answer, mended_query, mended_text
from synthgen.text.words import normalise

__all__ = [
    "CLASSIFICATION",
    "IMPORTED",
    "SPLITS",
    "Chunk",
    "Completion",
    "Distractor",
    "Document",
    "Event",
    "Message",
    "Meter",
    "OnEvent",
    "Rejection",
    "Request",
    "Skipped",
    "Span",
    "Triple",
    "Usage",
    "Verdict",
    "chunk_id",
    "digest",
    "make_document",
    "make_request",
    "make_triple",
    "passage",
    "random_for",
]

SPLITS = ("train", "dev", "test")

CLASSIFICATION = "classification"
"""The kind of rows that are labelled texts, not questions: the query is the text and the answer is its label."""

Json = Mapping[str, Any]
Span = tuple[int, int]
Message = Mapping[str, str]


class _Row:
    """`to_dict`, `from_dict` and a short `repr` for the records below."""

    __slots__ = ()

    __repr__ = short_repr

    def to_dict(self) -> dict[str, Any]:
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        names, readers = _readers(cls)  # type: ignore[arg-type]
        values = row if row.keys() <= names else {name: value for name, value in row.items() if name in names}
        read = {name: reader(values[name]) for name, reader in readers.items() if name in values}
        return cls(**{**values, **read}) if read else cls(**values)


IMPORTED = "imported"
"""`Distractor.found_by` of one that the file of an import gave."""


@dataclass(frozen=True, slots=True, repr=False)
class Document(_Row):
    """One file. `id` is its relative POSIX path, `text` its normal form, `sha256` the digest of the text.

    `metadata` holds what the loader found: `format` (which markup chunking parses: markdown, rst, text), `encoding`,
    `encoding_guessed`, … `group` identifies the near-duplicate group by the start of its smallest content digest.
    """

    id: str
    text: str
    sha256: str
    title: str = ""
    language: str = ""
    metadata: Json = field(default_factory=dict)
    group: str = ""
    split: str = "train"


@dataclass(frozen=True, slots=True, repr=False)
class Chunk(_Row):
    """A passage: `document.text[start:end] == text`. `headings` is the breadcrumb above it, outermost first.

    `format` is that of its document, "" when unknown. `places` are the ids of the same text elsewhere, without its own
    id. `split` is "" when these places lie in different splits; such a chunk stays in the index but gives no rows.
    """

    id: str
    document_id: str
    start: int
    end: int
    text: str
    sha256: str
    headings: tuple[str, ...] = ()
    n_tokens: int = 0
    language: str = ""
    group: str = ""
    split: str = "train"
    places: tuple[str, ...] = ()
    format: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Request(_Row):
    """One call. `key` is the digest of everything that changes the answer, and of nothing else.

    `static` is the end of the part that many requests have in common, as (message, character in it); a provider may
    cache up to it. It is not part of the key.
    """

    key: str
    model: str
    endpoint: str
    messages: tuple[Message, ...]
    schema: Json | None = None
    sampling: Json = field(default_factory=dict)
    sample: int = 0
    static: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Usage(_Row):
    """Tokens of one call. `cached` and `written` are parts of `prompt`. `estimated` is true when the server sent no usage."""

    prompt: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0
    estimated: bool = False

    def plus(self, other: Usage) -> Usage:
        return Usage(
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.written + other.written,
            self.output + other.output,
            self.estimated or other.estimated,
        )


@dataclass(frozen=True, slots=True, repr=False)
class Completion(_Row):
    """The response to a request. `text` is exactly what the model wrote."""

    request_key: str
    text: str
    finish_reason: str = ""
    refusal: str | None = None
    usage: Usage = field(default_factory=Usage)
    model: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Distractor(_Row):
    """A passage that does not answer the query. `relative` is its range-normalised share of the positive's score."""

    chunk_id: str
    found_by: str
    rank: int
    score: float
    relative: float

    @property
    def given(self) -> bool:
        """Whether the file of an import gave it."""
        return self.found_by == IMPORTED

    @property
    def mined(self) -> bool:
        """Whether a search for the query found it, and not a draw."""
        return self.found_by not in ("random", "same_document")


@dataclass(frozen=True, slots=True, repr=False)
class Triple(_Row):
    """A (query, context, answer) row. `answer` is None when the generator gives none.

    - `positives` are chunk ids; the first (`chunk_id`) is the source. `document_id`, `start` and `end` are the span of
      the source and `chunk_sha256` is the digest of its text.
    - `quotes` are spans of the document that support the answer.
    - `masks` are spans of the document that are left out wherever the row's context is shown (a sentence that became
      the query).
    - `flags` are the filters that would have rejected a dev or test row, as `stage:reason`.
    - `reasoning` and `response` come from the stage `answers`. `response` follows `instruction`, and exports show it in
      place of `answer`.
    """

    id: str
    query: str
    answer: str | None
    positives: tuple[str, ...]
    document_id: str
    start: int
    end: int
    chunk_sha256: str
    quotes: tuple[Span, ...] = ()
    masks: tuple[Span, ...] = ()
    reasoning: str | None = None
    instruction: str | None = None
    response: str | None = None
    kind: str = ""
    generator: str = ""
    request_key: str | None = None
    prompt_digest: str | None = None
    distractors: tuple[Distractor, ...] = ()
    scores: Json = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    split: str = "train"
    reviewed: bool = False
    metadata: Json = field(default_factory=dict)

    @property
    def chunk_id(self) -> str:
        """The source chunk: the first of the positives."""
        return self.positives[0]

    def to_dict(self) -> dict[str, Any]:
        return _Row.to_dict(self) | {"chunk_id": self.chunk_id}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision of a filter on one triple. Without a `reason` it is kept; `triple` may carry new scores or quotes.

    `survivor` is the id of the row that is kept in its place, when a filter keeps one row of several.
    """

    triple: Triple
    reason: str = ""
    score: float | None = None
    threshold: float | None = None
    survivor: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A triple that a stage rejected."""

    triple: Triple
    stage: str
    reason: str
    score: float | None = None
    threshold: float | None = None

    def to_dict(self) -> dict[str, Any]:
        verdict = {"stage": self.stage, "reason": self.reason, "score": self.score, "threshold": self.threshold}
        return self.triple.to_dict() | verdict

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Rejection:
        return cls(Triple.from_dict(row), row["stage"], row["reason"], row["score"], row["threshold"])


@dataclass(frozen=True, slots=True, repr=False)
class Skipped(_Row):
    """A file, chunk or call without result. `reason` is from a short vocabulary, `detail` is for people."""

    path: str
    stage: str
    reason: str
    chunk_id: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Meter:
    """The state of the calls of one step.

    `finished` calls (answered or failed for good) were made by this command; `reused` answers were in the store before.
    `rate_limited` counts 429 responses. Tokens and `dollars` (None when the price is unknown) are those of this
    command. `waiting` is the reason why nothing is sent at the moment, "" otherwise.

    `in_flight_s` is how long the calls in flight have been under way, all together. A recent answer took `call_s` on
    average, and one of twenty took longer than `slow_call_s`; both are 0 before the first answer. `findings` is what was
    found out about the server, as sentences for people.
    """

    finished: int = 0
    failed: int = 0
    reused: int = 0
    in_flight: int = 0
    rate_limited: int = 0
    usage: Usage = field(default_factory=Usage)
    dollars: float | None = 0.0
    elapsed_s: float = 0.0
    waiting: str = ""
    in_flight_s: float = 0.0
    call_s: float = 0.0
    slow_call_s: float = 0.0
    findings: str = ""

    def after(self, earlier: Meter) -> Meter:
        """Return the sum with an earlier meter; calls in flight, how long they take, waiting and findings are the current ones."""
        priced = self.dollars is not None and earlier.dollars is not None
        return Meter(
            self.finished + earlier.finished,
            self.failed + earlier.failed,
            self.reused + earlier.reused,
            self.in_flight,
            self.rate_limited + earlier.rate_limited,
            self.usage.plus(earlier.usage),
            (self.dollars or 0.0) + (earlier.dollars or 0.0) if priced else None,
            self.elapsed_s + earlier.elapsed_s,
            self.waiting,
            self.in_flight_s,
            self.call_s or earlier.call_s,
            self.slow_call_s or earlier.slow_call_s,
            self.findings,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """Progress: `done` of `total` (None when unknown) in `stage`. `message` is one line for people. Paid steps have a `meter`.

    The steps of an `uneven` stage take very different times, so the time left cannot be estimated from those that are done.
    """

    stage: str
    done: int = 0
    total: int | None = None
    message: str = ""
    meter: Meter | None = None
    uneven: bool = False


OnEvent = Callable[[Event], None]


def digest(value: Any) -> str:
    """Return the sha256 (hex) of the canonical JSON of `value`, or of the text itself when it is a string."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def random_for(seed: int, *content: str) -> random.Random:
    """Return a local generator that depends on the run's seed and on content, never on a path or a position."""
    return random.Random(digest([seed, *content]))


def chunk_id(document_id: str, start: int, end: int) -> str:
    return f"{document_id}#{start}-{end}"


def make_document(id: str, text: str, **columns: Any) -> Document:
    """Return a Document of any text, normalised and hashed."""
    text = normalise(text)
    return Document(id=id, text=text, sha256=digest(text), **columns)


def make_triple(chunk: Chunk, query: str, answer: str | None = None, **columns: Any) -> Triple:
    """Return a Triple whose source is `chunk`. Its id is the digest of the chunk's text and the query.

    What a model wrote around the texts is mended (`text.model_text`), and `metadata.mended` names what was.
    """
    asked = mended_query(query, chunk.text, chunk.language)
    answered = Mended("") if answer is None else mended_answer(answer, chunk.text, chunk.language)
    mended = dict.fromkeys([*asked.mended, *answered.mended])
    metadata = dict(columns.pop("metadata", {}))
    for texts, name in [*((metadata, name) for name in metadata), (columns, "reasoning")]:
        if isinstance(texts.get(name), str):
            texts[name], also = mended_text(texts[name], chunk.text)
            mended |= dict.fromkeys(also)
    if mended:
        metadata["mended"] = list(mended)
    return Triple(
        id=digest([chunk.sha256, asked.text])[:24],
        query=asked.text,
        answer=None if answer is None else answered.text,
        positives=(chunk.id,),
        document_id=chunk.document_id,
        start=chunk.start,
        end=chunk.end,
        chunk_sha256=chunk.sha256,
        split=chunk.split,
        metadata=metadata,
        **columns,
    )


def make_request(
    model: str,
    endpoint: str,
    messages: tuple[Message, ...],
    *,
    schema: Json | None = None,
    sampling: Json | None = None,
    sample: int = 0,
    static: tuple[int, int] | None = None,
) -> Request:
    """Return a Request with its key: model, endpoint, messages, schema, sampling and sample number change the answer."""
    sampling = dict(sampling or {})
    key = digest([model, endpoint, [dict(m) for m in messages], schema, sampling, sample])
    return Request(key, model, endpoint, messages, schema, sampling, sample, static)


def passage(triple: Triple, chunk: Chunk) -> str:
    """Return the context of a row: the chunk's text without the row's masked spans."""
    pieces, at = [], chunk.start
    for start, end in sorted(triple.masks):
        pieces.append(chunk.text[at - chunk.start : max(start, at) - chunk.start])
        at = max(at, end)
    pieces.append(chunk.text[max(at, chunk.start) - chunk.start :])
    return "".join(pieces) if triple.masks else chunk.text


def _plain(value: Any) -> Any:
    if isinstance(value, _Row):
        return value.to_dict()
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value


@functools.cache
def _readers(cls: type) -> tuple[frozenset[str], dict[str, Callable[[Any], Any]]]:
    """Return the field names of a record, and the readers of fields that tables store in another form. Cached for speed."""
    types = {f.name: str(f.type) for f in dataclasses.fields(cls)}
    return frozenset(types), {name: reader for name, annotation in types.items() if (reader := _reader(annotation))}


def _reader(annotation: str) -> Callable[[Any], Any] | None:
    if annotation.startswith("Json"):
        return lambda value: json.loads(value) if isinstance(value, str) else value
    if annotation == "Usage":
        return Usage.from_dict
    if annotation == "tuple[Distractor, ...]":
        return lambda value: tuple(map(Distractor.from_dict, value))
    if annotation == "tuple[Span, ...]":
        return lambda value: tuple((int(v[0]), int(v[1])) for v in value)
    return tuple if annotation.startswith("tuple") else None
