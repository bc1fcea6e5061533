"""The peer of the engine: a loop over the SDK that retries each call as it is told. It knows no limits, budgets or stores."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from engine_setup import chunks, prompted

from synthgen.llm.endpoint import Endpoint
from synthgen.llm.providers.openai import load_format
from synthgen.llm.providers.response import parse_completion
from synthgen.records import Request

__all__ = ["bodies", "retried", "told_s"]

_FIRST_S, _LONGEST_S = 0.5, 8.0  # the SDK's own pauses between retries
_LATER = (408, 409, 429)  # and what is above 499: the statuses that the SDK tries again


def bodies(endpoint: Endpoint, calls: int) -> list[tuple[Request, dict[str, Any]]]:
    """The requests of the packaged prompt, and their bodies as the engine sends them."""
    requests = prompted(endpoint).requests(list(chunks(calls)))
    return [(request, load_format(endpoint, request.model).body(request)) for request in requests]


async def retried(endpoint: Endpoint, calls: int, *, at_most_s: float) -> dict[str, float]:
    """Ask everything that `filled` asks, `concurrency` at a time, and each call until it is answered.

    A call that waits for its next attempt leaves its place to others. `rows` are the answers that can be used.
    """
    import httpx2
    import openai

    concurrency, check = endpoint.settings.concurrency, prompted(endpoint).check
    limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=1000)
    room, asked = asyncio.Semaphore(concurrency), bodies(endpoint, calls)
    answered = rows = attempts = 0

    async def one(client: openai.AsyncOpenAI, request: Request, body: dict[str, Any]) -> None:
        nonlocal answered, rows, attempts
        for attempt in range(10_000):
            async with room:
                attempts += 1
                try:
                    answer = await client.chat.completions.with_raw_response.create(**body)
                except openai.APIStatusError as error:
                    if error.status_code < 500 and error.status_code not in _LATER:
                        raise
                    wait_s = told_s(error.response.headers)
                except openai.APIConnectionError:  # a timeout is one, too
                    wait_s = None
                else:
                    answered += 1
                    rows += check(parse_completion(request, answer.content))[0] == ""
                    return
            await asyncio.sleep(_own_pause_s(attempt) if wait_s is None else wait_s)

    async with openai.AsyncOpenAI(
        api_key="k",
        base_url=endpoint.url,
        max_retries=0,
        timeout=endpoint.settings.timeout_s,
        http_client=openai.DefaultAioHttpClient(limits=limits),
    ) as client:
        began = time.perf_counter()
        tasks = [asyncio.create_task(one(client, request, body)) for request, body in asked]
        _, late = await asyncio.wait(tasks, timeout=at_most_s)
        wall_s = time.perf_counter() - began
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    for task in set(tasks) - late:
        task.result()
    return {"wall_s": round(wall_s, 2), "answered": answered, "rows": rows, "attempts": attempts}


def told_s(headers: Mapping[str, str]) -> float | None:
    """The seconds to wait that a refusal names, as a number or as a date; None where it names none."""
    told = headers.get("retry-after")
    if told is None:
        return None
    try:
        return max(0.0, float(told))
    except ValueError:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())


def _own_pause_s(attempt: int) -> float:
    return min(_LONGEST_S, _FIRST_S * 2**attempt) * (1 - 0.25 * random.random())
