"""Conversations and RAFT rows as plain columns.

The last user message that is answered is the query. It is told apart from its context where that is marked: "Context: … Question:
…" and the like, `<context>` tags, or one `<DOCUMENT>`. What is not marked stays in the query; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import regex

from synthgen.text.quotes import marked

__all__ = ["flattened"]

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


def flattened(columns: Mapping[str, Any]) -> Mapping[str, Any]:
    """`columns` with those of a conversation or of a RAFT row in place of its messages; any others as they are."""
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
    """A message's text; of one in parts, the texts among them."""
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    return "\n".join(text for text in texts if isinstance(text, str))


def _raft(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The oracle is the context, what stands after the mark the answer, what is quoted before it the quotes, all before it the reasoning.

    Quotes alone are no reasoning. A row that abstains has no answer: what it says is true of its documents, not of its oracle.
    """
    written = str(columns["cot_answer"] or "")
    before, mark, answer = written.rpartition(_ANSWER)
    abstains = columns.get("oracle_mode") == "abstain"
    found: dict[str, Any] = {
        "query": _plain(columns["question"]),
        "context": _plain(columns["oracle_context"]),
        "answer": None if abstains else _plain(answer.strip() if mark else written),
    }
    words, quotes = marked(before) or (before, [])
    if quotes:
        found["quote"] = [_plain(quote) for quote, _ in quotes]
    if any(part.strip() for part in (words, *(after for _, after in quotes))):
        found["reasoning"] = _plain(before.strip())
    used = {"question", "oracle_context", "cot_answer", "context"}
    rest = {name: value for name, value in columns.items() if name not in used}
    return {**found, **rest, "documents": columns.get("context")}


def _plain(text: Any) -> Any:
    """Without the escapes by which a RAFT row keeps its layout marks apart from the text."""
    return _ESCAPED.sub(lambda mark: "<" if mark.group() == "&lt;" else "##", text) if isinstance(text, str) else text
