"""The second request that an unusable answer leads to.

Whether there is one, and what it says, follows from the first request and its stored call alone. So it is a request like any
other: it has a key of its own, its answer is committed under it, a kill between the two loses nothing, and a batch, a live run
and `apply` all find the same one. There is never a third.

    truncated     the same messages with four times the output limit
    malformed     the answer and what is wrong with it are added, and the model is asked once more

Not covered: mending an answer with a smaller model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from synthgen.records import Request, make_request

if TYPE_CHECKING:
    from synthgen.llm import Answers
    from synthgen.llm.calls import Call

__all__ = ["calls_of", "failed_again", "follow_up", "to_ask"]

REASKED = frozenset({"malformed"})
_RAISE_LIMIT = 4
_MAX_SHOWN_CHARS = 4_000
_CORRECTION = "That answer cannot be used: {detail}. Write the answer again, as the JSON described above and nothing else."


def follow_up(request: Request, call: Call) -> Request | None:
    """What is asked after `call`, the stored answer to `request`; None when that is good, or beyond mending."""
    if call.reason == "truncated" and "max_output_tokens" in request.sampling:
        raised = {**request.sampling, "max_output_tokens": _RAISE_LIMIT * int(request.sampling["max_output_tokens"])}
        return _again(request, request.messages, raised)
    if call.reason in REASKED:
        told = {"role": "user", "content": _CORRECTION.format(detail=call.detail or call.reason)}
        wrote = {"role": "assistant", "content": call.completion.text[:_MAX_SHOWN_CHARS] or "(nothing)"}
        return _again(request, (*request.messages, wrote, told), dict(request.sampling))
    return None


def calls_of(request: Request, answers: Answers) -> Iterator[Call]:
    """The stored calls of a request, at most two: its own, then its follow-up's."""
    if (first := answers.get(request.key)) is not None:
        yield first
        follow = follow_up(request, first)
        if follow is not None and (second := answers.get(follow.key)) is not None:
            yield second


def to_ask(request: Request, answers: Answers) -> Request | None:
    """What is still to be sent for `request`: itself, its follow-up, or nothing."""
    first = answers.get(request.key)
    if first is None or first.ask_again:
        return request
    follow = follow_up(request, first)
    if follow is None:
        return None
    second = answers.get(follow.key)
    return follow if second is None or second.ask_again else None


def failed_again(request: Request, answers: Answers) -> Request | None:
    """What to send to repeat `request` if all of its calls failed, for whatever reason; nothing if it was never sent."""
    calls = list(calls_of(request, answers))
    if not calls or calls[-1].status == "ok":
        return None
    return follow_up(request, calls[0]) or request


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
