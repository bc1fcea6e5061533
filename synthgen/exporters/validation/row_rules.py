"""Rules about a single row beyond its shape: the order of roles, matching lengths, the position of the oracle.

Each rule takes a row that fits its shape and returns (rule, sentence) pairs. The rules follow the readers: OpenAI's
checks of chat files (cookbook, "Data preparation and analysis for chat model fine-tuning"), LLaMA-Factory's converters,
which skip rows silently, FlagEmbedding's data set, and the layout of the RAFT reference script.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter, methodcaller
from typing import Any

__all__ = ["aligned", "chat", "oracle", "preference", "sides", "turns"]

Row = Mapping[str, Any]
Faults = Iterable[tuple[str, str]]
_NO_FAULTS: Sequence[tuple[str, str]] = ()
_COMMON_ROLES = (("system", "user", "assistant"), ("user", "assistant"))
_ROLE, _CONTENT = itemgetter("role"), methodcaller("get", "content")


def chat(row: Row) -> Faults:
    """A system message comes only first, an assistant's message comes last, and every message has content."""
    return _conversation(row["messages"])


def _conversation(messages: Sequence[Row]) -> Faults:
    roles = tuple(map(_ROLE, messages))
    if roles in _COMMON_ROLES and sum(map(len, messages)) == 2 * len(roles) and all(map(_CONTENT, messages)):
        return _NO_FAULTS  # the fast path for most rows
    return [*_contents(messages), *_roles(roles), *_tools(messages)]


def _tools(messages: Sequence[Row]) -> Faults:
    """Each call of a tool has a name, an id of its own and arguments in JSON, and is answered before anyone else speaks."""
    seen: set[str] = set()
    open_calls: dict[str, int] = {}
    function = ""
    for number, message in enumerate(messages):
        here, role = f"messages[{number}]", message["role"]
        if role == "tool":
            name = message.get("tool_call_id")
            if name is None:
                yield "tool_calls", f"{here} is a tool's, but has no tool_call_id"
            elif open_calls.pop(name, None) is None:
                yield "tool_calls", f"{here} has the tool_call_id {name!r}, which is that of no open call before it"
            continue
        if role == "function":
            if not function or message.get("name", function) != function:
                yield "tool_calls", f"{here} is a function's, but the message before it does not call that function"
            function = ""
            continue
        yield from _unanswered(open_calls)
        open_calls, function = {}, ""
        for call in message.get("tool_calls") or ():
            if role != "assistant":
                yield "tool_calls", f"{here} calls a tool, but is the {role}'s"
            name = call.get("id") if isinstance(call, Mapping) else None
            if not isinstance(name, str) or not name:
                yield "tool_calls", f"{here} has a call without an id"
            elif name in seen:
                yield "tool_calls", f"{here} has the id {name!r} of an earlier call"
            else:
                open_calls[name] = number
                seen.add(name)
            yield from _callable(here, call.get("function") if isinstance(call, Mapping) else None)
        if legacy := message.get("function_call"):
            yield from _callable(here, legacy)
            function = str(legacy.get("name") or "") if isinstance(legacy, Mapping) else ""
    if messages[-1]["role"] == "tool":
        yield from _unanswered(open_calls)


def _unanswered(calls: Mapping[str, int]) -> Faults:
    for name, number in calls.items():
        yield "tool_calls", f"no tool answers the call {name!r} of messages[{number}]"


def _callable(here: str, function: Any) -> Faults:
    """A function has a name, and arguments that are a text with a JSON object."""
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str) or not function["name"]:
        yield "tool_calls", f"{here} calls a function without a name"
        return
    given = function.get("arguments", "{}")
    try:
        fits = isinstance(given, str) and isinstance(json.loads(given or "{}"), dict)
    except (ValueError, RecursionError):
        fits = False
    if not fits:
        yield (
            "tool_calls",
            f"{here} calls {function['name']} with arguments that are not a text with a JSON object: {str(given)[:40]!r}",
        )


def _contents(messages: Sequence[Row]) -> Faults:
    for number, message in enumerate(messages):
        if not message.get("content") and not message.get("tool_calls") and not message.get("function_call"):
            yield "empty", f"messages[{number}] has neither content nor tool calls"
        if "weight" in message and message["role"] != "assistant":
            yield "roles", f"messages[{number}] has a weight, which only the assistant's messages may have"


def _roles(roles: Sequence[str]) -> Faults:
    if "assistant" not in roles:
        yield "roles", f"no message is the assistant's, so there is nothing to learn ({', '.join(roles)})"
    elif roles[-1] != "assistant":
        yield "roles", f"the last message is the {roles[-1]}'s, but must be the assistant's"
    if any(role in ("system", "developer") for role in roles[1:]):
        yield "roles", f"a system message is not the first message ({', '.join(roles)})"
    dialogue = [role for role in roles if role in ("user", "assistant")]
    if dialogue[:1] == ["assistant"] or any(a == b == "user" for a, b in itertools.pairwise(dialogue)):
        yield "not_alternating", f"user and assistant do not alternate ({', '.join(roles)})"


def preference(row: Row) -> Faults:
    """The two sides differ, each has a message of the assistant, and the prompt ends with the user. Both namings of the
    fields.
    """
    better, worse = (
        (row["preferred_output"], row["non_preferred_output"]) if "input" in row else (row["chosen"], row["rejected"])
    )
    if better == worse:
        yield "no_preference", "the preferred side is the same as the rejected one"
    prompt = row["input"]["messages"] if "input" in row else row.get("prompt", "")
    if type(prompt) is list and prompt[-1]["role"] not in ("user", "tool"):
        yield "roles", f"the prompt ends with a message of the {prompt[-1]['role']}, but must end with the user's"
    for side in (better, worse):
        if type(side) is list and not any(message["role"] == "assistant" for message in side):
            yield "roles", "a side has no message of the assistant"


def turns(column: str, role: str, human: str, model: str) -> Callable[[Row], Faults]:
    """ShareGPT: askers are at odd places, answerers at even ones, and an answerer is last. Other examples are skipped
    silently.

    A system turn may come first.
    """
    askers, answerers = (human, "observation"), (model, "function_call")

    def rule(row: Row) -> Faults:
        speakers = [turn[role] for turn in row[column]]
        dialogue = speakers[1:] if speakers[0] == "system" else speakers
        in_place = all(speaker in (answerers if number % 2 else askers) for number, speaker in enumerate(dialogue))
        if in_place and dialogue and len(dialogue) % 2 == 0:
            return _NO_FAULTS
        return [("roles", f"{human} and {model} must take turns, and {model} must be last ({', '.join(speakers)})")]

    return rule


def aligned(row: Row) -> Faults:
    """There is a score for each passage, if there are scores."""
    if "negative_1" in row:
        passages = 1 + sum(key.startswith("negative_") for key in row)
        scores = row.get("scores", row.get("label"))
        if type(scores) is list and len(scores) != passages:
            return [("misaligned", f"{len(scores)} scores for {passages} passages")]
        return _NO_FAULTS
    pairs = [("pos_scores", "pos"), ("neg_scores", "neg")]
    return [
        ("misaligned", f"{len(row[scores])} {scores} for {len(row[passages])} passages of {passages}")
        for scores, passages in pairs
        if scores in row and len(row[scores]) != len(row[passages])
    ]


def sides(row: Row) -> Faults:
    """No passage is positive and negative at once. Passages of a corpus are neither."""
    if "pos" in row:
        positives, negatives = row["pos"], row["neg"]
    elif "positive_passages" in row:
        positives, negatives = ([p["docid"] for p in row[side]] for side in ("positive_passages", "negative_passages"))
    else:
        positives, negatives = [row.get("positive")], [text for key, text in row.items() if key.startswith("negative")]
    if set(positives).isdisjoint(negatives):
        return _NO_FAULTS
    return [("same_passage", "a positive passage is among the negatives")]


def oracle(row: Row) -> Faults:
    """RAFT: titles and documents form pairs, the instruction consists of them, and the oracle is at `oracle_position`
    or nowhere.

    Rows of the reference script have no position, and some of its variants have flat lists.
    """
    titles, documents = (_inner(row["context"][name]) for name in ("title", "sentences"))
    if len(titles) != len(documents):
        yield "misaligned", f"{len(titles)} titles for {len(documents)} documents"
    begin = "".join(f"<DOCUMENT>{text}</DOCUMENT>\n" for text in documents)
    if not row["instruction"].startswith(begin) or not row["instruction"].endswith(row["question"]):
        yield "layout", "the instruction is not the documents of the row, each in its tags, and its question"
    if "oracle_position" not in row:
        return
    place, mode = row["oracle_position"], row["oracle_mode"]
    if (place is not None) != (mode == "oracle"):
        yield "oracle_position", f"oracle_mode is {mode}, but oracle_position is {'null' if place is None else place}"
    elif place is None and row["oracle_context"] in documents:
        yield "oracle_position", f"oracle_mode is {mode}, but the oracle is document {documents.index(row['oracle_context'])}"
    elif place is not None and not (0 <= place < len(documents) and documents[place] == row["oracle_context"]):
        yield "oracle_position", f"document {place} is not the oracle"


def _inner(nested: Sequence[Any]) -> Sequence[Any]:
    return nested[0] if nested and type(nested[0]) is list else nested
