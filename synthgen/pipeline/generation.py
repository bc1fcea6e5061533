"""From chunks to candidate rows, with or without calls.

One interface for the recipe, the plan and the Python door: `make_generator` reads the settings, `Generator.agenerate`
makes the calls that are missing from the store, and `Generator.rows` builds rows from what is stored. Rows never depend on
the order in which answers arrived.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from synthgen.config.settings import Config
from synthgen.errors import ConfigError, UnknownNameError
from synthgen.generators import GENERATORS, IMPORT, named_model, unique_ids
from synthgen.generators.prompted import Prompted
from synthgen.llm import Answers
from synthgen.llm.batch.ledger import open_batches
from synthgen.llm.call_store import CallStore
from synthgen.llm.endpoint import Endpoint, is_provider
from synthgen.llm.fill import Wanted, fill
from synthgen.llm.model_name import ModelName, known_forms
from synthgen.llm.reask import Outcomes, outcomes, to_ask
from synthgen.llm.session import Session
from synthgen.llm.stopping import in_batches
from synthgen.pipeline.run_folder import RunFolder
from synthgen.prompting.templates import Prompt, load_prompt
from synthgen.records import Chunk, Event, Meter, OnEvent, Rejection, Request, Skipped, Triple, Usage, digest
from synthgen.registry import Contract, resolve
from synthgen.text.humanize import short_repr

__all__ = ["Candidates", "Generator", "StoredChunks", "make_generator", "sample"]

_RULE = Contract(
    "model",
    "be a function of (chunks, *, per_chunk, seed) that yields a Triple for each row and a Skipped for what gave none",
)
_BLOCK_CALLS = 16  # by each worker, before the next prompt is put to the same chunks


@dataclass(frozen=True, slots=True, repr=False)
class Candidates:
    """What generation gave: rows, chunks and calls that gave none, and the facts of the calls behind them."""

    __repr__ = short_repr

    triples: list[Triple]
    skipped: list[Skipped]
    calls_ok: int = 0
    calls_failed: dict[str, int] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    rejected: list[Rejection] = field(default_factory=list)  # by a person, before any filter
    accepted: frozenset[str] = frozenset()  # ids of rows that an earlier run has accepted and completed

    @property
    def reasons(self) -> dict[str, int]:
        """How often a chunk, call or item gave no row, by reason."""
        return dict(sorted(Counter(skip.reason for skip in self.skipped).items()))


@dataclass(frozen=True, slots=True)
class Generator:
    """A model and what it is asked. `prompts` is empty for generators that make no calls."""

    config: Config
    prompts: tuple[Prompt, ...] = ()

    @property
    def makes_calls(self) -> bool:
        return bool(self.prompts)

    @property
    def model(self) -> str:
        """The model as its endpoint calls it, "" for a rule."""
        return self._named.name if self.makes_calls else ""

    @property
    def endpoint(self) -> Endpoint:
        """Where its calls go, if it makes any."""
        return Endpoint.of(self._named.provider, self.config.llm)

    @property
    def facts(self) -> dict[str, Any]:
        """What decides which rows come out, for config.yaml: a change needs `--update`."""
        config = self.config
        facts: dict[str, Any] = {
            "model": config.model,
            "per_chunk": config.generation.per_chunk,
            "seed": config.seed,
            "sources": config.sources.model_dump(mode="json"),
            "splits": config.splits.model_dump(mode="json"),
            "chunking": config.chunking.model_dump(mode="json"),
        }
        if self.makes_calls:
            facts["prompts"] = {prompt.name: prompt.digest for prompt in self.prompts}
            facts["sampling"] = config.llm.sampling
            facts["endpoint"] = self.endpoint.id
        return facts

    @property
    def shots(self) -> list[str]:
        """Every text shown as a shot."""
        return [text for prompt in self.prompts for shot in prompt.shots for text in (shot.query, shot.document)]

    @property
    def lowers_thresholds(self) -> bool:
        """Whether a filter may lower its threshold when too few rows pass."""
        return True

    @property
    def notes(self) -> list[str]:
        """What a reader of the rows has to know of their origin."""
        return [] if self.makes_calls else [f"No LLM wrote these rows: the generator is {self.config.model}."]

    @property
    def imported(self) -> dict[str, Any] | None:
        """The facts of the file that rows were imported from; None for rows that were generated."""
        return None

    def origin(self, triple: Triple) -> str:
        """Who wrote the query of a row: `llm`, `rule`, or `imported` where that is not known."""
        return "llm" if self.makes_calls else "rule"

    def asked(self, chunks: Sequence[Chunk]) -> list[Chunk]:
        """The chunks that give rows in this run: all that can, or a sample of `generation.limit`."""
        return sample(chunks, self.config.generation.limit, seed=self.config.seed)

    def requests(self, chunks: Iterable[Chunk]) -> Iterator[Request]:
        """What is asked about these chunks, prompt by prompt."""
        return chain.from_iterable(step.requests(chunks) for step in self.steps())

    def outcomes(self, chunks: Iterable[Chunk], store: CallStore | None) -> Outcomes:
        """What became of these requests."""
        return outcomes(self.requests(chunks), store)

    def steps(self) -> list[Prompted]:
        """One paid step for each prompt."""
        if not self.makes_calls:
            return []
        model, endpoint, per_chunk = self._named, self.endpoint, self.config.generation.per_chunk
        return [Prompted(model, prompt, endpoint, per_chunk=per_chunk) for prompt in self.prompts]

    async def agenerate(
        self,
        chunks: Iterable[Chunk],
        store: CallStore,
        on_event: OnEvent | None = None,
        *,
        wanted: Wanted = to_ask,
        session: Session | None = None,
    ) -> None:
        """Make the calls that are not in `store` yet, or those that `wanted` names. Raises what `llm.fill.fill` raises.

        `chunks` is iterated several times: pass a list, or something that reads anew each time.
        """
        endpoint, steps = self.endpoint, self.steps()
        endpoint.check(self.model)
        self._check_batches(chunks, store)
        session = session or Session.of(endpoint, {self.model})
        overall = _Overall(on_event, total=len(steps) * sum(1 for chunk in chunks if chunk.split))
        for block in self._blocks(chunks):
            for step in steps:
                await fill(
                    step.requests(block),
                    store,
                    endpoint,
                    session=session,
                    check=step.check,
                    wanted=wanted,
                    stage=step.stage,
                    on_event=overall,
                )
                overall.next_fill()

    @property
    def _named(self) -> ModelName:
        model = named_model(self.config.model)
        if model is None:
            raise ValueError(f"{self.config.model} makes no calls")
        return model

    def _check_batches(self, chunks: Iterable[Chunk], store: CallStore) -> None:
        """Raises RunFolderError when a batch holds calls of these chunks: they would be paid for twice."""
        if not open_batches(store):
            return
        if waiting := self.outcomes(chunks, store).waiting:
            raise in_batches(waiting)

    def _blocks(self, chunks: Iterable[Chunk]) -> Iterator[Iterable[Chunk]]:
        """Everything at once; with the passage first, as many chunks as all prompts can be put to while they are cached."""
        if self.config.generation.layout == "passage_last":
            yield chunks
            return
        stream, size = iter(chunks), _BLOCK_CALLS * self.config.llm.concurrency
        while block := list(islice(stream, size)):
            yield block

    def candidates(
        self, chunks: Sequence[Chunk], store: CallStore | None = None, on_event: OnEvent | None = None
    ) -> Candidates:
        """The rows of a run over `chunks`; a chunk that is not in its sample is skipped."""
        asked = self.asked(chunks)
        drawn = {chunk.id for chunk in asked}
        left = [Skipped(c.document_id, "generate", "not_sampled", c.id) for c in chunks if c.split and c.id not in drawn]
        found = self.rows(asked, store, on_event)
        return replace(found, skipped=[*found.skipped, *left])

    def rows(self, chunks: Sequence[Chunk], store: CallStore | None = None, on_event: OnEvent | None = None) -> Candidates:
        """Rows of `chunks`, in their order. With prompts, from the answers in `store`; makes no call."""
        produced = unique_ids(self._asked(chunks, store) if self.makes_calls else self._ruled(chunks))
        triples: list[Triple] = []
        skipped: list[Skipped] = []
        for row in produced:
            if isinstance(row, Skipped):
                skipped.append(row)
            else:
                triples.append(row)
            if on_event:
                on_event(Event("candidates", len(triples)))
        behind = self.outcomes(chunks, store)  # whenever they were made: a resumed run reports what an uninterrupted one does
        return Candidates(triples, skipped, behind.ok, behind.failed, behind.usage)

    def _ruled(self, chunks: Sequence[Chunk]) -> Iterator[Triple | Skipped]:
        name, rule = self.config.model, _rule(self.config)
        if name in GENERATORS:
            yield from rule(chunks)
            return
        with _RULE.explained(name):
            found = rule(chunks)
            if not isinstance(found, Iterable):
                raise _RULE.broken(name, f"returned {type(found).__name__}")
            for row in found:
                if not isinstance(row, Triple | Skipped):
                    raise _RULE.broken(name, f"yielded {type(row).__name__}")
                yield row

    def _asked(self, chunks: Sequence[Chunk], store: CallStore | None) -> Iterator[Triple | Skipped]:
        answers: Answers = {} if store is None else store
        return chain.from_iterable(step.apply(chunks, answers) for step in self.steps())


def make_generator(config: Config) -> Generator:
    """The generator that `config` names. Raises UnknownNameError for the model or a prompt, InputError for bad shots.

    Its own `config` is what a run keeps: the endpoint and the store as they are found from here, so that a later command
    finds them from another folder and with another environment.
    """
    if config.model == IMPORT:
        raise ConfigError(
            "`import` is not a model: the rows of such a run come from a file. `synthgen import FILE DOCS RUN` brings rows in; "
            f"to make new ones in their place, name a model: --model extractive, or {' or '.join(known_forms())}."
        )
    model = named_model(config.model)
    if model is None:
        _rule(config)
        return Generator(config)
    generation = config.generation
    prompts = (
        load_prompt(name, shots=generation.shots, max_shots=generation.max_shots, layout=generation.layout)
        for name in generation.prompt
    )
    endpoint = Endpoint.of(model.provider, config.llm)
    found = {
        "base_url": endpoint.url,
        "api_key_env": endpoint.key_env,
        "store": config.llm.store and str(Path(config.llm.store).resolve()),
    }
    return Generator(config.model_copy(update={"llm": config.llm.model_copy(update=found)}), tuple(prompts))


def _rule(config: Config) -> Callable[[Sequence[Chunk]], Any]:
    """The rule that `config` names, with its options. Raises UnknownNameError, and ConfigError for what cannot be a rule."""
    try:
        function = resolve("model", config.model, GENERATORS)
    except UnknownNameError as error:
        forms = (*GENERATORS, *known_forms(), "module:attribute")
        raise UnknownNameError("model", config.model, forms, hint=error.hint) from None
    if is_provider(function):
        raise ConfigError(f"{config.model} is a provider: write {config.model}/NAME, where NAME is the model to ask.")
    options = {"per_chunk": config.generation.per_chunk, "seed": config.seed}
    _RULE.check_signature(config.model, function)
    _RULE.check_call(config.model, function, (), **options)
    return partial(function, **options)


def sample(chunks: Sequence[Chunk], limit: int | None, *, seed: int) -> list[Chunk]:
    """At most `limit` chunks that can give rows: every split in proportion, as many documents as possible.

    A larger limit contains the smaller one's chunks up to rounding, so its calls are reused.
    """
    usable = [chunk for chunk in chunks if chunk.split]
    if limit is None or limit >= len(usable):
        return usable
    drawn = sorted(usable, key=lambda chunk: digest([seed, chunk.sha256]))
    turn: Counter[str] = Counter()
    ranked: dict[str, list[tuple[int, Chunk]]] = {}
    for chunk in drawn:
        ranked.setdefault(chunk.split, []).append((turn[chunk.document_id], chunk))
        turn[chunk.document_id] += 1
    chosen: set[str] = set()
    for place, (_, members) in enumerate(sorted(ranked.items())):
        before = sum(len(ranked[split]) for split in sorted(ranked)[:place])
        share = (before + len(members)) * limit // len(usable) - before * limit // len(usable)
        chosen.update(chunk.id for _, chunk in sorted(members, key=lambda member: member[0])[:share])
    return [chunk for chunk in usable if chunk.id in chosen]


@dataclass(frozen=True, slots=True)
class StoredChunks:
    """The chunks of a run folder, read anew each time they are gone through."""

    folder: RunFolder

    def __iter__(self) -> Iterator[Chunk]:
        return self.folder.read("chunks")


class _Overall:
    """Progress of several fills as that of one."""

    def __init__(self, on_event: OnEvent | None, *, total: int) -> None:
        self._on_event = on_event
        self._total = total
        self._before, self._now = (0, Meter()), (0, Meter())

    def __call__(self, event: Event) -> None:
        done, meter = self._before
        self._now = (done + event.done, (event.meter or Meter()).after(meter))
        if self._on_event is not None:
            self._on_event(replace(event, done=self._now[0], total=self._total, meter=self._now[1]))

    def next_fill(self) -> None:
        self._before = self._now
