"""Conversations and RAFT rows as plain columns.

The last user message with an answer is the query. Its context is split off where it is marked: "Context: … Question: …"
and similar forms, `<context>` tags, or one `<DOCUMENT>`. Text without a mark stays in the query; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import regex

from synthgen.text.quotes import marked

__all__ = ["flatten"]

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


def flatten(columns: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `columns` with plain columns in place of a conversation's messages or a RAFT row's fields; others unchanged."""
    if isinstance(columns.get("messages"), list):
        return _conversation(columns)
    if columns.keys() >= _RAFT:
        return _raft(columns)
    return columns


def _conversation(columns: Mapping[str, Any]) -> dict[str, Any]:
    messages = [message for message in columns["messages"] if isinstance(message, Mapping)]
    roles = [message.get("role") for message in messages]
    answered = [i for i in range(len(roles) - 1) if roles[i : i + 2] == ["user", "assistant"]]
    if not answered:
        return {**columns, "query": None}
    at = answered[-1]
    content, answer = _content(messages[at]), _content(messages[at + 1])
    layout = next((found for pattern in _LAYOUTS if (found := pattern.match(content))), None)
    rest = {name: value for name, value in columns.items() if name != "messages"}
    if others := messages[:at] + messages[at + 2 :]:
        rest["messages"] = others
    split = {"query": layout["query"], "context": layout["context"]} if layout else {"query": content}
    return {**split, "answer": answer, **rest}


def _content(message: Mapping[str, Any]) -> str:
    """Return the text of a message, or the joined texts of its parts."""
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
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
