"""Exports of synthgen as plain columns, or refused by name.

An export that shows a row's question, its passage and its answer comes back. One that leaves out what its rows are made
of, or draws what it shows beside them, is refused: what came back would be other rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import regex

from synthgen.errors import InputError

__all__ = ["LOSSY", "Lossy", "check_folder", "check_is_whole", "plain_export"]

_RAFT_TEXT = regex.compile(r"\A\s*<DOCUMENT>.*</DOCUMENT>", regex.DOTALL)
_FINAL_ANSWER = "<ANSWER>:"
_SECTIONS = regex.compile(r"(?:\A|\n\n)### (Instruction|Context|Question|Answer):\n")
_ESCAPED_HEADER = regex.compile(r"(?<!\\#)(?:\\#){3,}+(?=\s*+(?:Instruction|Context|Question|Answer))", regex.IGNORECASE)
_PROMPT_END = regex.compile(r"\s*(?:###\s*)?(?:Answer|Response)\s*:\s*\Z")


class Lossy(NamedTuple):
    """A format that cannot come back: how its rows are told from others, and what they lack."""

    is_one: Callable[[Mapping[str, Any]], bool]
    lacks: str


def _has(*names: str, lists: tuple[str, ...] = ()) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: row.keys() >= {*names, *lists} and all(isinstance(row[name], list) for name in lists)


def _is_raft_chat(row: Mapping[str, Any]) -> bool:
    messages = row.get("messages")
    texts = [str(m.get("content")) for m in messages if isinstance(m, Mapping)] if isinstance(messages, list) else []
    return any(map(_is_raft_prompt, texts)) and _FINAL_ANSWER in texts[-1]


def _is_raft_completion(row: Mapping[str, Any]) -> bool:
    return _is_raft_prompt(str(row.get("prompt"))) and _FINAL_ANSWER in str(row.get("completion"))


def _is_raft_prompt(text: str) -> bool:
    return text.count("<DOCUMENT>") > 1 and _RAFT_TEXT.match(text) is not None


def _is_labelled_pair(row: Mapping[str, Any]) -> bool:
    return row.keys() == {"anchor", "document", "label"} and str(row["label"]) in ("0", "1", "0.0", "1.0")


_NO_ANSWER = "it has neither the answers nor which passages were distractors for a reason"
_NO_ORACLE = "it does not say which document answers where that document is not shown"

LOSSY: Mapping[str, Lossy] = {
    "openai-dpo": Lossy(
        _has("input", lists=("preferred_output", "non_preferred_output")), "its rejected answers were drawn from other rows"
    ),
    "trl-preference": Lossy(
        _has("prompt", "chosen", "rejected", "rejected_source"), "its rejected answers were drawn from other rows"
    ),
    "raft": Lossy(
        lambda row: row.get("oracle_mode") == "abstain" and "cot_answer" in row, "its rows that abstain have lost their answers"
    ),
    "raft-chat": Lossy(_is_raft_chat, _NO_ORACLE),
    "raft-completion": Lossy(_is_raft_completion, _NO_ORACLE),
    "raft-eval": Lossy(_has("gold_final_answer", "oracle_mode", "question"), _NO_ORACLE),
    "st-labeled-pair": Lossy(_is_labelled_pair, _NO_ANSWER),
    "st-kd": Lossy(_has("query", "positive", "negative_1", lists=("scores",)), _NO_ANSWER),
    "flagembedding": Lossy(_has("query", lists=("pos", "neg")), _NO_ANSWER),
    "tevatron": Lossy(_has("query_id", "query", lists=("positive_passages", "negative_passages")), _NO_ANSWER),
    "mteb": Lossy(lambda row: False, "it has neither the answers nor the queries that stand in the corpus"),
    "corpus-text": Lossy(
        lambda row: row.keys() == {"text"} and not _SECTIONS.search(str(row["text"])), "it has passages and no queries"
    ),
}


def check_is_whole(path: Path, columns: Mapping[str, Any]) -> None:
    """Raises InputError for a row of a format that cannot come back."""
    shown = {name: value for name, value in columns.items() if name != "split"}  # which the file's name gives
    name = next((name for name, format in LOSSY.items() if format.is_one(shown)), None)
    if name is not None:
        raise _refused(path, name)


def check_folder(path: Path) -> None:
    """Raises InputError for the folder of a format that cannot come back."""
    if (path / "synthgen_task.py").is_file():
        raise _refused(path, "mteb")


def _refused(path: Path, name: str) -> InputError:
    return InputError(
        f"{path} is an export in the format {name}, which cannot be imported: {LOSSY[name].lacks}. "
        "Import triples.parquet of the run, or what `synthgen show RUN -n 999 --json` prints: these rows come back whole."
    )


def plain_export(columns: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the query, context and answer of a row as messages or columns that `chat.flatten` reads; others unchanged."""
    prompt, completion = columns.get("prompt"), columns.get("completion")
    rest = {name: value for name, value in columns.items() if name not in ("prompt", "completion")}
    if isinstance(prompt, list) and isinstance(completion, list):
        return {"messages": [*prompt, *completion], **rest}
    if (
        isinstance(prompt, str)
        and isinstance(completion, str)
        and "context" not in columns
        and (end := _PROMPT_END.search(prompt))
    ):
        asked = prompt[: end.start()]
        start = regex.search(r"(?:\A|\n\n)(?=(?:Context|Passage|Document)s?\s*:)", asked)
        messages = [
            {"role": "user", "content": asked[start.end() :] if start else asked},
            {"role": "assistant", "content": completion.strip()},
        ]
        return {"messages": messages, **rest}
    if columns.keys() >= {"instruction", "input", "output"}:
        plain = {"query": columns["instruction"], "context": columns["input"], "answer": columns["output"]}
        return plain | {
            name: value for name, value in columns.items() if name not in ("instruction", "input", "output", "system")
        }
    if sections := _sections({name: value for name, value in columns.items() if name != "split"}):
        plain = {"query": sections["Question"], "context": sections["Context"], "answer": sections["Answer"]}
        return plain | ({"split": columns["split"]} if "split" in columns else {})
    return columns


def _sections(columns: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts under the headers of a row of one text; none where it has other headers."""
    text = next(iter(columns.values())) if len(columns) == 1 else None
    if not isinstance(text, str):
        return {}
    _, *parts = _SECTIONS.split(text)
    found = {
        name: _ESCAPED_HEADER.sub(lambda mark: mark[0].replace("\\", ""), body)
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
    return found if found.keys() >= {"Context", "Question", "Answer"} else {}
