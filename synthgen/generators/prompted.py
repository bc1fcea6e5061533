"""Candidate triples written by a model: the first paid step.

Each chunk gives one request for several items, and each usable item gives one row. Nothing is lost: a call that failed,
an answer that cannot be read and a malformed item become `Skipped` rows with their reason, and the raw text stays in
the call store. `apply` reads the answers again, including those once stored as unusable, so a better parser costs no
call.

An unusable answer may have led to a second call (`llm.reask`). The rows of a chunk come from one of the two, the first
complete one; their `request_key` identifies it. The quote of an item goes into the metadata, where the filter
`grounding` locates it. So does `language: any` where the prompt asks for another language than the passage's, for the
filter `language`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from synthgen.generators import unique_ids
from synthgen.llm import Answers
from synthgen.llm.call_store import Call
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.model_name import ModelName
from synthgen.llm.reask import calls_of
from synthgen.llm.structured_output import Answer, read_answer, strict_schema
from synthgen.prompting.templates import Prompt, instructions, messages
from synthgen.records import Chunk, Completion, Request, Skipped, Triple, make_request, make_triple

__all__ = ["Prompted"]

_COLUMNS = ("query", "answer", "reasoning")  # fields of an item that are columns of a row; the others are its metadata
_TOKENS_PER_ITEM = 120  # a query, an answer of a sentence or two, a quote, and the JSON around them
_TOKENS_PER_ANSWER = 15


class Prompted:
    """One prompt, sent to one model for every chunk (an `llm.Step` from chunks to triples).

    `per_chunk` is the number of items asked for in one call.
    """

    stage = "generate"

    def __init__(self, model: ModelName, prompt: Prompt, endpoint: Endpoint, *, per_chunk: int = 3) -> None:
        self._model = model
        self._prompt = prompt
        self._per_chunk = per_chunk
        self._endpoint = endpoint.id
        self._instructions = instructions(prompt, per_chunk)
        # Providers put the schema before the messages. Without meanings it is the same for all prompts with these fields.
        bare = prompt.layout == "passage_first"
        self._schema = strict_schema(dict.fromkeys(prompt.fields, "") if bare else prompt.fields)
        self._sampling = endpoint.settings.sampling

    @property
    def output_tokens(self) -> int:
        return _TOKENS_PER_ANSWER + self._per_chunk * _TOKENS_PER_ITEM

    def requests(self, chunks: Iterable[Chunk]) -> Iterator[Request]:
        """Yield a request for each chunk that has a split.

        One whose copies lie in different splits has none and gives no rows.
        """
        return (self._request(chunk) for chunk in chunks if chunk.split)

    def check(self, completion: Completion) -> tuple[str, str]:
        answer = self._read(completion)
        return answer.reason, answer.detail

    def apply(self, chunks: Iterable[Chunk], answers: Answers) -> Iterator[Triple | Skipped]:
        """Yield rows in the order of the chunks; within a chunk, in the order in which the model wrote them."""
        return unique_ids(row for chunk in chunks if chunk.split for row in self._rows(chunk, answers))

    def _request(self, chunk: Chunk) -> Request:
        texts, static = messages(self._prompt, chunk, self._instructions)
        return make_request(
            self._model.name, self._endpoint, texts, schema=self._schema, sampling=self._sampling, static=static
        )

    def _read(self, completion: Completion, passage: str = "") -> Answer:
        return read_answer(completion, self._prompt.fields, self._per_chunk, passage)

    def _best(self, calls: Sequence[Call], passage: str) -> tuple[Call, Answer]:
        """Return the first call whose list is complete, else the one with most items, else the last."""
        read = [(call, self._read(call.completion, passage)) for call in calls]
        for call, answer in read:
            if answer.items and not answer.truncated:
                return call, answer
        most = max(read, key=lambda one: len(one[1].items))
        return most if most[1].items else read[-1]

    def _rows(self, chunk: Chunk, answers: Answers) -> Iterator[Triple | Skipped]:
        calls = list(calls_of(self._request(chunk), answers))
        if not calls:
            yield _skipped(chunk, "not_called")
            return
        call, answer = self._best(calls, chunk.text)
        if not answer.items:
            # Without a text the call itself failed, and its own reason is more informative.
            failed_itself = call.status == "failed" and not call.completion.text
            yield _skipped(chunk, *((call.reason, call.detail) if failed_itself else (answer.reason, answer.detail)))
        for item in answer.items:
            metadata: dict[str, Any] = {name: text for name, text in item.items() if name not in _COLUMNS}
            metadata |= {mark: True for mark in ("repaired", "truncated") if getattr(answer, mark)}
            metadata |= {} if self._prompt.in_passage_language else {"language": "any"}
            yield make_triple(
                chunk,
                item["query"],
                item.get("answer"),
                reasoning=item.get("reasoning"),
                kind=self._prompt.kind,
                generator=str(self._model),
                request_key=call.key,
                prompt_digest=self._prompt.digest,
                metadata=metadata,
            )
        for reason, detail in answer.problems if answer.items else ():
            yield _skipped(chunk, reason, detail)


def _skipped(chunk: Chunk, reason: str, detail: str = "") -> Skipped:
    return Skipped(path=chunk.document_id, stage="generate", reason=reason, chunk_id=chunk.id, detail=detail)
