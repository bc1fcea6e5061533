"""How a fill ends before all of its requests are done, and the messages for it: what happened, what is saved, what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from synthgen.errors import ModelError, RunFolderError, StoppedEarly
from synthgen.llm.call_store import Call
from synthgen.llm.contract import provider_name
from synthgen.llm.endpoint import Endpoint
from synthgen.llm.failure import Failure

__all__ = [
    "Stop",
    "Stopping",
    "at_the_cap",
    "broken_contract",
    "hopeless",
    "in_batches",
    "out_of_patience",
    "reformed_too_often",
    "systematic",
]


class Stopping(Exception):
    """The fill is ending. The call that meets this is left for the next run."""


class Stop:
    """Whether a fill is ending, for all of its workers. The first reason counts.

    The reason is a function of the sentence about what is saved, which is only known when the last worker has ended.
    """

    def __init__(self) -> None:
        self.error: Callable[[str], Exception] | None = None
        self.room = asyncio.Event()  # set when something that workers wait for may be available
        self._event = asyncio.Event()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self, error: Callable[[str], Exception] | None = None) -> None:
        self.error = self.error or error
        self._event.set()
        self.room.set()

    def check(self) -> None:
        """Raise Stopping when the fill is ending."""
        if self:
            raise Stopping

    async def sleep(self, seconds: float) -> None:
        """Sleep. Raises Stopping when the fill ends meanwhile."""
        self.check()
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        raise Stopping

    async def wait_for_room(self) -> None:
        """Wait until a call was settled. Raises Stopping when the fill ends."""
        self.room.clear()
        await self.room.wait()
        self.check()


def at_the_cap(cap: str, saved: str) -> StoppedEarly:
    """Return the error for a cap that is reached.

    `cap` is the setting with what is used of it. `saved` says how many calls are stored, and where.
    """
    return StoppedEarly(f"Stopped at {cap}. {saved}, with the full cap again; or raise the cap.")


def out_of_patience(failure: Failure, seconds: float, endpoint: Endpoint, detail: str, saved: str) -> StoppedEarly:
    """Return the error for a server that let nothing through for so long that waiting on makes no sense."""
    if failure.reason == "rate_limited":
        what = f"let nothing through for {seconds:.0f} s ({detail}): a quota of the hour or the day may be used up"
    else:
        what = f"has not answered properly for {seconds:.0f} s (the last failure was {failure.reason}: {detail})"
    return StoppedEarly(f"{endpoint.url} {what}. {saved}; --patience SECONDS waits longer.")


def systematic(count: int, call: Call, endpoint: Endpoint, finding: str, saved: str) -> StoppedEarly:
    """Return the error for so many failed calls in a row that the settings or the model are wrong, not the passages.

    `finding` is what was found out about the prompts, "" for nothing.
    """
    hint = {
        "truncated": " Raise llm.max_output_tokens, or ask for less with generation.per_chunk.",
        "malformed": " The model does not write what the prompt asks for: read its answers in calls.sqlite, or use another one.",
    }.get(call.reason, "")
    if finding:
        hint = f" {finding[0].upper()}{finding[1:]}. Its context window is too small for them."
    detail = call.detail or call.completion.finish_reason
    return StoppedEarly(
        f"Stopped: {count} calls in a row to {endpoint.url} failed for good, the last one with {call.reason} ({detail}).{hint} "
        f"{saved}."
    )


def in_batches(calls: int) -> RunFolderError:
    """Return the error for calls that were left out because they wait in batches."""
    return RunFolderError(
        f"{calls:,} calls of this run wait in batches; to make them now would pay for them twice. "
        "Run `synthgen batch collect RUN` to store the answers of batches that have ended. "
        "A batch that you cancel at the provider ends too."
    )


def hopeless(failure: Failure, model: str, endpoint: Endpoint, detail: str) -> ModelError:
    """Return the error for a key, a model or an address that cannot work.

    `detail` is the server's message, without the key.
    """
    url = endpoint.url
    if failure.reason == "key":
        # Not `detail`: servers repeat part of the key there.
        return ModelError(
            f"{url} does not accept the key. Check the environment variable {endpoint.key_env} and what its key may use."
        )
    if failure.reason == "model":
        return ModelError(
            f"{url} has no model {model!r}, or there is nothing at that address ({detail}). Check --model and --base-url."
        )
    if failure.reason == "quota":
        return ModelError(
            f"The account at {url} has no quota left ({detail}). Add credit; the same command then continues where it stopped."
        )
    if failure.reason == "forbidden":
        return ModelError(
            f"{url} does not allow this ({detail}). The reason may be the key's project, the region or the network."
        )
    if failure.no_contact:
        return ModelError(
            f"Nothing answers at {url} ({detail}). Start the server, or give its address with --base-url, "
            f"such as {endpoint.provider.example_url}."
        )
    if failure.ends_after is not None:
        return ModelError(
            f"{url} sent {detail}. Check --base-url (an address such as {endpoint.provider.example_url}), and whether a sign-in page, a "
            "proxy or a setting for streaming stands between. Once it answers, the same command continues."
        )
    return ModelError(f"{url} does not take requests of this kind ({detail}). Check --base-url.")


def broken_contract(problem: str, endpoint: Endpoint) -> ModelError:
    """Return the error for a provider whose answers have another form than `providers.base` describes."""
    return ModelError(
        f"The provider {provider_name(endpoint.provider)} returned {problem}; it must return a ProviderResponse: the headers as a "
        "mapping, and a Completion with the request's key, a text, a finish_reason and the Usage. The module "
        "synthgen.llm.providers.base describes it."
    )


def reformed_too_often(times: int, model: str, endpoint: Endpoint, detail: str) -> ModelError:
    """Return the error for a provider that never finds a form of request that the endpoint accepts."""
    return ModelError(
        f"The provider {provider_name(endpoint.provider)} changed the form of one request to {model!r} {times} times, and "
        f"{endpoint.url} accepts none of them ({detail}). Check --model and --base-url, or the provider."
    )
