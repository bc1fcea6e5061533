"""All settings: their types, defaults, units and meanings.

A configuration is YAML with these sections. Unknown keys are rejected with the nearest right one. Values come from the
defaults here, the file given by `--config`, and `--set section.key=value`; later ones win. A list of one value needs no
brackets. In Python, paths and functions stand for their names. `Config.dump()` is what a run folder keeps; it never
contains a key.

The options of a filter or format are the keyword arguments of its function; `filters.options` and `exports.options`
carry values for them.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from synthgen.config.answer_styles import AnswerForm, AnswerOption, Length, Style, as_options, check_options
from synthgen.errors import ConfigError, nearest
from synthgen.registry import name_of
from synthgen.storage import parse_yaml, read_yaml
from synthgen.text.data import BadData, check_data
from synthgen.text.humanize import short_repr
from synthgen.text.printable import printable_line

__all__ = ["Config", "Layout", "load_config"]

Share = Annotated[float, Field(ge=0, le=1)]
Layout = Literal["passage_last", "passage_first"]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_SHOWN_CHARS = 200  # of a value in a message
_SAMPLING = ("max_output_tokens", "temperature", "top_p", "seed", "stop", "logit_bias", "extra_body")


def _sized(number: int) -> int:
    """Return a number of things; more than 10^15 of them would be more than a size of the system can be."""
    if number > 10**15:
        raise ValueError("it is more than 10^15")
    return number


Count = Annotated[int, Field(ge=1), AfterValidator(_sized)]


def _as_yaml(value: Any) -> Any:
    """Return a value as a file would have it: a path as text, and a function or class by its `module:attribute`."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {_as_yaml(key): _as_yaml(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_as_yaml(inner) for inner in value]
    if isinstance(value, str) and "\0" in value:
        raise ValueError("it holds the character U+0000, which no path and no name may hold")
    return name_of(value) if callable(value) else value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    __repr__ = short_repr
    __str__ = short_repr

    @field_validator("*", mode="before")
    @classmethod
    def _written_out(cls, value: Any, info: ValidationInfo) -> Any:
        value = _as_yaml(value)
        is_list = typing.get_origin(cls.model_fields[str(info.field_name)].annotation) is list
        return [value] if is_list and isinstance(value, str) else value


class Sources(_Section):
    max_bytes: Count = Field(20_000_000, description="files larger than this many bytes are skipped")
    encoding: str | None = Field(None, description="encoding of every file; unset means detect it")
    loaders: dict[str, str] = Field({}, description="file suffix -> loader name or module:function")


class Chunking(_Section):
    max_tokens: Annotated[int, Field(ge=16)] = Field(256, description="largest chunk, in tokens")
    min_tokens: Annotated[int, Field(ge=0)] = Field(32, description="smaller pieces join a neighbour, in tokens")
    tokenizer: str = Field("o200k_base", description="tiktoken encoding, or the name of a model")


class Splits(_Section):
    train: Share = Field(
        0.8, description="share of the chunks, by whole groups of near-duplicate documents, that gives training rows"
    )
    dev: Share = Field(0.1, description="share kept for choosing settings; the rest is test")
    near_duplicate: Share = Field(0.8, description="Jaccard similarity of character shingles that makes a group")
    min_groups: Count = Field(20, description="with fewer groups, sections of documents are split instead")


class Generation(_Section):
    prompt: list[str] = Field(["question"], description="prompts (names or YAML files), each used for every chunk")
    per_chunk: Count = Field(3, description="triples per chunk and prompt, requested in one call or made by rules")
    shots: str | None = Field(None, description="JSONL of your own shots (document, query[, answer]); replaces the prompt's")
    max_shots: Annotated[int, Field(ge=0, le=8)] = Field(8, description="maximum number of shots in a prompt")
    limit: Count | None = Field(None, description="use a stratified sample of this many chunks")
    layout: Layout = Field(
        "passage_last",
        description="what comes first and can be cached: the instructions, or the passage (for several prompts on each chunk)",
    )


class LLM(_Section):
    base_url: str | None = Field(
        None, description="address of the endpoint; unset means the one that the model's provider has itself"
    )
    endpoint_id: str | None = Field(
        None, description="name that stands for the endpoint in request keys, e.g. when its port changes"
    )
    api_key_env: str | None = Field(
        None, description="environment variable of the key, which is never stored; unset means the provider's own variable"
    )
    concurrency: Count = Field(
        32, description="maximum number of calls in flight; fewer where the server works on fewer at a time"
    )
    rpm: Count | None = Field(
        None, description="limit of requests per minute; unset means the limit that the server reports or enforces"
    )
    tpm: Count | None = Field(
        None, description="limit of tokens per minute; unset means the limit that the server reports or enforces"
    )
    connect_timeout_s: Annotated[float, Field(gt=0)] = Field(10.0, description="seconds to connect to the server")
    timeout_s: Annotated[float, Field(gt=0)] = Field(
        120.0, description="seconds for one attempt; more while the server works through earlier calls, or takes long for all"
    )
    max_response_mb: Annotated[float, Field(gt=0)] = Field(
        10.0, description="megabytes of one response, unpacked; a longer one is cut off, and its attempt fails"
    )
    max_attempts: Count = Field(6, description="attempts for one call, the first included; a 429 does not count")
    max_wait_s: Annotated[float, Field(gt=0)] = Field(
        300.0, description="total seconds of waiting between attempts of one call"
    )
    patience_s: Annotated[float, Field(ge=0)] = Field(
        600.0,
        description="seconds to keep trying while an outage or a rate limit lets nothing through, before the run stops",
    )
    grace_s: Annotated[float, Field(ge=0)] = Field(5.0, description="seconds that calls in flight have to finish after Ctrl-C")
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(0.7, description="sampling temperature; null sends none")
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(None, description="nucleus sampling; null sends none")
    max_output_tokens: Count = Field(2_000, description="output limit of one call")
    seed: int | None = Field(None, description="the provider's sampling seed; null sends none")
    stop: list[str] = Field([], description="texts that end an answer")
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] = Field(
        {}, description="word -> bias: 100 nearly forces it, -100 forbids it; mapped to the tokens of the model"
    )
    extra_body: dict[str, JsonValue] = Field(
        {}, description="additional fields of the request, sent unchanged, e.g. {top_k: 20}"
    )
    max_calls: Count | None = Field(None, description="cap on calls of one command; a resumed run starts a new count")
    max_total_tokens: Count | None = Field(
        None, description="cap on prompt and output tokens of one command; a resumed run starts a new count"
    )
    max_cost: Annotated[float, Field(gt=0)] | None = Field(
        None, description="cap on dollars of one command; a resumed run starts a new count; needs a known price"
    )
    prices: str | None = Field(None, description="YAML of prices that replaces the packaged table")
    store: str | None = Field(
        None, description="SQLite file of answers, to share between runs; unset means one in the run folder"
    )

    @field_validator("api_key_env")
    @classmethod
    def _names_a_variable(cls, name: str | None) -> str | None:
        if name is not None and not _VARIABLE.fullmatch(name):
            raise ConfigError(
                "The setting llm.api_key_env is not the name of an environment variable (letters, digits and _; it is not shown here, "
                "in case it is the key itself). Put the key into a variable and give that variable's name, e.g. MY_API_KEY."
            )
        return name

    @property
    def sampling(self) -> dict[str, Any]:
        """The settings that change an answer, as far as they are set: the `sampling` of a request."""
        given = {name: getattr(self, name) for name in _SAMPLING}
        return {name: value for name, value in given.items() if value not in (None, [], {})}


class Filters(_Section):
    order: list[str] = Field(
        [
            "format",
            "lint",
            "leaks",
            "exact_duplicates",
            "language",
            "entities",
            "grounding",
            "round_trip",
            "duplicates",
            "ambiguous",
            "balance",
        ],
        description="filters, in this order; answer_check and judge ask a model and belong after duplicates",
    )
    options: dict[str, dict[str, Any]] = Field({}, description="filter -> its options; `synthgen list filters` shows them")


class Distractors(_Section):
    num: Annotated[int, Field(ge=0, le=1_000)] = Field(
        5, description="distractors for each triple; RAFT shows 4 beside the passage, 5 in its place"
    )
    mined: Share = Field(0.5, description="share found by the judges' searches: the hardest allowed ones")
    same_document: Share = Field(0.25, description="share from the passage's own document; the rest is drawn at random")
    judges: Annotated[list[Literal["bm25", "dense"]], Field(min_length=1)] = Field(
        ["bm25"], description="searches that find candidates; each can reject any candidate; dense needs the train extra"
    )
    skip: Annotated[int, Field(ge=0)] = Field(0, description="number of best hits to skip; the row's own passages do not count")
    take: Count = Field(30, description="number of hits to try after these")
    max_relative: Share = Field(
        0.95, description="a chunk at or above this share of the positive's score, by any judge, is not a distractor"
    )
    adjacent: bool = Field(False, description="allow the chunks before and after the passage as distractors")
    cross_encoder: str | None = Field(
        None, description="cross-encoder, by name or path; a chunk that it scores at or above the passage is not a distractor"
    )
    check: bool = Field(False, description="ask a model whether a distractor answers the query (a paid step)")
    check_model: str | None = Field(None, description="PROVIDER/NAME that checks distractors; unset means the run's own model")

    @field_validator("same_document")
    @classmethod
    def _fits(cls, value: float, info: ValidationInfo) -> float:
        mined = info.data.get("mined", 0)
        if Fraction(str(mined)) + Fraction(str(value)) > 1:
            raise ValueError(f"with mined = {mined} it adds up to more than 1; the two shares may be 1 at most")
        return value

    @field_validator("check_model")
    @classmethod
    def _used(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and not info.data.get("check", True):
            raise ValueError("no distractor is checked: set distractors.check=true, or leave check_model unset")
        return value

    @field_validator("judges")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("a judge is listed twice")
        return value


class AnswerSettings(_Section):
    """Answers that a model writes for the exports, after filters and distractors (a paid step)."""

    model: str | None = Field(None, description="PROVIDER/NAME that writes them; unset means the run's own model")
    reasoning: bool = Field(False, description="write chains of thought that quote the passage, for RAFT")
    styles: Annotated[list[Style], BeforeValidator(as_options)] = Field(
        [], description="styles by name: an instruction, or a mapping of instruction and share"
    )
    lengths: Annotated[list[Length], BeforeValidator(as_options)] = Field(
        [], description="lengths of answers in plain text, such as 'three sentences' or '20-40 words'"
    )
    forms: Annotated[list[AnswerForm], BeforeValidator(as_options)] = Field(
        [], description="output forms: text, or JSON by its json_schema; unset means text"
    )

    @field_validator("styles", "lengths", "forms")
    @classmethod
    def _add_up(cls, options: list[AnswerOption]) -> list[AnswerOption]:
        check_options(options)
        return options

    @property
    def enabled(self) -> bool:
        """Whether there is anything to write."""
        return self.reasoning or any(option.instruction for option in (*self.styles, *self.lengths, *self.forms))

    @model_validator(mode="after")
    def _has_work(self) -> Self:
        if not self.enabled and (self.model or self.forms):
            name = "a model" if self.model else "the form text"
            raise ValueError(
                f"{name} is set, but there is nothing to write: set answers.reasoning, answers.styles, answers.lengths or a JSON form"
            )
        return self


class Exports(_Section):
    formats: list[str] = Field(["openai-chat", "raft", "st-triplet", "beir"], description="formats that `run` writes")
    options: dict[str, dict[str, Any]] = Field({}, description="format -> its options; `synthgen list formats` shows them")
    model: str | None = Field(
        "gpt-4o-mini-2024-07-18",
        description="model to fine-tune with chat files: its limit, tokens and price are reported; null counts tokens only",
    )
    max_tokens: Count | None = Field(
        None, description="tokens of an example that training uses; unset means the known limit of the model"
    )
    max_bytes: Count | None = Field(
        None, description="maximum bytes of one file; unset means the limit of the format's reader (512 MB for OpenAI)"
    )


class Training(_Section):
    enabled: bool = Field(True, description="train and measure in `run`; needs the train extra")
    base: str = Field("static", description="'static' (built in) or a sentence-transformers model, by name or path")
    dimensions: Count = Field(256, description="size of the built-in encoder's vectors")
    idf: bool = Field(
        True, description="weight the tokens of the built-in encoder by inverse document frequency; false is plain LSA"
    )
    epochs: Count | None = Field(None, description="passes over the training rows; unset means 10 for static, 1 for the others")
    batch_size: Annotated[int, Field(ge=2)] | None = Field(
        None, description="rows in a batch, each other's negatives; unset means 256 for static, 32 for the others"
    )
    learning_rate: Annotated[float, Field(gt=0)] | None = Field(
        None, description="learning rate; unset means 0.005 for static, 2e-5 for the others"
    )


class Config(_Section):
    """All settings of a run."""

    model: str = Field(
        "extractive",
        description="extractive (no LLM), or PROVIDER/NAME for a model; `synthgen list models` names the providers",
    )
    seed: int = Field(0, description="seed of every random choice")
    sources: Sources = Sources()
    chunking: Chunking = Chunking()
    splits: Splits = Splits()
    generation: Generation = Generation()
    llm: LLM = LLM()
    filters: Filters = Filters()
    distractors: Distractors = Distractors()
    answers: AnswerSettings = AnswerSettings()
    exports: Exports = Exports()
    training: Training = Training()

    def dump(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    @classmethod
    def build(cls, values: Mapping[str, Any]) -> Self:
        """Return the validated settings. Raises ConfigError naming each wrong setting, its value, what is allowed, and
        the nearest name.
        """
        try:
            check_data(values)
            return cls.model_validate(values)
        except BadData as bad:
            raise ConfigError(f"The settings cannot be kept: {bad}.") from None
        except ValidationError as error:
            raise ConfigError(" ".join(_explain(cls, e) for e in error.errors())) from None


def load_config(
    path: str | Path | None = None,
    settings: Iterable[str] = (),
    overrides: Mapping[str, Any] | None = None,
    *,
    base: Config | None = None,
) -> Config:
    """Read a configuration.

    `settings` are `section.key=value` strings whose values are YAML. `overrides` is a nested mapping that wins over
    both. `base` is the configuration that they change, by default the defaults. Raises ConfigError for a missing file,
    bad YAML (with its line), or a wrong setting.
    """
    values: dict[str, Any] = base.dump() if base else {}
    _merge(values, _read_yaml(Path(path)) if path else {})
    for setting in settings:
        name, separator, value = setting.partition("=")
        if not separator:
            raise ConfigError(f"--set takes section.key=value, for example chunking.max_tokens=400; given: {setting!r}.")
        _merge(values, _nest(name.strip().split("."), parse_yaml(value, f"--set {_shortened(printable_line(setting))}")))
    _merge(values, overrides or {})
    return Config.build(values)


def _read_yaml(path: Path) -> dict[str, Any]:
    loaded = read_yaml(path, "configuration", hint="`synthgen init DIR` writes one to edit.")
    if loaded is not None and not isinstance(loaded, dict):
        raise ConfigError(
            f"{path} holds a {type(loaded).__name__}, but a configuration is a mapping such as `chunking: {{max_tokens: 400}}`."
        )
    if loaded and {"synthgen", "docs", "config"} <= loaded.keys():
        raise ConfigError(
            f"{path} is the record of a run, not a configuration: the settings of that run stand there under `config`. "
            "Give a file with the settings that you want, such as a copy of that section; `synthgen init DIR` writes one to edit."
        )
    return loaded or {}


def _nest(keys: list[str], value: Any) -> dict[str, Any]:
    for key in reversed(keys):
        value = {key: value}
    return dict(value)


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN_CHARS else f"{text[: _MOST_SHOWN_CHARS - 1]}…"


def _explain(model: type[BaseModel], error: Any) -> str:
    path = [str(part) for part in error["loc"]]
    name = ".".join(path)
    if error["type"] != "extra_forbidden":
        return f"The setting {name} = {_shortened(repr(error['input']))} is not allowed: {error['msg']}."
    section: Any = model
    for part in path[:-1]:
        # An index of a list leads to the type of its items.
        inside = part in getattr(section, "model_fields", {})
        section = section.model_fields[part].annotation if inside else typing.get_args(section)[-1]
    known = list(section.model_fields)
    where = f" in {'.'.join(path[:-1])}" if path[:-1] else ""
    return f"There is no setting {_shortened(repr(path[-1]))}{where}.{nearest(path[-1], known)} Known: {', '.join(known)}."
