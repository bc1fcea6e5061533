"""An MTEB retrieval task in one folder: the data, a dataset card for `datasets`, and the task file.

The data are those of `beir`, but the judgments are JSONL, because `datasets` reads one kind of file from a folder. The
configs are `corpus`, `queries` and `qrels`; MTEB would read a config called `default` as judgments.
`load_dataset(folder, "corpus")` works locally and on the Hub. `synthgen_task.py` refers to the folder that contains it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import yaml
from pydantic import Field

from synthgen.exporters.beir import beir
from synthgen.exporters.context import ExportContext
from synthgen.records import SPLITS, Triple
from synthgen.text.lexicon import lexicon

__all__ = ["mteb", "mteb_files"]

Task = Annotated[
    str,
    Field(
        pattern=r"^[A-Z][A-Za-z0-9_]*$", description="name of the task and of its Python class; MTEB stores results under it"
    ),
]

_CARD = """\
---
{head}---

# {task}

{description}

- `corpus`: every passage (`_id`, `title`, `text`)
- `queries`: `_id`, `text`, and the `generator` of each in its metadata
- `qrels`: `query-id`, `corpus-id`, `score`, by split

`load_dataset(FOLDER, "corpus")` reads it with `datasets`; `synthgen_task.py` runs it with MTEB.
"""

_TASK_FILE = '''\
"""{task}: a retrieval task for MTEB, over the data in this file's folder.

    import mteb
    from synthgen_task import {task}

    mteb.evaluate(mteb.get_model("MODEL"), {task}())

Once the folder is a data set of the Hub, its name there can take the place of the path below.
"""

from pathlib import Path

from mteb import TaskMetadata
from mteb.abstasks import AbsTaskRetrieval


class {task}(AbsTaskRetrieval):
    metadata = TaskMetadata(
        name={name},
        description={description},
        dataset={{"path": str(Path(__file__).resolve().parent), "revision": "main"}},
        type="Retrieval",
        category="t2t",
        modalities=["text"],
        eval_splits={splits},
        eval_langs={languages},
        main_score="ndcg_at_10",
    )
'''


def mteb(
    triples: Sequence[Triple], context: ExportContext, *, task: Task = "SynthgenRetrieval"
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the rows of `beir`: `corpus.jsonl`, `queries.jsonl`, `qrels/<split>.jsonl`. `task` names the files beside them."""
    return ((name.replace(".tsv", ".jsonl"), row) for name, row in beir(triples, context))


def mteb_files(files: Mapping[str, int], context: ExportContext, options: Mapping[str, Any]) -> dict[str, str]:
    """Return `README.md` and `synthgen_task.py`. The task evaluates on the test rows; without any, on dev or train, and
    says so.
    """
    splits = [split for split in SPLITS if files.get(f"qrels/{split}.jsonl")]
    if not splits:
        return {}
    split, languages, task = splits[-1], _languages(context), options["task"]
    description = " ".join(_description(split, languages))
    head = yaml.safe_dump({"configs": _configs(splits)}, sort_keys=False)
    facts = {"name": task, "description": description, "splits": [split], "languages": languages or [lexicon("en").tag]}
    return {
        "README.md": _CARD.format(head=head, task=task, description=description),
        "synthgen_task.py": _TASK_FILE.format(task=task, **{name: json.dumps(fact) for name, fact in facts.items()}),
    }


def _configs(splits: Sequence[str]) -> list[dict[str, Any]]:
    judgements = [{"split": split, "path": f"qrels/{split}.jsonl"} for split in splits]
    return [
        {"config_name": "corpus", "data_files": [{"split": "corpus", "path": "corpus.jsonl"}]},
        {"config_name": "queries", "data_files": [{"split": "queries", "path": "queries.jsonl"}]},
        {"config_name": "qrels", "data_files": judgements},
    ]


def _description(split: str, languages: Sequence[str]) -> Iterator[str]:
    yield (
        "Passages of one collection of documents, with queries that synthgen generated or imported; each names its generator. "
        "The passage that a query came from is the one that counts as relevant, whether or not others answer it. "
        "Scores on generated queries say how a model does on such queries, not on those of people."
    )
    if split != "test":
        yield f"There are no test rows: evaluation is on {split} rows."
    if not languages:
        yield "The language was not recognised; English stands in its place."


def _languages(context: ExportContext) -> list[str]:
    """Return the languages of the passages, the most frequent first. Chinese counts as simplified."""
    counts = Counter(chunk.language for chunk in context.chunks.values() if lexicon(chunk.language).tag)
    return [lexicon(code).tag for code, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
