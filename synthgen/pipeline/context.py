"""What all stages of a command share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from synthgen.config.settings import Config
from synthgen.llm.fill import Wanted
from synthgen.llm.reask import to_ask
from synthgen.llm.session import Session
from synthgen.pipeline.generation import Generator
from synthgen.pipeline.run_folder import RunFolder
from synthgen.pipeline.stores import store_path
from synthgen.records import Event, OnEvent

__all__ = ["Clock", "RunContext"]


@dataclass
class Clock:
    """Seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = round(time.monotonic() - started, 3)


@dataclass(frozen=True, slots=True)
class RunContext:
    """A run folder, what generates its rows, and how calls may be made.

    `session` has the caps and the pace of the command; without one, no call is made. `wanted` selects the requests that are sent.
    """

    folder: RunFolder
    generator: Generator
    on_event: OnEvent | None = None
    session: Session | None = None
    wanted: Wanted = to_ask
    clock: Clock = field(default_factory=Clock)

    @property
    def config(self) -> Config:
        return self.generator.config

    @property
    def store(self) -> Path:
        """Where the answers of the run are kept."""
        return store_path(self.config, self.folder.calls)

    def progress(self, stage: str, done: int, total: int | None = None, message: str = "") -> None:
        """Report progress to whoever listens."""
        if self.on_event:
            self.on_event(Event(stage, done, total, message))
