"""The rules of each format as data: the shape of its rows, rules about one row, rules about several rows, token counting.

Shapes are those of the readers, not only of what synthgen writes: a chat file from elsewhere may call tools.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from synthgen.exporters.validation import file_rules, row_rules
from synthgen.exporters.validation.findings import Findings
from synthgen.exporters.validation.row_schema import (
    AnyObject,
    Anything,
    Bool,
    Either,
    Integer,
    ListOf,
    Null,
    Number,
    Object,
    OneOf,
    Part,
    Shape,
    String,
    Text,
)

__all__ = ["Rules", "formats_with_rules", "rules_of"]

Row = Mapping[str, Any]


class Rules(NamedTuple):
    """The rules of one format. `files` maps patterns of file names to the shapes of their rows; the first match counts.

    `min_examples` is the minimum that a service accepts, and what happens below it. `messages` returns the messages of
    a row that the service trains on, for formats with countable training tokens. `texts` marks formats in which all
    texts of a row are one example.
    """

    files: Mapping[str, Shape]
    row_rules: tuple[Callable[[Row], row_rules.Faults], ...] = ()
    file_rules: tuple[Callable[[Findings], file_rules.FileRule], ...] = ()
    min_examples: tuple[int, str] = (0, "")
    messages: Callable[[Row], Sequence[Row]] | None = None
    texts: bool = False

    @property
    def folder(self) -> bool:
        """Whether the files hold rows of several kinds."""
        return len(self.files) > 1


def rules_of(format: str, options: Mapping[str, Any]) -> Rules:
    """Return the rules of a format. `options` are all options of its exporter, because some rename the keys of a row.

    An unknown format gets the rules that every file of rows must keep.
    """
    if format in _RENAMED:
        return _RENAMED[format](**options)
    return _RULES.get(format, Rules({"*": AnyObject}, file_rules=(file_rules.Keys,)))


_SERVICE = (10, "OpenAI and compatible services reject a file with fewer than 10 examples; an effect shows from 50 to 100")
_TOGETHER = (10, "services such as Together require 10 examples or more")

_KINDS = ("image_url", "input_audio", "file", "refusal", "image", "audio", "video")  # the last three are TRL's
_PART = Part({"type": OneOf("text", *_KINDS), "text?": Text, **{f"{kind}?": Anything for kind in _KINDS}})
_CONTENT = Either(Text, ListOf(_PART), Null)
_MESSAGE = Object(
    {
        "role": OneOf("system", "developer", "user", "assistant", "tool", "function"),
        "content?": _CONTENT,
        "name?": Text,
        "weight?": OneOf(0, 1),
        "tool_calls?": ListOf(Anything),
        "tool_call_id?": Text,
        "function_call?": Anything,
    }
)
_MESSAGES = ListOf(_MESSAGE)
_ANSWER_TURNS = ListOf(
    Object({"role": OneOf("assistant", "tool"), "content?": _CONTENT, "tool_calls?": ListOf(Anything), "weight?": OneOf(0, 1)})
)
_TOOLS: Mapping[str, Shape] = {"tools?": ListOf(Anything), "parallel_tool_calls?": Bool, "functions?": ListOf(Anything)}
_TEXT_OR_MESSAGES = Either(_MESSAGES, Text)  # TRL takes both forms
_LABEL = Either(Number, ListOf(Number))
_PLACE: Mapping[str, Shape] = {
    "oracle_position?": Either(Integer, Null),
    "oracle_mode?": OneOf("oracle", "memorise", "abstain"),
}
_FLAT_OR_NESTED = Either(ListOf(ListOf(Text, least=0)), ListOf(Text, least=0))
_RAFT = Object(
    {
        "id": Text,
        "type": Text,
        "question": Text,
        "context": Object({"title": _FLAT_OR_NESTED, "sentences": _FLAT_OR_NESTED}),
        "oracle_context": Text,
        "cot_answer": Text,
        "instruction": Text,
        **_PLACE,
    }
)
_PASSAGE = Object({"docid": Text, "title": String, "text": Text})
_TITLED = Object({"_id": Text, "title?": String, "text": Text, "metadata?": Anything})
_QUERY = Object({"_id": Text, "text": Text, "metadata?": Anything})
_JUDGED = {"query-id": Text, "corpus-id": Text}


def _chat_messages(row: Row) -> Sequence[Row]:
    messages: Sequence[Row] = row["messages"]
    return messages


def _dpo_messages(row: Row) -> Sequence[Row]:
    """Return the messages of the prompt once, and those of both sides."""
    return [*row["input"]["messages"], *row["preferred_output"], *row["non_preferred_output"]]


_CHAT = Rules(
    {"*": Object({"messages": _MESSAGES, **_TOOLS})}, (row_rules.chat,), min_examples=_SERVICE, messages=_chat_messages
)
_RETRIEVAL = Rules(
    {
        "corpus*.jsonl": _TITLED,
        "queries*.jsonl": _QUERY,
        "qrels/*.tsv": Object({**_JUDGED, "score": OneOf(*map(str, range(101)))}),
        "qrels/*.jsonl": Object({**_JUDGED, "score": Integer}),
    },
    file_rules=(file_rules.Judgments,),
)

_RULES: Mapping[str, Rules] = {
    "openai-chat": _CHAT,
    "raft-chat": _CHAT,
    "classification-chat": _CHAT,
    "trl-messages": _CHAT._replace(min_examples=(0, ""), messages=None, texts=True),
    "openai-dpo": Rules(
        {
            "*": Object(
                {
                    "input": Object({"messages": _MESSAGES, **_TOOLS}),
                    "preferred_output": _ANSWER_TURNS,
                    "non_preferred_output": _ANSWER_TURNS,
                }
            )
        },
        (row_rules.preference,),
        min_examples=_SERVICE,
        messages=_dpo_messages,
    ),
    "trl-prompt-completion": Rules({"*": Object({"prompt": _TEXT_OR_MESSAGES, "completion": _TEXT_OR_MESSAGES})}, texts=True),
    "trl-preference": Rules(
        {
            "*": Object(
                {
                    "prompt?": _TEXT_OR_MESSAGES,
                    "chosen": _TEXT_OR_MESSAGES,
                    "rejected": _TEXT_OR_MESSAGES,
                    "rejected_source?": Text,
                }
            )
        },
        (row_rules.preference,),
    ),
    "alpaca": Rules(
        {
            "*": Object(
                {
                    "instruction": Text,
                    "input?": String,
                    "output": Text,
                    "system?": String,
                    "history?": ListOf(Anything, least=0),
                }
            )
        },
        file_rules=(file_rules.Keys,),
        texts=True,
    ),
    "raft": Rules({"*": _RAFT}, (row_rules.oracle,), (file_rules.Columns,)),
    "raft-completion": Rules({"*": Object({"prompt": Text, "completion": Text})}, min_examples=_TOGETHER, texts=True),
    "raft-eval": Rules(
        {
            "*": Object(
                {
                    "question": Text,
                    "gold_final_answer": Text,
                    "context": Text,
                    "answer?": String,
                    "final_answer?": String,
                    **_PLACE,
                }
            )
        }
    ),
    "st-pair": Rules({"*": Object({"anchor": Text, "positive": Text})}),
    "st-triplet": Rules({"*": Object({"anchor": Text, "positive": Text, "negative": Text})}, (row_rules.sides,)),
    "st-ntuple": Rules(
        {"*": Object({"anchor": Text, "positive": Text, "negative_#": Text})}, (row_rules.sides,), (file_rules.Columns,)
    ),
    "st-labeled-pair": Rules(
        {"*": Object({"anchor": Text, "document": Text, "label": OneOf(0, 1)})}, file_rules=(file_rules.Contradictions,)
    ),
    "st-kd": Rules(
        {"*": Object({"query": Text, "positive": Text, "negative_#": Text, "scores?": ListOf(Number), "label?": _LABEL})},
        (row_rules.sides, row_rules.aligned),
        (file_rules.Columns,),
    ),
    "flagembedding": Rules(
        {
            "*": Object(
                {
                    "query": Text,
                    "pos": ListOf(Text),
                    "neg": ListOf(Text),
                    "pos_scores?": ListOf(Number),
                    "neg_scores?": ListOf(Number),
                    "prompt?": String,
                    "type?": Text,
                }
            )
        },
        (row_rules.sides, row_rules.aligned),
        (file_rules.Columns,),
    ),
    "tevatron": Rules(
        {
            "corpus*.jsonl": _PASSAGE,
            "*": Object(
                {
                    "query_id": Text,
                    "query": Text,
                    "positive_passages": ListOf(_PASSAGE),
                    "negative_passages": ListOf(_PASSAGE),
                    "answers?": ListOf(Text, least=0),
                }
            ),
        },
        (row_rules.sides,),
        (file_rules.TevatronPassages,),
    ),
    "beir": _RETRIEVAL,
    "mteb": _RETRIEVAL,
}


def _prompt_completion(*, prompt_field: str, completion_field: str, **_: Any) -> Rules:
    return Rules({"*": Object({prompt_field: Text, completion_field: Text})}, min_examples=_TOGETHER, texts=True)


def _text(*, field: str, **_: Any) -> Rules:
    return Rules({"*": Object({field: Text})}, texts=True)


def _sharegpt(*, column: str, role: str, content: str, human: str, model: str, **_: Any) -> Rules:
    turn = Object({role: OneOf(human, model, "system", "observation", "function_call"), content: Text})
    return Rules(
        {"*": Object({column: ListOf(turn), "system?": String, "tools?": String})},
        (row_rules.turns(column, role, human, model),),
        (file_rules.Keys,),
        texts=True,
    )


# Formats with options that rename the keys of a row.
_RENAMED: Mapping[str, Callable[..., Rules]] = {
    "prompt-completion": _prompt_completion,
    "instruction-text": _text,
    "corpus-text": _text,
    "sharegpt": _sharegpt,
}


def formats_with_rules() -> set[str]:
    """Return the names of the formats with an entry."""
    return {*_RULES, *_RENAMED}
