"""Questions to a model about rows, for all stages that ask one.

A row prompt is a YAML file like those of `synthgen.prompting.templates`, without shots: a task, rules, and the fields
of the reply. The system message is the same, byte for byte, for all rows with the same rules. The user message holds
the passages, each between marks that its text cannot contain, and the row's texts as JSON strings, so that neither can
pass for an instruction.

A missing reply is a third state: `RowAnswer.fields` is empty when the call failed, when its reply cannot be read, and
when nothing was asked. A stage must accept a row only on what the fields contain.
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
from synthgen.text.model_text import mended_text

__all__ = ["Paid", "RowAnswer", "RowStep", "source_passage", "yes"]

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_YES, _NO = ("yes", "y", "true", "1"), ("no", "n", "false", "0")
_TOKENS_PER_FIELD = 20

Row = TypeVar("Row")


class Paid(Protocol):
    """Access to a model, for stages that ask one."""

    def model(self, stage: str, given: str | None) -> tuple[str, Endpoint]:
        """Return the model of `stage` in its endpoint's naming, and the endpoint.

        `given` is PROVIDER/NAME, None for the run's own model. Raises ConfigError.
        """
        ...

    def answers(self, step: Step[Row, Any], rows: Sequence[Row]) -> Answers:
        """Return the answers to the questions of `step` about `rows`. Missing ones are requested if that is allowed;
        see `llm.Step`.
        """
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
    """The reply about a row. `fields` is empty without a usable reply; `reason` is then `not_asked` or the reason of the call."""

    fields: Mapping[str, str]
    reason: str = ""


class RowStep(Generic[Row]):
    """A row prompt for one model, asked about every row (an `llm.Step` from rows to replies).

    `prompt` is the name of a packaged row prompt or the path of a YAML file. `passages` returns the chunks that a row
    is asked about, with visible text only, and `texts` the other texts by name. `rules` returns additional rules for a
    row, which follow the prompt's own in the system message. `output_tokens` is the expected length of a reply. Raises
    ConfigError for a prompt that cannot be read or lacks one of `needs`.
    """

    def __init__(
        self,
        stage: str,
        prompt: str,
        model: str,
        endpoint: Endpoint,
        passages: Callable[[Row], Sequence[Chunk]],
        texts: Callable[[Row], Mapping[str, str | None]],
        *,
        rules: Callable[[Row], tuple[str, ...]] = lambda row: (),
        needs: Sequence[str] = (),
        temperature: float | None = 0.0,
        output_tokens: int | None = None,
    ) -> None:
        self._stage, self._model, self._passages, self._texts = stage, model, passages, texts
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
        """Yield a reply for each row, in order."""
        for row in rows:
            calls = list(calls_of(self._request(row), answers))
            parsed = [read_answer(call.completion, self._prompt.fields, 1) for call in calls]
            # Several items may be the template and a verdict, or two opposite verdicts, so only a single item counts.
            if whole := next(
                (answer for answer in parsed if answer.items and not answer.truncated and not answer.problems), None
            ):
                shown = "\n".join(chunk.text for chunk in self._passages(row))
                yield RowAnswer({name: mended_text(text, shown).text for name, text in whole.items[0].items()})
            else:
                yield RowAnswer({}, calls[-1].reason or parsed[-1].reason or "unusable" if calls else "not_asked")

    def _request(self, row: Row) -> Request:
        block = "\n\n".join(map(passage_block, self._passages(row)))
        texts = [(name, json.dumps(text, ensure_ascii=False)) for name, text in self._texts(row).items()]
        user = render("row_user.jinja", {"passage": block, "shown": texts})
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
    """Return a function from a row to its source without masked spans, for `RowStep`."""

    def passages(row: Triple) -> Sequence[Chunk]:
        chunk = chunks[row.chunk_id]
        return (dataclasses.replace(chunk, text=passage(row, chunk)),)

    return passages


def yes(text: str | None) -> bool | None:
    """Return the meaning of a yes-or-no field; None when it is neither."""
    word = (text or "").strip().strip(".!").casefold()
    return True if word in _YES else False if word in _NO else None


def _read(name_or_path: str, needs: Sequence[str]) -> _RowPrompt:
    is_path = name_or_path.endswith((".yaml", ".yml"))
    path = Path(name_or_path) if is_path else packaged("rows") / f"{name_or_path}.yaml"
    try:
        prompt = _RowPrompt.model_validate(read_yaml(path, "row prompt"))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(
            f"{path} is not a row prompt: {problems}. Allowed keys: {', '.join(_RowPrompt.model_fields)}."
        ) from None
    if missing := [field for field in needs if field not in prompt.fields]:
        raise ConfigError(f"{path}: the fields must include {', '.join(needs)}; missing: {', '.join(missing)}.")
    return prompt
