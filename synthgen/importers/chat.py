"""Conversations and RAFT rows as plain columns.

A conversation is a list of messages in OpenAI's form (`role`, `content`) or in ShareGPT's (`from`, `value`). Each question of the
user begins an exchange. Its answer is what the assistant says after the last tool; what it says before it calls a tool is
none. The context of a question is split off where it is marked: "Context: … Question: …" and similar forms, `<context>`
tags, or one `<DOCUMENT>`. Text without a mark stays in the query; nothing is guessed.

A row has one question, and no history. The last exchange that brings its own context is taken, or else the first one
that is more than a greeting. Later questions may depend on what was said before ("And why?"): they are `other_turns`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import regex

from synthgen.text.data import BadData, parse_json
from synthgen.text.lexicon import lexicons
from synthgen.text.quotes import marked

__all__ = ["Flat", "flatten"]

_LISTS = ("messages", "conversations", "conversation", "dialogue", "dialog", "turns")
_ROLE_OF = {
    **dict.fromkeys(("user", "human", "prompter", "questioner"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt", "ai", "agent"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(
        ("tool", "function", "observation", "ipython", "tool_response", "function_response", "tool_result"), "tool"
    ),
    **dict.fromkeys(("function_call", "tool_call", "tool_calls"), "call"),
}
_CALLS = ("tool_calls", "function_call")
_HIDDEN_PARTS = ("thinking", "reasoning", "redacted_thinking")

_CONTEXT = r"(?:Context|Passage|Document|Text|Source|Reference)s?"
_QUESTION = r"(?:Question|Query|User question|Q)"
_LAYOUTS = [
    regex.compile(layout, regex.DOTALL | regex.IGNORECASE)
    for layout in (
        rf"\A\s*#*\s*{_CONTEXT}\s*:\s*(?P<context>.*)\n\s*#*\s*{_QUESTION}\s*:\s*(?P<query>.*)\Z",
        rf"\A\s*#*\s*{_QUESTION}\s*:\s*(?P<query>.*?)\n\s*#*\s*{_CONTEXT}\s*:\s*(?P<context>.*)\Z",
        r"\A\s*<(?P<tag>context|passage|document|documents|text)>(?P<context>(?:(?!</?(?P=tag)>).)*)</(?P=tag)>\s*"
        rf"(?:#*\s*{_QUESTION}\s*:)?(?P<query>(?:(?!<(?P=tag)>).)*)\Z",
    )
]
_ANSWER = "<ANSWER>:"
_ESCAPED = regex.compile(
    r"&lt;(?=\s*/?\s*DOCUMENT\s*>|\s*ANSWER\s*>)|&#35;&#35;(?=\s*(?:begin|end)_quote\s*(?:##|&#35;))", regex.IGNORECASE
)
_RAFT = frozenset({"question", "oracle_context", "cot_answer"})


class Flat(NamedTuple):
    """The plain columns of a row, or the reason why it has none. `other_turns` are the questions that were not taken."""

    columns: Mapping[str, Any]
    reason: str = ""
    detail: str = ""
    other_turns: Sequence[str] = ()


def flatten(columns: Mapping[str, Any]) -> Flat:
    """Return `columns` with plain columns in place of a conversation's messages or a RAFT row's fields; others unchanged."""
    for name in _LISTS:
        if messages := _messages(columns.get(name)):
            return _conversation(messages, {other: value for other, value in columns.items() if other != name})
        if name == "messages" and isinstance(columns.get(name), list):
            return Flat({**columns, "query": None})
    if columns.keys() >= _RAFT:
        return Flat(_raft(columns))
    return Flat(columns)


class _Exchange(NamedTuple):
    """A question, its context where it is marked, its answer, and the messages (by position) that it consists of."""

    query: str
    context: str | None
    answer: str
    said_by: Mapping[str, Any]
    positions: frozenset[int]


@functools.cache
def _greeting() -> regex.Pattern[str]:
    """Match what opens a chat in any language."""
    greetings = "|".join(one.greetings for one in lexicons() if one.greetings)
    return regex.compile(rf"\s*(?:{greetings})[\s!.,;:。！、]*", regex.IGNORECASE)


def _messages(value: Any) -> list[Mapping[str, Any]]:
    """Return the messages of a list, or of a cell that holds one as JSON; nothing for any other value."""
    if isinstance(value, str) and value.lstrip().startswith("[{"):
        try:
            value = parse_json(value)
        except BadData:
            return []
    if not isinstance(value, list):
        return []
    messages = [message for message in value if isinstance(message, Mapping)]
    return messages if any(_role(message) for message in messages) else []


def _conversation(messages: list[Mapping[str, Any]], rest: dict[str, Any]) -> Flat:
    exchanges = _exchanges(messages)
    answered = [exchange for exchange in exchanges if exchange.answer]
    if not exchanges:
        return Flat({**rest, "messages": messages}, "no_query", "no message of the conversation is the user's")
    if not answered:
        return Flat({**rest, "messages": messages, "query": ""}, "no_answer", "the assistant says nothing after the question")
    own = [exchange for exchange in answered if exchange.context is not None]
    first = next((exchange for exchange in exchanges if not _greeting().fullmatch(exchange.query)), exchanges[0])
    taken = own[-1] if own else first
    if not taken.answer:
        detail = f"the first question has no answer, and later ones may need it: {taken.query[:80]!r}"
        return Flat({**rest, "messages": messages, "query": ""}, "no_answer", detail)
    fields: dict[str, Any] = {"query": taken.query}
    if taken.context is not None:
        fields["context"] = taken.context
    fields["answer"] = taken.answer
    if "weight" in taken.said_by:
        fields["weight"] = taken.said_by["weight"]
    if others := [message for at, message in enumerate(messages) if at not in taken.positions]:
        fields["messages"] = others
    left = [exchange.query for exchange in answered if exchange is not taken and not _greeting().fullmatch(exchange.query)]
    return Flat({**fields, **rest}, other_turns=left)


def _exchanges(messages: Sequence[Mapping[str, Any]]) -> list[_Exchange]:
    """Return the exchanges of a conversation. Questions in a row are one question, and so are answers in a row."""
    turns: list[tuple[list[int], list[int]]] = []  # the positions of a question and of its answer
    roles = [_role(message) for message in messages]
    for at, (role, message) in enumerate(zip(roles, messages, strict=True)):
        if role == "user" and (not turns or any(roles[i] != "user" for i in range(turns[-1][0][-1], at))):
            turns.append(([at], []))
        elif role == "user":
            turns[-1][0].append(at)
        elif turns and (role in ("tool", "call") or any(message.get(call) for call in _CALLS)):
            turns[-1][1].clear()
        elif turns and role == "assistant" and _content(message).strip():
            turns[-1][1].append(at)
    return [_exchange(messages, *turn) for turn in turns]


def _exchange(messages: Sequence[Mapping[str, Any]], asked: list[int], said: list[int]) -> _Exchange:
    content = "\n".join(_content(messages[at]) for at in asked)
    layout = next((found for pattern in _LAYOUTS if (found := pattern.match(content))), None)
    answers = dict.fromkeys(_content(messages[at]) for at in said)
    return _Exchange(
        layout["query"] if layout else content,
        layout["context"] if layout else None,
        "\n\n".join(answers),
        messages[said[-1]] if said else {},
        frozenset([*asked, *said]),
    )


def _role(message: Mapping[str, Any]) -> str:
    given = next((message[key] for key in ("role", "from", "speaker") if isinstance(message.get(key), str)), "")
    return _ROLE_OF.get(given.strip().casefold(), "")


def _content(message: Mapping[str, Any]) -> str:
    """Return the text of a message, or the joined texts of its parts."""
    content = next((message[key] for key in ("content", "value", "text") if message.get(key) is not None), None)
    parts = content if isinstance(content, list) else [{"text": content}]
    shown = [part for part in parts if not (isinstance(part, Mapping) and part.get("type") in _HIDDEN_PARTS)]
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in shown]
    return "\n".join(text for text in texts if isinstance(text, str))


def _raft(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the oracle as the context, the text after the answer mark as the answer, and the quotes and reasoning before it.

    Quotes alone are not reasoning. A row that abstains has no answer: its abstention is true of its documents, not of
    its oracle.
    """
    cot_answer = str(columns["cot_answer"] or "")
    before, mark, answer = cot_answer.rpartition(_ANSWER)
    abstains = columns.get("oracle_mode") == "abstain"
    fields: dict[str, Any] = {
        "query": _plain(columns["question"]),
        "context": _plain(columns["oracle_context"]),
        "answer": None if abstains else _plain(answer.strip() if mark else cot_answer),
    }
    words, quotes = marked(before) or (before, [])
    if quotes:
        fields["quote"] = [_plain(quote) for quote, _ in quotes]
    if any(part.strip() for part in (words, *(after for _, after in quotes))):
        fields["reasoning"] = _plain(before.strip())
    used = {"question", "oracle_context", "cot_answer", "context"}
    rest = {name: value for name, value in columns.items() if name not in used}
    return {**fields, **rest, "documents": columns.get("context")}


def _plain(text: Any) -> Any:
    """Return the text without the escapes that separate a RAFT row's layout marks from its text."""
    return _ESCAPED.sub(lambda mark: "<" if mark.group() == "&lt;" else "##", text) if isinstance(text, str) else text
