"""A paid step as words: a few lines that are rewritten on a terminal, one line anywhere else, the same facts in both.

    generate  ━━━━━━━━━━━━━━━╸                 2,112/5,000  42 %  1 min 12 s left
      41.3 calls/s (39.8 on average), 64 in flight, 0 failed, 3 rate-limited, 200 from the store
      1,204,118 prompt tokens (71 % cached), 211,034 output tokens
      $0.42 so far, about $1.01 in total
      3 of 2,179 requests rejected, no limit seen
      all requests are rejected, next try in 12 s

What is projected assumes that the calls to come are like those that were made. An unknown price is said, never taken as zero.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from synthgen.records import Event, Meter, Usage
from synthgen.text.humanize import dollars_text, duration_text

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["CallRate", "StepView", "describe", "rate_text", "time_text", "tokens_text"]

_WINDOW_S = 20.0
_BAR_CELLS = 40
_LEAST_BAR_CELLS = 8


class CallRate:
    """Calls per second, recent ones: those of the last 20 s."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque([(0.0, 0)])

    def __call__(self, meter: Meter) -> float:
        self._seen.append((meter.elapsed_s, meter.finished))
        while self._seen[1][0] < meter.elapsed_s - _WINDOW_S:
            self._seen.popleft()
        since_s, before = self._seen[0]
        return _per(meter.finished - before, meter.elapsed_s - since_s)


@dataclass(frozen=True, slots=True)
class StepView:
    """What is shown of a step: how far it is (`share` is None where the total is unknown), and sentences on it."""

    stage: str
    share: float | None
    reached: str
    sentences: tuple[str, ...]
    notice: str

    @property
    def line(self) -> str:
        return "; ".join(part for part in (f"{self.stage:<12} {self.reached}", *self.sentences, self.notice) if part)

    def panel(self, width: int, *, last: bool = False) -> RenderableType:
        """For a terminal of `width` cells. Its height stays the same while calls are made, unless lines must be folded or a finding is new."""
        from rich.console import Group
        from rich.padding import Padding
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        stage, room = Text(self.stage, style="bold"), width - len(self.stage) - len(self.reached) - 6
        head: RenderableType = Text("  ").join([stage, Text(self.reached)])
        if self.share is not None and room >= _LEAST_BAR_CELLS:
            head = Table.grid(padding=(0, 2, 0, 0))
            head.add_row(stage, ProgressBar(total=1, completed=self.share, width=min(_BAR_CELLS, room)), self.reached)
        lines = [Text(sentence) for sentence in self.sentences]
        lines[0].highlight_regex(r"[1-9][\d,]* failed", "red")
        lines[0].highlight_regex(r"[1-9][\d,]* rate-limited", "yellow")
        if self.notice or not last:
            lines.append(Text(self.notice, style="yellow"))
        return Group(head, Padding(Group(*lines), (0, 0, 0, 2), expand=False))


def describe(event: Event, meter: Meter, recent_rate: float, left_s: float | None = None, *, last: bool = False) -> StepView:
    """The facts of a step; at its `last` event without what only matters while calls are made."""
    remaining = None if event.total is None else max(0, event.total - event.done)
    reached = f"{event.done:,}" if event.total is None else f"{event.done:,}/{event.total:,}"
    share = None
    if event.total:
        share = min(1.0, event.done / event.total)
        reached += f"  {100 * event.done // event.total} %"
    reached += "  " + time_text(event, meter.elapsed_s, None if last else left_s, last=last)
    sentences: tuple[str, ...] = (_calls(meter, recent_rate, last), tokens_text(meter.usage), _money(meter, remaining))
    if meter.findings:
        sentences += (meter.findings,)
    return StepView(event.stage, share, reached, sentences, "" if last else event.message or meter.waiting)


def time_text(event: Event, elapsed_s: float, left_s: float | None, *, last: bool = False) -> str:
    """Return the time left or, where it is not known or the stage has ended, the time that has passed."""
    if left_s is not None:
        return f"{duration_text(left_s)} left"
    unfinished = event.total is not None and event.done < event.total
    return duration_text(elapsed_s) + (" so far" if unfinished and not last else "")


def tokens_text(usage: Usage) -> str:
    """Prompt tokens with the share that came from the provider's cache, and output tokens."""
    about = "about " if usage.estimated else ""
    cached = f" ({100 * usage.cached / usage.prompt:.0f} % cached)" if usage.prompt else ""
    return f"{about}{usage.prompt:,} prompt tokens{cached}, {usage.output:,} output tokens"


def rate_text(per_second: float) -> str:
    return f"{per_second:,.1f}" if per_second >= 1 or not per_second else f"{per_second:.2g}"


def _calls(meter: Meter, recent_rate: float, last: bool) -> str:
    mean = rate_text(_per(meter.finished, meter.elapsed_s))
    parts = [f"{mean} calls/s"]
    if not last:
        parts = [f"{rate_text(recent_rate)} calls/s ({mean} on average)", f"{meter.in_flight:,} in flight"]
    parts += [f"{meter.failed:,} failed", f"{meter.rate_limited:,} rate-limited"]
    return ", ".join(parts + ([f"{meter.reused:,} from the store"] if meter.reused else []))


def _money(meter: Meter, remaining: int | None) -> str:
    if meter.dollars is None:
        return "price unknown"
    if not remaining or not meter.finished:
        return dollars_text(meter.dollars) + (" so far" if remaining != 0 else "")
    in_all = meter.dollars * (1 + remaining / meter.finished)
    return f"{dollars_text(meter.dollars)} so far, about {dollars_text(in_all)} in total"


def _per(calls: int, seconds: float) -> float:
    return calls / seconds if seconds > 0 else 0.0
