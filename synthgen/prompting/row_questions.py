"""A question to a model about each row: what the stages that ask one have in common.

A row prompt is a YAML file like those of `synthgen.prompting.templates`, without shots: a task, rules and the fields of the answer. The system
message is the same, byte for byte, for all rows under the same rules; the user message has the passages, each between marks that its text cannot contain, and
the texts in question as JSON strings, so that neither can pass for an instruction.

A reply is a third state where there is none: `Reply.fields` is empty when the call failed, when its answer cannot be read, and when
nothing was asked. Whoever uses a reply lets a row through only on what stands in the fields.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from synthgen.errors import ConfigError
from synthgen.llm import Answers, Step
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.reask import calls_of
from synthgen.llm.structured_output import read_answer, strict_schema
from synthgen.prompting.templates import packaged, passage_block, render
from synthgen.records import Chunk, Completion, Request, Triple, make_request, passage
from synthgen.storage import read_yaml

__all__ = ["Paid", "RowAnswer", "RowStep", "source_passage", "yes"]

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_YES, _NO = ("yes", "y", "true", "1"), ("no", "n", "false", "0")
_TOKENS_PER_FIELD = 20

Row = TypeVar("Row")


class Paid(Protocol):
    """The way to a model for stages that ask one."""

    def model(self, stage: str, given: str | None) -> tuple[str, Endpoint]:
        """The model that `stage` asks, as its endpoint calls it, and the endpoint; `given` is PROVIDER/NAME, None for the run's own. Raises ConfigError."""
        ...

    def answers(self, step: Step[Row, Any], rows: Sequence[Row]) -> Answers:
        """The answers to what `step` asks about `rows`, missing ones asked for if that is allowed; see `llm.Step`."""
        ...


class _RowPrompt(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: _Text
    description: _Text
    task: _Text
    instructions: Annotated[list[_Text], Field(min_length=1)]
    fields: Annotated[dict[_Text, _Text], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """What came back for a row. `fields` is empty when it is no answer; `reason` says why: not_asked, or that of the call."""

    fields: Mapping[str, str]
    reason: str = ""


class RowStep(Generic[Row]):
    """One row prompt, put to one model for every row (an `llm.Step` from rows to replies).

    `prompt` is the name of a packaged row prompt or the path of a YAML file. `passages` gives the chunks that a row is asked about,
    their texts as the row shows them, and `shown` the texts beside them by name. `rules` gives rules of ours for a row, which follow those
    of the prompt in the system message. `output_tokens` is what an answer is expected to
    have. Raises ConfigError for a prompt that cannot be read or lacks one of `needs`.
    """

    def __init__(
        self,
        stage: str,
        prompt: str,
        model: str,
        endpoint: Endpoint,
        passages: Callable[[Row], Sequence[Chunk]],
        shown: Callable[[Row], Mapping[str, str | None]],
        *,
        rules: Callable[[Row], tuple[str, ...]] = lambda row: (),
        needs: Sequence[str] = (),
        temperature: float | None = 0.0,
        output_tokens: int | None = None,
    ) -> None:
        self._stage, self._model, self._passages, self._shown = stage, model, passages, shown
        self._prompt = _read(prompt, needs)
        self._endpoint = endpoint.id
        self._output_tokens = output_tokens or _TOKENS_PER_FIELD * len(self._prompt.fields)
        self._sampling = {name: value for name, value in endpoint.settings.sampling.items() if name != "temperature"}
        if temperature is not None:
            self._sampling["temperature"] = temperature
        self._schema = strict_schema(self._prompt.fields)
        form = json.dumps({"items": [dict.fromkeys(self._prompt.fields, "…")]}, ensure_ascii=False)
        fields = list(self._prompt.fields.items())
        values = {"task": self._prompt.task, "fields": fields, "form": form}
        instructions = tuple(self._prompt.instructions)
        self._rules = rules
        self._system = functools.cache(lambda more: render("row_system.jinja", {**values, "rules": (*instructions, *more)}))

    @property
    def stage(self) -> str:
        return self._stage

    @property
    def prompt(self) -> str:
        """The name of the prompt."""
        return self._prompt.name

    @property
    def output_tokens(self) -> int:
        return self._output_tokens

    def requests(self, rows: Iterable[Row]) -> Iterator[Request]:
        return (self._request(row) for row in rows)

    def check(self, completion: Completion) -> tuple[str, str]:
        answer = read_answer(completion, self._prompt.fields, 1)
        return answer.reason, answer.detail

    def apply(self, rows: Iterable[Row], answers: Answers) -> Iterator[RowAnswer]:
        """One reply for each row, in order."""
        for row in rows:
            calls = list(calls_of(self._request(row), answers))
            read = [read_answer(call.completion, self._prompt.fields, 1) for call in calls]
            # Two items are a form and a verdict, or a verdict and its opposite: nobody can say which holds.
            if whole := next(
                (answer for answer in read if answer.items and not answer.truncated and not answer.problems), None
            ):
                yield RowAnswer(whole.items[0])
            else:
                yield RowAnswer({}, calls[-1].reason or read[-1].reason or "unusable" if calls else "not_asked")

    def _request(self, row: Row) -> Request:
        block = "\n\n".join(map(passage_block, self._passages(row)))
        shown = [(name, json.dumps(text, ensure_ascii=False)) for name, text in self._shown(row).items()]
        user = render("row_user.jinja", {"passage": block, "shown": shown})
        system = self._system(self._rules(row))
        return make_request(
            self._model,
            self._endpoint,
            ({"role": "system", "content": system}, {"role": "user", "content": user}),
            schema=self._schema,
            sampling=self._sampling,
            static=(0, len(system)),
        )


def source_passage(chunks: Mapping[str, Chunk]) -> Callable[[Triple], Sequence[Chunk]]:
    """The source of a row as the row shows it, for `RowStep`."""

    def passages(row: Triple) -> Sequence[Chunk]:
        chunk = chunks[row.chunk_id]
        return (dataclasses.replace(chunk, text=passage(row, chunk)),)

    return passages


def yes(text: str | None) -> bool | None:
    """What a field of yes or no says; None when it says neither."""
    word = (text or "").strip().strip(".!").casefold()
    return True if word in _YES else False if word in _NO else None


def _read(name_or_path: str, needs: Sequence[str]) -> _RowPrompt:
    own = name_or_path.endswith((".yaml", ".yml"))
    path = Path(name_or_path) if own else packaged("rows") / f"{name_or_path}.yaml"
    try:
        prompt = _RowPrompt.model_validate(read_yaml(path, "row prompt"))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{path} is no row prompt: {told}. Known keys: {', '.join(_RowPrompt.model_fields)}.") from None
    if missing := [field for field in needs if field not in prompt.fields]:
        raise ConfigError(f"{path}: its fields must have {', '.join(needs)}; missing: {', '.join(missing)}.")
    return prompt
