"""Rows for LLaMA-Factory, with the `dataset_info.json` that describes its files and columns.

The converters of LLaMA-Factory 0.9 (`data/converter.py`) skip a row that breaks their rules with no more than a
warning. In `sharegpt` the turns alternate, begin with the human's and are even in number. In `alpaca` instruction and
input are one prompt, joined by a line end. Columns and tags that an entry does not name count as absent, so all are
named.

To train on a folder: `dataset_dir: FOLDER`, `dataset: synthgen_train`, `eval_dataset: synthgen_dev`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from synthgen.exporters.context import ExportContext
from synthgen.exporters.conversation import ASSISTANT, SYSTEM, USER, Assistant, System, User, conversations
from synthgen.records import Triple
from synthgen.registry import Distinct

__all__ = ["alpaca", "alpaca_info", "sharegpt", "sharegpt_info"]

Dataset = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]+$", description="prefix of the data sets' names: NAME_train, NAME_dev, NAME_test")
]
Tag = Annotated[str, Field(min_length=1)]
Column = Annotated[Tag, Distinct("column", ("system",)), Field(description="name of the column of turns")]
Role = Annotated[Tag, Distinct("field"), Field(description="name of a turn's field with the speaker")]
Content = Annotated[Tag, Distinct("field"), Field(description="name of a turn's field with the text")]
Speaker = Distinct("speaker", ("system", "observation", "function_call"))
Human = Annotated[Tag, Speaker, Field(description="the user's name in the speaker field")]
Model = Annotated[Tag, Speaker, Field(description="the model's name in the speaker field")]


def sharegpt(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    system: System = SYSTEM,
    user: User = USER,
    assistant: Assistant = ASSISTANT,
    column: Column = "conversations",
    role: Role = "from",
    content: Content = "value",
    human: Human = "human",
    model: Model = "gpt",
    dataset: Dataset = "synthgen",
) -> Iterator[dict[str, Any]]:
    """Yield `conversations`, the human's turn and the model's, and `system` unless it is empty."""
    for conversation in conversations(triples, context, system=system, user=user, assistant=assistant):
        turns = [{role: human, content: conversation.user}, {role: model, content: conversation.assistant}]
        yield {column: turns, **({"system": conversation.system} if conversation.system else {})}


def sharegpt_info(files: Mapping[str, int], context: ExportContext, options: Mapping[str, Any]) -> dict[str, str]:
    """Return the `dataset_info.json` for the files of `sharegpt`."""
    tags = {
        "role_tag": options["role"],
        "content_tag": options["content"],
        "user_tag": options["human"],
        "assistant_tag": options["model"],
        "observation_tag": "observation",
        "function_tag": "function_call",
        "system_tag": "system",
    }
    columns = {"messages": options["column"], **_system(options)}
    return _info(files, options, {"formatting": "sharegpt", "columns": columns, "tags": tags})


def alpaca(
    triples: Sequence[Triple], context: ExportContext, *, system: System = SYSTEM, dataset: Dataset = "synthgen"
) -> Iterator[dict[str, str]]:
    """Yield `instruction` (the question), `input` (its context), `output`, and `system` unless it is empty."""
    for conversation in conversations(triples, context, system=system):
        row = {"instruction": conversation.question, "input": conversation.context, "output": conversation.assistant}
        yield row | ({"system": conversation.system} if conversation.system else {})


def alpaca_info(files: Mapping[str, int], context: ExportContext, options: Mapping[str, Any]) -> dict[str, str]:
    """Return the `dataset_info.json` for the files of `alpaca`."""
    columns = {"prompt": "instruction", "query": "input", "response": "output", **_system(options)}
    return _info(files, options, {"formatting": "alpaca", "columns": columns})


def _system(options: Mapping[str, Any]) -> dict[str, str]:
    return {"system": "system"} if options["system"].strip() else {}


def _info(files: Mapping[str, int], options: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, str]:
    """Return an entry for each file with rows. The text is ASCII: LLaMA-Factory reads it in the machine's encoding."""
    dataset_names = {name: f"{options['dataset']}_{name.partition('.')[0]}" for name, rows in files.items() if rows}
    entries = {dataset_names[name]: {"file_name": name, **entry} for name in dataset_names}
    return {"dataset_info.json": json.dumps(entries, indent=2) + "\n"}
