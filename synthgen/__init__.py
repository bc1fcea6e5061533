"""Turn a folder of documents into training data for a RAG system, and prove what the data is worth.

Public names only; each is loaded when it is first used, so that importing this package is free.

The logger is called `synthgen`. The libraries behind it keep their chatter to themselves: their loggers begin at warnings, unless
the program has set another level.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synthgen.api import (
        add_distractors,
        agenerate,
        apply_filters,
        chunk,
        generate,
        import_rows,
        load_documents,
        run,
        split,
        to_dataset,
    )
    from synthgen.config.settings import Config, load_config
    from synthgen.errors import SynthgenError
    from synthgen.filters.chain import FilterResult
    from synthgen.pipeline.push import push
    from synthgen.pipeline.record_lists import Triples
    from synthgen.pipeline.run import Result
    from synthgen.records import Chunk, Distractor, Document, Event, Rejection, Skipped, Triple, Verdict, make_document

__all__ = [
    "Chunk",
    "Config",
    "Distractor",
    "Document",
    "Event",
    "FilterResult",
    "Rejection",
    "Result",
    "Skipped",
    "SynthgenError",
    "Triple",
    "Triples",
    "Verdict",
    "__version__",
    "add_distractors",
    "agenerate",
    "apply_filters",
    "chunk",
    "generate",
    "import_rows",
    "load_config",
    "load_documents",
    "make_document",
    "push",
    "run",
    "split",
    "to_dataset",
]

_LIBRARIES = [
    "aiohttp",
    "asyncio",
    "bm25s",
    "charset_normalizer",
    "datasets",
    "faiss",
    "filelock",
    "fsspec",
    "httpcore",
    "httpx",
    "httpx2",
    "huggingface_hub",
    "markdown_it",
    "py3langid",
    "sentence_transformers",
    "tokenizers",
    "torch",
    "transformers",
    "urllib3",
]

for _name in _LIBRARIES:
    if (_logger := logging.getLogger(_name)).level == logging.NOTSET:
        _logger.setLevel(logging.WARNING)

_HOMES = {
    "synthgen.api": ("add_distractors agenerate apply_filters chunk generate import_rows load_documents run split to_dataset"),
    "synthgen.config.settings": "Config load_config",
    "synthgen.errors": "SynthgenError",
    "synthgen.filters.chain": "FilterResult",
    "synthgen.pipeline.run": "Result",
    "synthgen.pipeline.push": "push",
    "synthgen.records": "Chunk Distractor Document Event Rejection Skipped Triple Verdict make_document",
    "synthgen.pipeline.record_lists": "Triples",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        from synthgen.errors import DISTRIBUTION

        return version(DISTRIBUTION)
    if name not in _HOME_OF:
        raise AttributeError(f"module 'synthgen' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
