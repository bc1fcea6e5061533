"""Train and measure a run, for `run`, `train` and `evaluate`.

The folder of the tuned encoder also holds `synthgen.json`: its base, so that a later comparison can recreate it, the recommendation,
which no human query may change, and the digests of the files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthgen.config.settings import Training
from synthgen.errors import DamagedFileError, EmptyResultError, RunFolderError
from synthgen.evaluation.queries import read_queries
from synthgen.evaluation.recommend import recommend
from synthgen.evaluation.retrieval import DEPLOYMENT, UNSEEN, measure_human, measure_synthetic
from synthgen.files import MANIFEST, check_own, write_folder
from synthgen.records import Chunk, Event, OnEvent, Triple, digest
from synthgen.retrieval import index_text
from synthgen.storage import file_sha256, first_line, read_json, write_json
from synthgen.text.humanize import counted
from synthgen.training.encoder import load, require_extra, untuned
from synthgen.training.finetune import finetune, training_rows

__all__ = ["check_model_folder", "evaluate_model", "train_and_measure"]

_FACTS = "synthgen.json"
_EARLIER = r"(?:\w+/)?(?:[\w.-]+\.(?:json|safetensors|model)|vocab\.txt|merges\.txt)"


def train_and_measure(
    chunks: Sequence[Chunk],
    triples: Sequence[Triple],
    *,
    settings: Training,
    seed: int,
    output: Path,
    queries: Path | None = None,
    on_event: OnEvent | None = None,
) -> dict[str, Any]:
    """Tune an encoder on the train rows, write it to `output`, and measure it.

    `chunks` is the whole index. With `queries`, a BEIR folder, the result has a "deployment" measurement. "unseen
    documents" is None when no row has the split test.

    Raises MissingExtraError, InputError for unusable queries (before any training), ModelError for an unknown base, and
    EmptyResultError without two train rows of different passages.
    """
    require_extra()
    judged = read_queries(queries, chunks) if queries else None
    rows = training_rows(triples, chunks)
    passages = len({row.twins for row in rows})
    if passages < 2:
        raise EmptyResultError(
            f"Training needs train rows of at least two different passages, but there {'is' if passages == 1 else 'are'} {passages} "
            f"({counted(len(triples), 'row')} in all). Use more documents, or set training.enabled to false."
        )
    if on_event:
        on_event(Event("training", message=f"{len(rows):,} rows of {passages:,} passages, base {settings.base}"))
    base = untuned(settings, chunks, seed)
    tuned = untuned(settings, chunks, seed)
    used = finetune(tuned, rows, settings=settings, seed=seed, on_event=on_event)

    dev = measure_synthetic(chunks, [t for t in triples if t.split == "dev"], base, tuned)
    recommendation = recommend(dev, seed=seed)
    facts = {
        "start": settings.model_dump(include={"base", "dimensions", "idf"}),
        "seed": seed,
        "index": _index_digest(chunks),
        "recommendation": recommendation,
    }
    with write_folder(output, unlisted=_unlisted(output), changed=True) as folder:
        tuned.save(folder)
        facts["files"] = _digests(folder)
        write_json(folder / _FACTS, facts | {"sha256": digest(facts)})

    human = measure_human(chunks, judged, base, tuned, on_event=on_event) if judged else None
    test = measure_synthetic(chunks, [t for t in triples if t.split == "test"], base, tuned, on_event=on_event)
    return {
        "training": {
            "base": settings.base,
            "rows": len(rows),
            "passages": passages,
            "dimensions": tuned.dimensions,
            "vocabulary": tuned.n_tokens,
            "settings": used,
        },
        DEPLOYMENT: human.to_dict(seed=seed) if human else None,
        UNSEEN: test.to_dict(seed=seed) if test else None,
        "recommendation": recommendation,
    }


def evaluate_model(
    chunks: Sequence[Chunk],
    *,
    model: Path,
    queries: Path,
    base: str | None = None,
    seed: int = 0,
    on_event: OnEvent | None = None,
) -> dict[str, Any]:
    """Measure a tuned encoder on human queries, beside its own base or another one.

    Raises MissingExtraError, InputError for unusable queries, and RunFolderError when `model` was not made by
    `train_and_measure` from these chunks.
    """
    require_extra()
    judged = read_queries(queries, chunks)
    facts = _facts(model)
    if facts["index"] != _index_digest(chunks):
        raise RunFolderError(
            f"{model} was tuned on other chunks than this run has now, so a comparison is not possible. "
            f"Tune it again with `synthgen train {model.parent}`."
        )
    start = Training(**facts["start"] | ({"base": base} if base else {}))
    old = untuned(start, chunks, facts["seed"])
    measured = measure_human(chunks, judged, old, load(str(model)), on_event=on_event)
    return {"base": start.base, DEPLOYMENT: measured.to_dict(seed=seed), "recommendation": facts["recommendation"]}


def _facts(model: Path) -> dict[str, Any]:
    """What `synthgen.json` says of a tuned encoder.

    Raises RunFolderError where there is none, and DamagedFileError for one whose files are not as they were written: no weights are
    read before that is known. The encoders of earlier versions have no digests.
    """
    again = f"Tune it again with `synthgen train {model.parent}`."
    if not (model / _FACTS).is_file():
        raise RunFolderError(f"{model} holds no tuned encoder. Create one with `synthgen train {model.parent}`.")
    try:
        facts: dict[str, Any] = read_json(model / _FACTS)
        known = {name: facts[name] for name in ("start", "seed", "index", "recommendation")}
        Training(**known["start"])
        int(known["seed"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedFileError(f"{model / _FACTS} is damaged: {first_line(error)}.", again) from None
    if "files" in facts and facts.get("sha256") != digest({**known, "files": facts["files"]}):
        raise DamagedFileError(f"{model / _FACTS} is damaged: it is not what was written there.", again)
    changed = [name for name, sha256 in facts.get("files", {}).items() if _digests(model).get(name) != sha256]
    if changed:
        raise DamagedFileError(f"{model / changed[0]} is damaged: it is not what was written there.", again)
    return known


def _digests(folder: Path) -> dict[str, str]:
    """The digest of each file below a folder, but for the one that holds them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in (_FACTS, MANIFEST))
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in files}


def check_model_folder(output: Path) -> None:
    """Raise InputError where `train_and_measure` would replace anything but a model that it wrote."""
    check_own(output, unlisted=_unlisted(output), changed=True)


def _unlisted(output: Path) -> str:
    """Return the names of the files of a model that an earlier version wrote, without a manifest."""
    return _EARLIER if (output / _FACTS).is_file() else ""


def _index_digest(chunks: Sequence[Chunk]) -> str:
    return digest([index_text(chunk) for chunk in chunks])
