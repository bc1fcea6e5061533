"""One limiter for all calls to an endpoint: decides when the next request may be sent.

Limits per minute on requests and on tokens are known from the settings or from the headers of answers, and are kept
(`quota`). Everything else is learned from rejections: when to try again (`backoff`), and at what rate (`adaptive`).

A request is booked when it is admitted, with an estimate of its tokens: the characters of its prompt times the tokens
per character seen so far, and a moving average of the output. (The output limit would strangle the throughput, the
prompt alone would overshoot, and a tokenizer would cost more than the call.) The actual usage replaces the estimate
when the answer arrives. A request that is never settled stays booked as it is, and leaves the book with its minute.

The path of a 429: `failure` reads how long the server asks to wait, and `executor` releases the reserved money and
counts no attempt. `turned_away` books the request without tokens, reads the headers for limits, and reports it to the
backoff, which shuts for all calls if nothing is accepted any more, and to the adaptive rate, which may fall. The call
itself waits as long as the server asks for, leaves its place to others meanwhile, and queues again for `reserve`, at
most fifty times.

The limiter is synchronous, without tasks and without sleeping. Callers ask in order of arrival, and the first asks
again after the returned time. Asking, booking and settling take about 10 µs together.

Not covered: several processes with one key, except through the server's headers; input that is not text.
"""

from __future__ import annotations

import itertools
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
_MARGIN = 1.03  # of an estimate: staying a little under the limit costs less than a rejection
_SHORTEST_WAIT_S = 0.001  # a shorter wait is below the resolution of clocks
_LISTEN_EVERY_S = 0.05
_LONG_SHUT_S = 35.0
_RECENT, _RECENT_S, _SHORTEST_SPAN_S = 64, 5.0, 0.5


@dataclass(slots=True, eq=False)
class Grant:
    """Permission to send one request, and its entry in the book. `tokens` are as reserved, then as used.

    `booked` is what the book held of requests and of tokens, this one included. `taken` is None until it is known
    whether the server accepted the request. `told_s` is the wait that the server asked for when it did not.
    """

    number: int
    key: str
    at: float
    chars: int
    tokens: float
    booked: tuple[float, float]
    fast: bool | None
    requests: float = 1.0
    taken: bool | None = None
    told_s: float = 0.0


class Limiter:
    """The limiter of an endpoint. `read_limit` reads the headers of answers; `clock` returns seconds."""

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
        self._refused = self._refused_in_book = 0
        self._unjudged: deque[Grant] = deque()
        self._refusal_s = 0.0  # how long a refusal takes to come back
        self._heard = 0  # number of the last grant whose answer was read for limits
        self._listen_at = -math.inf
        self._first_at = -math.inf  # of the first request

    def reserve(self, request: Request) -> Grant | float:
        """Return permission to send `request` now, or the seconds after which to ask again."""
        now = self._clock()
        self._forget(now)
        self._count(now)
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
        """Record a request that was not rejected. Without `usage`, as after a timeout, it stays booked as reserved.

        The names of `headers` are in lower case, or the mapping ignores case.
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
        """Record a request that the server rejected as one too many (429, 503). It counts as a request without tokens.

        `wait_s` is the wait that the server asked for, None when it did not ask for one.
        """
        now = self._clock()
        overdue = grant.taken is True
        if self._backoff.shut:
            self._adaptive.refused_late(grant.number)
        self._refused += 1
        grant.taken, grant.told_s = False, wait_s or 0.0
        self._refused_in_book += self._in_book(grant)
        self._give_back(grant, headers)
        self._rebook(grant, 0.0)
        self._refusal_s = max(0.97 * self._refusal_s, now - grant.at)
        weather = self._adaptive.weather.at_worst
        if self._backoff.refused(grant.number, self._last, now, key=grant.key, told_s=grant.told_s, weather=weather):
            self._count(now)
            self._adaptive.shut(grant.number, self._last, now)
        self._judge(now)
        if overdue:
            self._learn_from_refusal(grant, now)
        self._listen(grant, headers, now)

    @property
    def waiting(self) -> str:
        """Why the last request asked for was not admitted, for people; "" if it was."""
        return self._held_by.reason(self._clock()) if self._held_by else ""

    @property
    def findings(self) -> str:
        """What was found out about the server since the first request, for people; "" where nothing was rejected."""
        if not self._refused:
            return ""
        now, learned = self._clock(), self._adaptive
        binds = self.rate_per_minute == 60 * learned.per_s
        known = " and ".join(filter(None, (quota.findings(now) for quota in (self._requests, self._tokens))))
        found = f"the known limit is {known}" if known and not binds else learned.findings
        return f"{self._refused:,} of {self._last:,} requests rejected, {found}"

    @property
    def rate_per_minute(self) -> float | None:
        """Requests per minute that may be sent, with their tokens taken into account; None when no limit is known."""
        now = self._clock()
        per_request = self._tokens.used / self._requests.used if self._tokens.used > 0 else 1.0
        rate = min(self._requests.per_minute(now), self._tokens.per_minute(now) / per_request, 60 * self._adaptive.per_s)
        return None if rate == math.inf else max(0.0, rate)

    def _grant(self, key: str, now: float, chars: int, tokens: float) -> Grant:
        if not self._last:
            self._first_at = now
        self._last += 1
        self._requests.take(now, 1.0)
        self._tokens.take(now, tokens)
        self._backoff.sent(now + self._surely_s)
        fast = self._adaptive.sent(now)
        grant = Grant(self._last, key, now, chars, tokens, (self._requests.used, self._tokens.used), fast)
        self._book.append(grant)
        self._unjudged.append(grant)
        return grant

    def _forget(self, now: float) -> None:
        book = self._book
        while book and book[0].at <= now - WINDOW_S:
            old = book.popleft()
            self._requests.used -= old.requests
            self._tokens.used -= old.tokens
            self._refused_in_book -= old.taken is False
        if not book:
            self._tokens.used = 0.0  # without a rounding error

    def _in_book(self, grant: Grant) -> bool:
        return bool(self._book) and grant.number >= self._book[0].number

    def _rebook(self, grant: Grant, tokens: float) -> None:
        if self._in_book(grant):
            self._tokens.used += tokens - grant.tokens
        grant.tokens = tokens

    def _count(self, now: float) -> None:
        """Count the requests of the last minute for the adaptive rate."""
        sent = len(self._book)
        oldest_at = self._book[0].at if self._book else now
        self._adaptive.minute.update(
            now, accepted=sent - self._refused_in_book, sent=sent, oldest_at=oldest_at, first_at=self._first_at
        )

    def _sent_per_s(self, now: float) -> float:
        """Return the rate of the last five seconds or of the last 64 requests, whichever is larger."""
        in_time = sum(1 for _ in itertools.takewhile(lambda grant: grant.at > now - _RECENT_S, reversed(self._book)))
        few = list(itertools.islice(reversed(self._book), _RECENT))
        span_s = max(_SHORTEST_SPAN_S, now - few[-1].at) if few else _RECENT_S
        return max(in_time / min(_RECENT_S, max(_SHORTEST_SPAN_S, now - self._first_at)), len(few) / span_s)

    def _give_back(self, grant: Grant, headers: Mapping[str, str]) -> None:
        """Free the place of a rejected request, where the server states its limits and there is room in them.

        Otherwise it keeps its place in the even flow, or the next one would be tried at once.
        """
        readings = (self._read_limit(headers, "requests"), self._read_limit(headers, "tokens"))
        if any(reading is not None and reading.remaining is not None and reading.remaining < 1 for reading in readings):
            return
        if self._requests.stated and self._in_book(grant):
            self._requests.used -= grant.requests
            self._requests.pace.ahead -= grant.requests
            grant.requests = 0.0
        if self._tokens.stated:
            self._tokens.pace.ahead -= grant.tokens

    @property
    def _surely_s(self) -> float:
        """Seconds after which a request without a rejection counts as accepted: refusals come at once, answers take longer."""
        return 3 * self._refusal_s + 0.25

    def _judge(self, now: float) -> None:
        """Learn which requests were accepted, in the order in which they were sent."""
        self._count(now)
        unjudged, surely_before = self._unjudged, now - self._surely_s
        while unjudged and (unjudged[0].taken is not None or unjudged[0].at < surely_before):
            grant = unjudged.popleft()
            if grant.taken is False:
                self._learn_from_refusal(grant, now)
            else:
                self._took(grant, now)
                self._adaptive.taken(grant.number, self._last, now, fast=grant.fast)

    def _took(self, grant: Grant, now: float) -> None:
        grant.taken = True
        shut_s = self._backoff.taken(grant.number, now)
        if shut_s is not None:
            self._count(now)
            self._adaptive.reopen(now, long=shut_s > _LONG_SHUT_S)

    def _learn_from_refusal(self, grant: Grant, now: float) -> None:
        if not self._backoff.shut:
            self._adaptive.refused(grant.number, self._last, now, lambda: self._sent_per_s(now), fast=grant.fast)

    def _listen(self, grant: Grant, headers: Mapping[str, str], now: float) -> None:
        """Read the limits of an answer. An answer older than one already read is ignored."""
        if grant.number < self._heard or now < self._listen_at:
            return
        self._heard, self._listen_at = grant.number, now + _LISTEN_EVERY_S
        if (reading := self._read_limit(headers, "requests")) is not None:
            self._requests.hear(reading, now, booked=grant.booked[0])
        if (reading := self._read_limit(headers, "tokens")) is not None:
            self._tokens.hear(reading, now, booked=grant.booked[1])


class _Sizes:
    """Expected tokens of a request, from those before it."""

    def __init__(self, max_output_tokens: int) -> None:
        self._max_output = max_output_tokens
        self._per_char = _FIRST_TOKENS_PER_CHAR
        self._output = _FIRST_OUTPUT
        self._weight = 1.0  # the first answer replaces the guesses above

    def expect(self, request: Request) -> tuple[int, float]:
        """Return the characters of the prompt, and the expected tokens of prompt and answer."""
        chars = sum(len(message["content"]) for message in request.messages)
        most = request.sampling.get("max_output_tokens", self._max_output)
        return chars, _MARGIN * (chars * self._per_char + min(self._output, most))

    def learn(self, chars: int, usage: Usage) -> None:
        if chars and usage.prompt > 0:
            self._per_char += self._weight * (usage.prompt / chars - self._per_char)
            self._output += self._weight * (usage.output - self._output)
            self._weight = _NEWEST
