"""One limiter for all calls to an endpoint: when may the next request be sent?

Limits per minute on requests and on tokens are known from the settings or from the headers of answers, and are kept
(`quota`). What is not known is learned from rejections: when to try again (`backoff`), and at what rate (`adaptive`).

A request is booked when it is let out, its tokens as an estimate: the characters of its prompt times the tokens per character
seen so far, and a moving average of the output. (The output limit instead would strangle the throughput, the prompt alone would
overshoot, and a tokenizer would cost more than the call.) When the answer is there, what was used takes the place of the
estimate. A request that is never settled stays booked as it is, and leaves the book with its minute.

The way of a 429: `failure` reads how long the server asks to wait, and `executor` gives back what was put aside and counts no
attempt. `turned_away` books the request without tokens, reads the headers for limits, and reports it to the backoff, which
may shut for all, and to the adaptive rate, which may fall. Then the call stands in line again for `reserve`, at most fifty times.

Synchronous, without tasks and without sleeping. Callers ask in the order of first come, first served, and the first asks again
after the time it is told. Asking, booking and settling take some 10 µs together.

Not covered: several processes with one key, other than by believing the server; input that is no text.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter

from synthgen.config.settings import LLM
from synthgen.llm.providers.base import ReadLimit
from synthgen.llm.rate_limit.adaptive import AdaptiveRate
from synthgen.llm.rate_limit.backoff import Backoff
from synthgen.llm.rate_limit.quota import WINDOW_S, Quota
from synthgen.records import Request, Usage

__all__ = ["Grant", "Limiter"]

_FIRST_TOKENS_PER_CHAR = 0.5  # English has a quarter, Chinese up to one
_FIRST_OUTPUT = 1_000.0
_NEWEST = 0.05  # weight of the latest answer in a moving average
_MARGIN = 1.03  # of an estimate: being a little under the limit costs less than being turned away
_SHORTEST_WAIT_S = 0.001  # of less no clock takes notice
_LISTEN_EVERY_S = 0.05


@dataclass(slots=True, eq=False)
class Grant:
    """Leave to send one request, and its entry in the book: `tokens` are as reserved, and as used once that is known.

    `booked` is what the book held of requests and of tokens, this one included. `taken` is None until it is known whether the
    server took the request; `told_s` is what the server asked to wait when it did not.
    """

    number: int
    key: str
    at: float
    chars: int
    tokens: float
    booked: tuple[float, float]
    taken: bool | None = None
    told_s: float = 0.0


class Limiter:
    """`read_limit` reads the headers of answers; `clock` gives seconds."""

    def __init__(self, settings: LLM, read_limit: ReadLimit, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._read_limit = read_limit
        self._sizes = _Sizes(settings.max_output_tokens)
        self._requests = Quota("requests", settings.rpm)
        self._tokens = Quota("tokens", settings.tpm)
        self._backoff = Backoff()
        self._adaptive = AdaptiveRate()
        self._held_by: Quota | Backoff | AdaptiveRate | None = None
        self._last = 0  # number of the last grant
        self._book: deque[Grant] = deque()  # of the last `WINDOW_S` seconds
        self._refused_in_book = 0
        self._unjudged: deque[Grant] = deque()
        self._refusal_s = 0.0  # how long a refusal takes to come back
        self._heard = 0  # number of the last grant whose answer was listened to
        self._listen_at = -math.inf

    def reserve(self, request: Request) -> Grant | float:
        """Leave to send `request` now, or the seconds after which to ask again."""
        now = self._clock()
        self._forget(now)
        if self._backoff.shut:
            self._judge(now)
        if self._held_by is self._backoff and self._backoff.wait_s(now) <= 0:
            self._adaptive.resume(now)
        chars, tokens = self._sizes.expect(request)
        oldest_at = self._book[0].at if self._book else now
        waits: list[tuple[float, Quota | Backoff | AdaptiveRate]] = [
            (self._requests.wait_s(now, 1.0, oldest_at), self._requests),
            (self._tokens.wait_s(now, tokens, oldest_at), self._tokens),
            (self._backoff.wait_s(now), self._backoff),
            (0.0 if self._backoff.shut else self._adaptive.wait_s(now), self._adaptive),
        ]
        wait_s, by = max(waits, key=itemgetter(0))
        self._held_by = by if wait_s > 0 else None
        return max(wait_s, _SHORTEST_WAIT_S) if wait_s > 0 else self._grant(request.key, now, chars, tokens)

    def settle(self, grant: Grant, usage: Usage | None, headers: Mapping[str, str]) -> None:
        """The request was not turned away. Without `usage`, as after a timeout, it stays booked as it was reserved.

        The names of `headers` are in lower case, or the mapping finds them in any case.
        """
        now = self._clock()
        if usage is not None:
            self._tokens.pace.ahead += usage.prompt + usage.output - grant.tokens
            self._rebook(grant, usage.prompt + usage.output)
            self._sizes.learn(grant.chars, usage)
        self._took(grant, now)
        self._judge(now)
        self._listen(grant, headers, now)

    def turned_away(self, grant: Grant, wait_s: float | None, headers: Mapping[str, str]) -> None:
        """The server was asked too much (429, 503). The request counts as one, but without tokens.

        `wait_s` is what the server asked to wait, None when it did not say.
        """
        now = self._clock()
        overdue = grant.taken is True
        grant.taken, grant.told_s = False, wait_s or 0.0
        self._refused_in_book += self._in_book(grant)
        self._rebook(grant, 0.0)  # but it keeps its place in the even flow, else the next would be tried at once
        self._refusal_s = max(0.9 * self._refusal_s, now - grant.at)
        if self._backoff.refused(grant.number, self._last, now, key=grant.key, told_s=grant.told_s):
            self._adaptive.change(grant.number, self._last, now, self._taken_per_s, floor_per_s=self._taken_per_s)
        self._judge(now)
        if overdue:
            self._learn_from_refusal(grant, now)
        self._listen(grant, headers, now)

    @property
    def waiting(self) -> str:
        """Why the last request asked for was not let out, for people; "" if it was."""
        return self._held_by.reason(self._clock()) if self._held_by else ""

    @property
    def rate_per_minute(self) -> float | None:
        """Requests per minute that may be sent, their tokens taken into account; None when no limit is known."""
        now = self._clock()
        per_request = self._tokens.used / self._requests.used if self._tokens.used > 0 else 1.0
        rate = min(self._requests.per_minute(now), self._tokens.per_minute(now) / per_request, 60 * self._adaptive.per_s)
        return None if rate == math.inf else max(0.0, rate)

    def _grant(self, key: str, now: float, chars: int, tokens: float) -> Grant:
        self._last += 1
        self._requests.take(now, 1.0)
        self._tokens.take(now, tokens)
        self._backoff.sent(now + self._surely_s)
        self._adaptive.sent()
        grant = Grant(self._last, key, now, chars, tokens, (self._requests.used, self._tokens.used))
        self._book.append(grant)
        self._unjudged.append(grant)
        return grant

    def _forget(self, now: float) -> None:
        book = self._book
        while book and book[0].at <= now - WINDOW_S:
            old = book.popleft()
            self._requests.used -= 1
            self._tokens.used -= old.tokens
            self._refused_in_book -= old.taken is False
        if not book:
            self._tokens.used = 0.0  # and no crumb of a rounding error

    def _in_book(self, grant: Grant) -> bool:
        return bool(self._book) and grant.number >= self._book[0].number

    def _rebook(self, grant: Grant, tokens: float) -> None:
        if self._in_book(grant):
            self._tokens.used += tokens - grant.tokens
        grant.tokens = tokens

    @property
    def _taken_per_s(self) -> float:
        return max(1, len(self._book) - self._refused_in_book) / WINDOW_S

    @property
    def _surely_s(self) -> float:
        """What was not turned away by then was taken: refusals come at once, while answers take their time."""
        return 3 * self._refusal_s + 0.25

    def _judge(self, now: float) -> None:
        """Learn what became of the requests, in the order in which they were sent."""
        unjudged, surely_before = self._unjudged, now - self._surely_s
        while unjudged and (unjudged[0].taken is not None or unjudged[0].at < surely_before):
            grant = unjudged.popleft()
            if grant.taken is False:
                self._learn_from_refusal(grant, now)
            else:
                self._took(grant, now)
                self._adaptive.taken(grant.number, now, self._taken_per_s)

    def _took(self, grant: Grant, now: float) -> None:
        grant.taken = True
        if self._backoff.taken(grant.number, now):
            self._adaptive.hold(now)

    def _learn_from_refusal(self, grant: Grant, now: float) -> None:
        self._adaptive.refused(grant.number, self._last, now, self._taken_per_s, told_s=grant.told_s, shut=self._backoff.shut)

    def _listen(self, grant: Grant, headers: Mapping[str, str], now: float) -> None:
        """An answer that was overtaken knows less than the one before it."""
        if grant.number < self._heard or now < self._listen_at:
            return
        self._heard, self._listen_at = grant.number, now + _LISTEN_EVERY_S
        if (reading := self._read_limit(headers, "requests")) is not None:
            self._requests.hear(reading, now, booked=grant.booked[0])
        if (reading := self._read_limit(headers, "tokens")) is not None:
            self._tokens.hear(reading, now, booked=grant.booked[1])


class _Sizes:
    """How many tokens a request will use, by those before it."""

    def __init__(self, max_output_tokens: int) -> None:
        self._max_output = max_output_tokens
        self._per_char = _FIRST_TOKENS_PER_CHAR
        self._output = _FIRST_OUTPUT
        self._weight = 1.0  # the first answer replaces the guesses above

    def expect(self, request: Request) -> tuple[int, float]:
        """Characters of the prompt; tokens of prompt and answer."""
        chars = sum(len(message["content"]) for message in request.messages)
        most = request.sampling.get("max_output_tokens", self._max_output)
        return chars, _MARGIN * (chars * self._per_char + min(self._output, most))

    def learn(self, chars: int, usage: Usage) -> None:
        if chars and usage.prompt > 0:
            self._per_char += self._weight * (usage.prompt / chars - self._per_char)
            self._output += self._weight * (usage.output - self._output)
            self._weight = _NEWEST
