"""How an export looks on the command line: its files, what checking them found, what training on them would take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthgen.text.humanize import counts, dollars_text, place

__all__ = ["check_text", "export_lines", "export_text"]


def export_lines(name: str, export: Mapping[str, Any]) -> list[str]:
    """The rows of each file and those left out; a second line where there is something wrong: each rule with its first place."""
    asides = {"left out": counts(export["left_out"]), "notes": counts(export["notes"])}
    told = "; ".join(f"{aside}: {said}" for aside, said in asides.items() if said)
    checks = export.get("checks") or {"problems": [], "errors": {}, "warnings": {}}
    first = {problem["rule"]: problem for problem in reversed(checks["problems"])}
    found = (checks["errors"] | checks["warnings"]).items()
    wrong = [f"{rule} {n:,} ({place(first[rule])}: {first[rule]['message']})" for rule, n in found]
    line = f"{name}: {counts(export['files']) or 'no rows'}{f' ({told})' if told else ''}"
    return [line, f"  checked: {'; '.join(wrong)}"] if wrong else [line]


def export_text(export: Mapping[str, Any]) -> str:
    """Where an export went, how many rows it has, what checking them found, and what training on them would take."""
    return "\n".join([*export_lines(export["path"], export), *_training(export["checks"]["training"])])


def check_text(checked: Mapping[str, Any]) -> str:
    """What is wrong with a file, line by line, and how often; then what training on it would take."""
    lines = [
        f"{place(problem)}: {problem['severity']}: {problem['message']} [{problem['rule']}]" for problem in checked["problems"]
    ]
    found = {kind: checked[kind] for kind in ("errors", "warnings") if checked[kind]}
    told = "; ".join(f"{sum(rules.values()):,} {kind} ({counts(rules)})" for kind, rules in found.items())
    rows = sum(checked["rows"].values())
    return "\n".join(
        [
            *lines,
            f"{checked['path']}: {rows:,} rows of {checked['format']}; {told or 'nothing is wrong'}.",
            *_training(checked["training"]),
        ]
    )


def _training(training: Mapping[str, Any]) -> list[str]:
    """Tokens, epochs and price of a fine-tuning job, and the notices that concern it."""
    if not training:
        return []
    model, about = training["model"], "about " if training["estimated"] else ""
    limit = f" ({training['max_tokens']:,} of an example at most)" if training["max_tokens"] else ""
    price = "price unknown, since no model is named (exports.model)."
    if model and training["dollars"] is not None:
        price = f"about {dollars_text(training['dollars'])} (prices of {training['prices_dated']})."
    elif model:
        price = (
            f"price unknown: the table of {training['prices_dated']} has no `training` price for {model}. "
            "Name your own with --set llm.prices=FILE."
        )
    lines = [
        f"  training: {training['examples']:,} examples of {about}{training['tokens']:,} tokens{f' for {model}' if model else ''}{limit}, "
        f"{training['epochs']} epochs by default: {about}{training['billed_tokens']:,} tokens billed, {price}"
    ]
    if training["model_ends"]:
        lines.append(f"  {model} is shut down on {training['model_ends']}, and what was tuned on it too.")
    return [*lines, *(f"  Notice of {notice['announced']}: {notice['text']}" for notice in training["notices"])]
