"""Rows for LLaMA-Factory, with the `dataset_info.json` that it finds files and columns by.

Its converters skip a row that breaks their rules with no more than a warning (`data/converter.py` of LLaMA-Factory 0.9): in `sharegpt`
the turns alternate, beginning with the human's, and are even in number; in `alpaca` instruction and input are one prompt,
joined by a line end. Where an entry names some columns or tags, those that it does not name count as none, so all are named.

To train on a folder: `dataset_dir: FOLDER`, `dataset: synthgen_train`, `eval_dataset: synthgen_dev`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from synthgen.exporters.context import ExportContext
from synthgen.exporters.conversation import SYSTEM, USER, System, User, conversations
from synthgen.records import Triple
from synthgen.registry import Apart

__all__ = ["alpaca", "alpaca_info", "sharegpt", "sharegpt_info"]

Dataset = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]+$", description="what the splits are called: NAME_train, NAME_dev, NAME_test")
]
Tag = Annotated[str, Field(min_length=1)]
Column = Annotated[Tag, Apart("column", ("system",)), Field(description="name of the column of turns")]
Role = Annotated[Tag, Apart("field"), Field(description="name of a turn's field that says who speaks")]
Content = Annotated[Tag, Apart("field"), Field(description="name of a turn's field that has the text")]
Speaker = Apart("speaker", ("system", "observation", "function_call"))
Human = Annotated[Tag, Speaker, Field(description="what the user is called")]
Model = Annotated[Tag, Speaker, Field(description="what the model is called")]


def sharegpt(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    system: System = SYSTEM,
    user: User = USER,
    column: Column = "conversations",
    role: Role = "from",
    content: Content = "value",
    human: Human = "human",
    model: Model = "gpt",
    dataset: Dataset = "synthgen",
) -> Iterator[dict[str, Any]]:
    """`conversations`: a human's turn and the model's; `system`, unless it is empty."""
    for shown in conversations(triples, context, system=system, user=user):
        turns = [{role: human, content: shown.user}, {role: model, content: shown.assistant}]
        yield {column: turns, **({"system": shown.system} if shown.system else {})}


def sharegpt_info(files: Mapping[str, int], context: ExportContext, options: Mapping[str, Any]) -> dict[str, str]:
    """`dataset_info.json` beside the files of `sharegpt`."""
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
    """`instruction` (the question), `input` (its context), `output`; `system`, unless it is empty."""
    for shown in conversations(triples, context, system=system):
        row = {"instruction": shown.question, "input": shown.context, "output": shown.assistant}
        yield row | ({"system": shown.system} if shown.system else {})


def alpaca_info(files: Mapping[str, int], context: ExportContext, options: Mapping[str, Any]) -> dict[str, str]:
    """`dataset_info.json` beside the files of `alpaca`."""
    columns = {"prompt": "instruction", "query": "input", "response": "output", **_system(options)}
    return _info(files, options, {"formatting": "alpaca", "columns": columns})


def _system(options: Mapping[str, Any]) -> dict[str, str]:
    return {"system": "system"} if options["system"].strip() else {}


def _info(files: Mapping[str, int], options: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, str]:
    """One entry for each file with rows, in ASCII: LLaMA-Factory reads it in the encoding of the machine."""
    called = {name: f"{options['dataset']}_{name.partition('.')[0]}" for name, rows in files.items() if rows}
    entries = {called[name]: {"file_name": name, **entry} for name in called}
    return {"dataset_info.json": json.dumps(entries, indent=2) + "\n"}
