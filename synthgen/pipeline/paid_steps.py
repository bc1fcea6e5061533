"""Paid steps after generation, within a run: which models are asked, and what came of it.

They are the filters that ask one, `distractor_check` and `answers`. What they ask goes through the same store as generation, and through
the caps and the pace of the same command. Where no call may be made (`synthgen filter`), stored answers are used and the rest is counted
as missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from synthgen.config.settings import Config
from synthgen.errors import ConfigError
from synthgen.filters import is_paid
from synthgen.generators import named_model
from synthgen.llm import Answers, Step
from synthgen.llm.call_store import CallStore
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.event_loop import run_async
from synthgen.llm.fill import fill
from synthgen.llm.model_name import ModelName, known_forms
from synthgen.llm.reask import Outcomes, outcomes
from synthgen.llm.session import Session
from synthgen.pipeline.context import RunContext
from synthgen.pipeline.generation import Generator
from synthgen.pipeline.stores import open_store, stored_answers
from synthgen.prompting.row_questions import Row

__all__ = ["StepRunner", "asked_models", "paid_steps", "session_of", "without_answer"]

_SETTINGS = {
    "distractor_check": ("distractors.check_model", "leave distractors.check off"),
    "answers": ("answers.model", "leave answers.reasoning off and answers.styles, lengths and forms empty"),
}
"""The setting of the model of a step that is not a filter, and how to do without the step."""

_WITHOUT_ANSWER = {
    "distractor_check": "a passage without one is no distractor",
    "raft_answer": "a row without one has no reasoning",
    "styled_answer": "a row without one keeps its plain answer",
}


def asked_models(config: Config) -> dict[str, str]:
    """The model of each step after generation that asks one, as its endpoint calls it.

    Raises ConfigError for a step that has none to ask, and for models of different providers: a command has one endpoint.
    """
    return {stage: model.name for stage, model in _asked(config).items()}


def session_of(generator: Generator) -> Session | None:
    """The caps and the pace of a command, None where no model is asked.

    Raises what `asked_models` raises, and what `Endpoint.check` raises for an address, a key or a setting.
    """
    config = generator.config
    models = [*_asked(config).values(), *([model] if (model := named_model(config.model)) else [])]
    if not models:
        return None
    endpoint, names = Endpoint.of(models[0].provider, config.llm), {model.name for model in models}
    for name in sorted(names):
        endpoint.check(name)
    return Session.of(endpoint, names)


def without_answer(stage: str) -> str:
    """What becomes of a row about which a step has no answer."""
    return _WITHOUT_ANSWER.get(stage, "a row without one does not pass")


@contextmanager
def paid_steps(run: RunContext) -> Iterator[StepRunner | None]:
    """What asks the models of a run's later steps, None where no step asks one. Without a session no call is made."""
    config = run.config
    if not asked_models(config):
        yield None
    elif run.session is not None:
        with open_store(config, run.folder) as store:
            yield StepRunner(config, store, run)
    else:
        with stored_answers(run.store, config, run.folder) as store:
            yield StepRunner(config, store)


class StepRunner:
    """Puts the questions of paid steps to their models (a `row_questions.Paid`), and counts how they ended in `outcomes`.

    Answers come from `store`. Those that it lacks are asked for in the session of `run`; without `run`, they stay missing.
    """

    def __init__(self, config: Config, store: CallStore | None = None, run: RunContext | None = None) -> None:
        self._config, self._store, self._run = config, store, run
        self.outcomes: dict[str, Outcomes] = {}
        self._counted: set[str] = set()  # keys: a row that comes back is asked about once

    def model(self, stage: str, given: str | None) -> tuple[str, Endpoint]:
        model = _model(self._config, stage, given)
        return model.name, Endpoint.of(model.provider, self._config.llm)

    def answers(self, step: Step[Row, Any], rows: Sequence[Row]) -> Answers:
        run = self._run
        if run is not None and run.session is not None and self._store is not None and rows:
            filling = fill(
                step.requests(rows),
                self._store,
                run.session.endpoint,
                session=run.session,
                check=step.check,
                wanted=run.wanted,
                stage=step.stage,
                total=len(rows),
                on_event=run.on_event,
            )
            run_async(filling)
        fresh = [request for request in step.requests(rows) if request.key not in self._counted]
        self._counted.update(request.key for request in fresh)
        self.outcomes[step.stage] = self.outcomes.get(step.stage, Outcomes()).plus(outcomes(fresh, self._store))
        return {} if self._store is None else self._store

    def report(self) -> dict[str, Any]:
        """What was asked, how it ended, and how many answers are missing, for each step that asks."""
        return {
            stage: {"asked": found.total, "ok": found.ok, "failed": found.failed, "missing": found.remaining + found.waiting}
            for stage, found in self.outcomes.items()
        }


def _asked(config: Config) -> dict[str, ModelName]:
    options = config.filters.options
    given = {name: options.get(name, {}).get("model") for name in config.filters.order if is_paid(name)}
    if config.distractors.check:
        given["distractor_check"] = config.distractors.check_model
    if config.answers.enabled:
        given["answers"] = config.answers.model
    asked = {stage: _model(config, stage, model) for stage, model in given.items()}
    own = named_model(config.model)
    models = {"generation": own} | asked if own else asked
    if len({model.provider for model in models.values()}) > 1:
        named = ", ".join(f"{stage} asks {model}" for stage, model in models.items())
        raise ConfigError(
            f"The models of one command have one provider, because they share its address, its key and its limits: {named}. Name "
            "models of one provider, or make the steps in commands of their own (`run`, then `filter` with another model)."
        )
    return asked


def _model(config: Config, stage: str, given: str | None) -> ModelName:
    model = named_model(given or config.model)
    if model is None:
        of_filter = (f"filters.options.{stage}.model", f"leave the filter {stage} out of filters.order")
        setting, instead = _SETTINGS.get(stage, of_filter)
        forms = " or ".join(known_forms())
        raise ConfigError(
            f"The step {stage!r} asks a model, and {given or config.model!r} is none that can be asked. "
            f"Set {setting}={forms}, or {instead}."
        )
    return model
