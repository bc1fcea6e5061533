"""How a plan looks on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from synthgen.text.humanize import counted, counts, dollars_text, reasons

if TYPE_CHECKING:
    from synthgen.pipeline.pilot import PilotReport
    from synthgen.pipeline.plan import PlanReport, StepEstimate

__all__ = ["plan_text"]


def plan_text(plan: PlanReport) -> str:
    """Counts first, then money, then the messages that were asked for."""
    lines = [
        f"{counted(plan.documents, 'document')} ({counts(plan.skipped) or 'none'} left out), {counted(plan.chunks, 'chunk')} of "
        f"{plan.tokens:,} tokens; {plan.chunks_asked:,} of them would be used with {plan.model}.",
    ]
    for calls in plan.calls:
        lines += _planned(calls)
    if len(plan.calls) > 1:
        lines.append(f"in all: {counted(sum(calls.calls for calls in plan.calls), 'call')}, {_dollars_of_all(plan.calls)}")
    if not plan.calls:
        lines.append("0 calls, 0 tokens, $0: this generator uses no LLM.")
    if plan.pilot:
        lines.append(_pilot(plan.pilot))
    lines += [f"The run would stop early, at {cap}." for cap in plan.stopped_by]
    if plan.changes:
        lines.append(
            f"The run folder was generated with other settings ({'; '.join(plan.changes)}), so the run needs --update."
        )
    for number, messages in enumerate(plan.messages, 1):
        lines.append(f"\n--- call {number}")
        lines += [f"[{message['role']}]\n{message['content']}" for message in messages]
    return "\n".join(lines)


def _planned(calls: StepEstimate) -> list[str]:
    """What one paid step would send, and how much of it a provider's cache would hold."""
    about = "about " if calls.estimated_tokens else ""
    waiting = f", {calls.waiting:,} wait in a batch" if calls.waiting else ""
    lines = [
        f"prompt {calls.prompt}: {counted(calls.calls, 'call')} ({calls.stored:,} more are stored already{waiting}), "
        f"{about}{calls.prompt_tokens:,} prompt tokens, about {calls.output_tokens:,} output tokens, {_dollars(calls)}"
    ]
    if calls.at_most > calls.calls:
        lines.append(
            f"  at most {counted(calls.at_most, 'call')} if passages are refused, since others are then asked about in their place"
        )
    if calls.static_tokens:
        one = calls.prefixes == 1
        begin = "all begin with the same" if one else f"each begins with one of {calls.prefixes:,} texts of up to"
        lines.append(f"  {begin} {about}{calls.static_tokens:,} tokens; {_caching(calls)}")
    return lines


def _caching(calls: StepEstimate) -> str:
    from synthgen.llm.costs.estimate import MIN_CACHED_TOKENS

    saving = calls.cache_saving
    if calls.static_tokens < MIN_CACHED_TOKENS:
        return f"caching saves $0, because a provider's cache takes nothing below {MIN_CACHED_TOKENS:,} tokens."
    if saving is None:
        return "what caching saves is unknown, as the price is."
    if saving < 0:
        return f"caching would cost {dollars_text(-saving)} more than it saves."
    return f"caching should save about {dollars_text(saving)} of that."


def _dollars_of_all(steps: Sequence[StepEstimate]) -> str:
    prices = {name: [getattr(calls, name) for calls in steps] for name in ("dollars", "batch_dollars")}
    sums = {name: None if None in each else sum(each) for name, each in prices.items()}
    return _dollars(steps[0].model_copy(update=sums))


def _pilot(pilot: PilotReport) -> str:
    """What a pilot found out, or why it found out nothing."""
    failed = reasons(pilot.failed)
    if pilot.expected is None:
        why = "none of its calls was answered" if not pilot.answered else "too few of its calls are finished"
        return f"The pilot gives no range: {why}{failed}."
    if not pilot.rest:
        return f"pilot: {pilot.answered:,} of {pilot.requests:,} requests answered{failed}; no call is left to make."
    amounts = [amount or 0.0 for amount in (pilot.low, pilot.expected, pilot.high)]
    places = 2 if min(amounts) >= 0.1 else 4
    dollars = pilot.unit == "dollars"
    low, expected, high = (f"${amount:,.{places}f}" if dollars else f"{amount:,.0f} tokens" for amount in amounts)
    return (
        f"pilot: {pilot.answered:,} of {pilot.requests:,} requests answered{failed}. The {counted(pilot.rest, 'call that is', 'calls that are')} left "
        f"will take {low} to {high} ({100 * pilot.confidence:g} % range), most likely about {expected}."
    )


def _dollars(calls: StepEstimate) -> str:
    if calls.dollars is None:
        return f"unknown price for {calls.model} (name a table with --set llm.prices=FILE)."
    batch = "" if calls.batch_dollars is None else f", or {dollars_text(calls.batch_dollars)} through the Batch API"
    return f"about {dollars_text(calls.dollars)}{batch} (prices of {calls.prices_dated})."
