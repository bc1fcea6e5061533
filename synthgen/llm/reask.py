"""The state of a request, and the second request that an unusable answer leads to.

Whether there is a second request, and its text, depend on the first request and its stored call alone. So it is a
request like any other: it has its own key, its answer is committed under that key, a kill between the two loses
nothing, and a batch, a live run and `apply` all find the same one. There is never a third.

    truncated     the same messages with four times the output limit
    malformed     the answer and what is wrong with it are added, and the model is asked once more

Not covered: repairing an answer with a smaller model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from synthgen.llm.batch.ledger import waiting_keys
from synthgen.records import Request, Usage, make_request

if TYPE_CHECKING:
    from synthgen.llm import Answers
    from synthgen.llm.call_store import Call, CallStore

__all__ = ["Outcomes", "RequestStatus", "calls_of", "failed_again", "follow_up", "outcomes", "standing", "stored", "to_ask"]

REASKED = frozenset({"malformed"})
_RAISE_LIMIT = 4
_MAX_SHOWN_CHARS = 4_000
_LOOKAHEAD = 500
_CORRECTION = "That answer cannot be used: {detail}. Write the answer again, as the JSON described above and nothing else."


@dataclass(frozen=True, slots=True)
class RequestStatus:
    """The state of a request: its stored `calls`, and what is still to be `sent`, unless that is `waiting` in a batch."""

    request: Request
    calls: tuple[Call, ...]
    sent: Request | None
    waiting: bool


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The results of `total` requests. `ok` and `failed` (by reason) were asked, the others never.

    `remaining` would be sent now: the others, and failures for a reason that may have passed, without those `waiting`
    in a batch. `usage` covers all of their calls, whenever they were made.
    """

    total: int = 0
    ok: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    remaining: int = 0
    waiting: int = 0
    usage: Usage = field(default_factory=Usage)

    def plus(self, other: Outcomes) -> Outcomes:
        failed = Counter(self.failed) + Counter(other.failed)
        return Outcomes(
            self.total + other.total,
            self.ok + other.ok,
            dict(sorted(failed.items())),
            self.remaining + other.remaining,
            self.waiting + other.waiting,
            self.usage.plus(other.usage),
        )


def follow_up(request: Request, call: Call) -> Request | None:
    """Return the request to make after `call`, the stored answer to `request`.

    None when the answer is good or cannot be corrected.
    """
    if call.reason == "truncated" and "max_output_tokens" in request.sampling:
        raised = {**request.sampling, "max_output_tokens": _RAISE_LIMIT * int(request.sampling["max_output_tokens"])}
        return _again(request, request.messages, raised)
    if call.reason in REASKED:
        correction = {"role": "user", "content": _CORRECTION.format(detail=call.detail or call.reason)}
        wrote = {"role": "assistant", "content": call.completion.text[:_MAX_SHOWN_CHARS] or "(nothing)"}
        return _again(request, (*request.messages, wrote, correction), dict(request.sampling))
    return None


def calls_of(request: Request, answers: Answers) -> Iterator[Call]:
    """Yield the stored calls of a request, at most two: its own, then that of its follow-up."""
    if (first := answers.get(request.key)) is not None:
        yield first
        follow = follow_up(request, first)
        if follow is not None and (second := answers.get(follow.key)) is not None:
            yield second


def to_ask(request: Request, answers: Answers) -> Request | None:
    """Return what is still to be sent for `request`: the request itself, its follow-up, or None."""
    first = answers.get(request.key)
    if first is None or first.ask_again:
        return request
    follow = follow_up(request, first)
    if follow is None:
        return None
    second = answers.get(follow.key)
    return follow if second is None or second.ask_again else None


def failed_again(request: Request, answers: Answers) -> Request | None:
    """Return what to send to repeat `request` if all of its calls failed, for any reason; None if it was never sent."""
    calls = list(calls_of(request, answers))
    if not calls or calls[-1].status == "ok":
        return None
    return follow_up(request, calls[0]) or request


def stored(requests: Iterable[Request], store: CallStore | None) -> dict[str, Call]:
    """Return the stored calls of requests and of their follow-ups, by key."""
    if store is None:
        return {}
    asked = {request.key: request for request in requests}
    calls = store.get_many(asked)
    follows = [follow for key, call in calls.items() if (follow := follow_up(asked[key], call)) is not None]
    return calls | store.get_many(follow.key for follow in follows)


def standing(requests: Iterable[Request], store: CallStore | None) -> Iterator[RequestStatus]:
    """Yield the state of each request. The store is read for many requests at a time."""
    stream = iter(requests)
    while batch := list(islice(stream, _LOOKAHEAD)):
        calls = stored(batch, store)
        sent = [to_ask(request, calls) for request in batch]
        waiting = waiting_keys(store, [one.key for one in sent if one]) if store else set()
        for request, one in zip(batch, sent, strict=True):
            yield RequestStatus(request, tuple(calls_of(request, calls)), one, one is not None and one.key in waiting)


def outcomes(requests: Iterable[Request], store: CallStore | None) -> Outcomes:
    """Return the results of `requests`, as far as they are in `store`."""
    total = ok = remaining = waiting = 0
    failed, usage = Counter[str](), Usage()
    for one in standing(requests, store):
        total += 1
        waiting += one.waiting
        remaining += one.sent is not None and not one.waiting
        for call in one.calls:
            usage = usage.plus(call.completion.usage)
        if one.calls:
            ok += one.calls[-1].status == "ok"
            failed[one.calls[-1].reason] += one.calls[-1].status == "failed"
    failures = {reason: n for reason, n in sorted(failed.items()) if n}
    return Outcomes(total, ok, failures, remaining, waiting, usage)


def _again(request: Request, messages: Iterable[object], sampling: dict[str, object]) -> Request:
    return make_request(
        request.model,
        request.endpoint,
        tuple(messages),  # type: ignore[arg-type]
        schema=request.schema,
        sampling=sampling,
        sample=request.sample,
        static=request.static,
    )
