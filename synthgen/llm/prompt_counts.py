"""Notices a server that cuts prompts: it counts clearly fewer prompt tokens than were sent, and always about as many.

Some servers drop what exceeds their context window and answer what is left, without an error. The answers are then of no use, and
look as if the model were. Tokenizers differ, so a count is short only below 0.6 of ours. A count that is short for another reason,
such as a cache that is left out, varies with the prompts; the size of a window does not, and nothing is counted beyond it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from synthgen.llm.costs.estimate import prompt_tokens
from synthgen.records import Request, Usage

__all__ = ["PromptCounts"]

_SHORT = 0.6  # of what was sent
_LEAST_MISSING_TOKENS = 200
_SAME = 0.01  # of a window, which servers fill up to a few tokens
_SAME_TOKENS = 4
_MOSTLY = 0.8  # of the short counts are the same
_ENOUGH = 3
_USUAL_WINDOWS = tuple(2**power for power in range(11, 18))  # one count of such a size is enough
_BYTES_PER_TOKEN = 5  # with fewer, nothing is missing; only prompts with more are worth a tokenizer
_LOOKED_AT_MOST = 50  # prompts, since a tokenizer costs more than a call

_log = logging.getLogger("synthgen")


class PromptCounts:
    """The prompt tokens that were sent and counted in one command. `finding` is what they show, "" for nothing."""

    def __init__(self) -> None:
        self.finding = ""
        self._looked = 0
        self._most = Counter[str]()  # that was counted, by model
        self._short: dict[str, list[tuple[int, int]]] = {}  # sent and counted, by model

    def observe(self, request: Request, usage: Usage) -> None:
        """Compare what was sent with what the server counted, and warn once per command."""
        if self.finding or usage.estimated or usage.prompt <= 0:
            return
        self._most[request.model] = max(self._most[request.model], usage.prompt)
        size = sum(len(message["content"].encode("utf-8", "replace")) for message in request.messages)
        if size < _BYTES_PER_TOKEN * usage.prompt or self._looked >= _LOOKED_AT_MOST:
            return
        self._looked += 1
        sent = prompt_tokens(request)
        if usage.prompt < _SHORT * sent and sent - usage.prompt >= _LEAST_MISSING_TOKENS:
            short = self._short.setdefault(request.model, [])
            short.append((sent, usage.prompt))
            self._conclude(short, self._most[request.model])

    def _conclude(self, short: Sequence[tuple[int, int]], window: int) -> None:
        counts = [counted for _, counted in short]
        same = sum(_is_about(count, window) for count in counts)
        usual = any(_is_about(window, size) for size in _USUAL_WINDOWS)
        if same >= _MOSTLY * len(counts) and (usual or len(counts) >= _ENOUGH):
            sent = max(sent for sent, _ in short)
            self.finding = f"the server cuts prompts: about {sent:,} tokens were sent, and it counted {window:,}"
            _log.warning(
                "The server cuts prompts: about %s tokens were sent, and it counted %s. Its context window is smaller than the prompt, so "
                "the model does not see all of it. Give the server a larger one (num_ctx, --ctx-size, --max-model-len), or send less "
                "(chunking.max_tokens, generation.max_shots).",
                f"{sent:,}",
                f"{window:,}",
            )


def _is_about(count: int, size: int) -> bool:
    return abs(count - size) <= max(_SAME_TOKENS, _SAME * size)
