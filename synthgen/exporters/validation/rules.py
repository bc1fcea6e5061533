"""What each format must look like, as data: the shape of its rows, rules of one row, rules of rows together, who counts tokens.

Shapes are those of the readers, not only of what synthgen writes: a chat file made elsewhere may call tools.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from synthgen.exporters.validation import file_rules as together
from synthgen.exporters.validation import row_rules as orders
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

__all__ = ["Rules", "known", "rules_of"]

Row = Mapping[str, Any]


class Rules(NamedTuple):
    """Of one format. `files` maps patterns of file names to the shapes of their rows; the first that matches counts.

    `least` is how many examples the service takes, and what it does with fewer; `messages` gives the messages of a row that the
    service trains on, for formats whose training tokens can be counted; `texts` says that all texts of a row are one example.
    """

    files: Mapping[str, Shape]
    each: tuple[Callable[[Row], orders.Faults], ...] = ()
    together: tuple[Callable[[Findings], together.Together], ...] = ()
    least: tuple[int, str] = (0, "")
    messages: Callable[[Row], Sequence[Row]] | None = None
    texts: bool = False

    @property
    def folder(self) -> bool:
        """Whether files have rows of several kinds."""
        return len(self.files) > 1


def rules_of(format: str, options: Mapping[str, Any]) -> Rules:
    """The rules of a format whose exporter has these options (all of them, with defaults, where options rename what is in a row).

    Of a format that is not known here, those that every file must keep.
    """
    if format in _RENAMED:
        return _RENAMED[format](**options)
    return _RULES.get(format, Rules({"*": AnyObject}, together=(together.Keys,)))


_SERVICE = (10, "OpenAI and those that follow it refuse a file with fewer than 10 examples; 50 to 100 begin to show an effect")
_TOGETHER = (10, "services such as Together want 10 examples or more")

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
_TOLD = ListOf(
    Object({"role": OneOf("assistant", "tool"), "content?": _CONTENT, "tool_calls?": ListOf(Anything), "weight?": OneOf(0, 1)})
)
_TOOLS: Mapping[str, Shape] = {"tools?": ListOf(Anything), "parallel_tool_calls?": Bool, "functions?": ListOf(Anything)}
_EITHER = Either(_MESSAGES, Text)  # TRL takes both forms
_LABEL = Either(Number, ListOf(Number))
_PLACE: Mapping[str, Shape] = {
    "oracle_position?": Either(Integer, Null),
    "oracle_mode?": OneOf("oracle", "memorise", "abstain"),
}
_NESTED = Either(ListOf(ListOf(Text, least=0)), ListOf(Text, least=0))
_RAFT = Object(
    {
        "id": Text,
        "type": Text,
        "question": Text,
        "context": Object({"title": _NESTED, "sentences": _NESTED}),
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
    """The prompt once, and both sides."""
    return [*row["input"]["messages"], *row["preferred_output"], *row["non_preferred_output"]]


_CHAT = Rules({"*": Object({"messages": _MESSAGES, **_TOOLS})}, (orders.chat,), least=_SERVICE, messages=_chat_messages)
_RETRIEVAL = Rules(
    {
        "corpus*.jsonl": _TITLED,
        "queries*.jsonl": _QUERY,
        "qrels/*.tsv": Object({**_JUDGED, "score": OneOf(*map(str, range(101)))}),
        "qrels/*.jsonl": Object({**_JUDGED, "score": Integer}),
    },
    together=(together.Judgments,),
)

_RULES: Mapping[str, Rules] = {
    "openai-chat": _CHAT,
    "raft-chat": _CHAT,
    "classification-chat": _CHAT,
    "trl-messages": _CHAT._replace(least=(0, ""), messages=None, texts=True),
    "openai-dpo": Rules(
        {
            "*": Object(
                {"input": Object({"messages": _MESSAGES, **_TOOLS}), "preferred_output": _TOLD, "non_preferred_output": _TOLD}
            )
        },
        (orders.preference,),
        least=_SERVICE,
        messages=_dpo_messages,
    ),
    "trl-prompt-completion": Rules({"*": Object({"prompt": _EITHER, "completion": _EITHER})}, texts=True),
    "trl-preference": Rules(
        {"*": Object({"prompt?": _EITHER, "chosen": _EITHER, "rejected": _EITHER, "rejected_source?": Text})},
        (orders.preference,),
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
        together=(together.Keys,),
        texts=True,
    ),
    "raft": Rules({"*": _RAFT}, (orders.oracle,), (together.Columns,)),
    "raft-completion": Rules({"*": Object({"prompt": Text, "completion": Text})}, least=_TOGETHER, texts=True),
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
    "st-triplet": Rules({"*": Object({"anchor": Text, "positive": Text, "negative": Text})}, (orders.sides,)),
    "st-ntuple": Rules(
        {"*": Object({"anchor": Text, "positive": Text, "negative_#": Text})}, (orders.sides,), (together.Columns,)
    ),
    "st-labeled-pair": Rules(
        {"*": Object({"anchor": Text, "document": Text, "label": OneOf(0, 1)})}, together=(together.Contradictions,)
    ),
    "st-kd": Rules(
        {"*": Object({"query": Text, "positive": Text, "negative_#": Text, "scores?": ListOf(Number), "label?": _LABEL})},
        (orders.sides, orders.aligned),
        (together.Columns,),
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
        (orders.sides, orders.aligned),
        (together.Columns,),
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
        (orders.sides,),
        (together.TevatronPassages,),
    ),
    "beir": _RETRIEVAL,
    "mteb": _RETRIEVAL,
}


def _prompt_completion(*, prompt_field: str, completion_field: str, **_: Any) -> Rules:
    return Rules({"*": Object({prompt_field: Text, completion_field: Text})}, least=_TOGETHER, texts=True)


def _text(*, field: str, **_: Any) -> Rules:
    return Rules({"*": Object({field: Text})}, texts=True)


def _sharegpt(*, column: str, role: str, content: str, human: str, model: str, **_: Any) -> Rules:
    turn = Object({role: OneOf(human, model, "system", "observation", "function_call"), content: Text})
    return Rules(
        {"*": Object({column: ListOf(turn), "system?": String, "tools?": String})},
        (orders.turns(column, role, human, model),),
        (together.Keys,),
        texts=True,
    )


# Formats whose options rename what is in a row.
_RENAMED: Mapping[str, Callable[..., Rules]] = {
    "prompt-completion": _prompt_completion,
    "instruction-text": _text,
    "corpus-text": _text,
    "sharegpt": _sharegpt,
}


def known() -> set[str]:
    """The formats that have rules of their own."""
    return {*_RULES, *_RENAMED}
