"""A scriptable OpenAI-compatible server on this machine, for testing pipelines without a key or a network.

    from synthgen.testing import FakeOpenAI, mix

    with FakeOpenAI(script=mix({"rate_limit": 0.05, "malformed": 0.02})) as server:
        synthgen.run("docs/", "runs/test", model="openai/fake-model", settings={"llm": {"base_url": server.base_url}})

As a process: `python -m synthgen.testing --help`.
"""

from __future__ import annotations

from synthgen.testing.batches import BatchFate, BatchScript
from synthgen.testing.dialects import DIALECTS
from synthgen.testing.faults import KINDS, Fault, Script, first_of, mix, stray
from synthgen.testing.latency import Latency
from synthgen.testing.limits import Limits
from synthgen.testing.log import Logged
from synthgen.testing.server import FakeOpenAI
from synthgen.testing.slots import SlotUse

__all__ = [
    "DIALECTS",
    "KINDS",
    "BatchFate",
    "BatchScript",
    "FakeOpenAI",
    "Fault",
    "Latency",
    "Limits",
    "Logged",
    "Script",
    "SlotUse",
    "first_of",
    "mix",
    "stray",
]
