"""The gate that one call passes alone, on a clock of its own."""

from __future__ import annotations

import asyncio

import pytest

from synthgen.llm.solo_gate import SoloGate


async def passed(gate: SoloGate, name: str, events: list[str], *, needs_s: float, closed: bool) -> None:
    async with gate:
        events.append(f"{name} in")
        with gate.opened_after(0.05, "bilbo", unless=lambda: closed):
            await asyncio.sleep(needs_s)
        events.append(f"{name} out")


@pytest.mark.parametrize(
    ("needs_s", "closed", "events", "accepted"),
    [
        (0.2, False, ["a in", "b in", "a out", "b out"], {"bilbo"}),
        (0.2, True, ["a in", "a out", "b in", "b out"], set()),
        (0.0, False, ["a in", "a out", "b in", "b out"], set()),
    ],
    ids=["slow", "slow while it must stay shut", "quick"],
)
def test_others_are_let_through_after_a_while(needs_s: float, closed: bool, events: list[str], accepted: set[str]) -> None:
    found: list[str] = []
    gate: list[SoloGate] = []

    async def main() -> None:
        gate.append(SoloGate())
        await asyncio.gather(*(passed(gate[0], name, found, needs_s=needs_s, closed=closed) for name in "ab"))

    asyncio.run(asyncio.wait_for(main(), 10))
    assert (found, gate[0].accepted) == (events, accepted)


def test_a_call_that_fails_lets_the_next_one_in() -> None:
    async def main() -> list[str]:
        gate, events = SoloGate(), list[str]()
        with pytest.raises(ValueError, match="lost"):
            async with gate:
                raise ValueError("lost")
        await passed(gate, "b", events, needs_s=0.0, closed=False)
        return events

    assert asyncio.run(asyncio.wait_for(main(), 10)) == ["b in", "b out"]
