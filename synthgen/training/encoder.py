"""The bi-encoder: the built-in static one, or any sentence-transformers model by name or path.

The built-in encoder needs no weights. It has a tokenizer trained on the corpus and token vectors from latent semantic
analysis; their mean is the vector of a text. It knows nothing beyond the corpus and no word order, and it encodes tens
of thousands of chunks a second on one core. Base and tuned encoders are used alike: with the model's own query and
passage prompts, and vectors of length 1.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthgen.config.settings import Training
from synthgen.errors import MissingExtraError, ModelError
from synthgen.records import Chunk
from synthgen.retrieval import index_text
from synthgen.storage import first_line
from synthgen.training.lsa import latent_vectors
from synthgen.training.tokenizer import train_tokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["STATIC", "Encoder", "built_in", "load", "one_thread", "require_extra", "untuned"]

STATIC = "static"
_BATCH = 256


class Encoder:
    """A SentenceTransformer with its prompts. `is_static` is true when it only averages token vectors."""

    def __init__(self, model: Any) -> None:
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding

        self.model = model
        self.is_static = isinstance(model[0], StaticEmbedding)
        self.query_prompt = _prompt(model, "query")
        self.passage_prompt = _prompt(model, "document", "passage", "corpus")

    @property
    def dimensions(self) -> int:
        return int(self.model.get_embedding_dimension())

    @property
    def n_tokens(self) -> int:
        return len(self.model.tokenizer.get_vocab())

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encode(self.model.encode_query, texts, self.query_prompt)

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._encode(self.model.encode_document, texts, self.passage_prompt)

    def save(self, folder: Path) -> None:
        """Write files that plain `SentenceTransformer(folder)` loads."""
        with _no_progress_bars():
            self.model.save(str(folder), create_model_card=False)

    def _encode(self, encode: Any, texts: Sequence[str], prompt: str | None) -> NDArray[np.float32]:
        import numpy as np

        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        with one_thread(self.is_static):
            found: NDArray[np.float32] = encode(
                list(texts),
                prompt=prompt,
                batch_size=_BATCH if self.is_static else 32,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        return found


def built_in(texts: Sequence[str], *, dimensions: int, seed: int, idf: bool = True) -> Encoder:
    """Return a static encoder of `texts`. Equal texts, settings and seed give equal weights."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from threadpoolctl import threadpool_limits

    tokenizer = train_tokenizer(texts)
    token_ids = [encoding.ids for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
    with threadpool_limits(1):  # the order of a sum depends on the number of threads
        vectors = latent_vectors(token_ids, tokenizer.get_vocab_size(), dimensions, seed=seed, idf=idf)
    return Encoder(SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=vectors)], device="cpu"))


def load(name: str) -> Encoder:
    """Return a sentence-transformers model by name or path. Raises ModelError when it cannot be loaded."""
    from sentence_transformers import SentenceTransformer

    try:
        with _no_progress_bars():
            return Encoder(SentenceTransformer(name))
    except Exception as error:  # what is raised depends on the file that is damaged or missing
        raise ModelError(
            f"The encoder {name!r} could not be loaded: {first_line(error)}. Give 'static' (built in, needs no weights), a folder that "
            f"sentence-transformers saved, or the name of a model on the Hugging Face Hub."
        ) from error


def require_extra() -> None:
    """Raise MissingExtraError when the packages for training are not installed."""
    if any(importlib.util.find_spec(name) is None for name in ("sentence_transformers", "scipy", "torch")):
        raise MissingExtraError("Training", "train")


@contextmanager
def one_thread(enabled: bool = True) -> Iterator[None]:
    """Use one torch thread inside, for equal sums on every run. Small matrices are no slower with it."""
    import torch

    before = torch.get_num_threads()
    if enabled:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _no_progress_bars() -> contextlib.redirect_stderr[io.StringIO]:
    """Hide the bars that the libraries draw while they load and save weights. Errors are still raised."""
    return contextlib.redirect_stderr(io.StringIO())


def _prompt(model: Any, *names: str) -> str | None:
    """Return the first of these prompts that is not empty. A model may have an empty "document" beside its "passage"."""
    return next((model.prompts[name] for name in names if model.prompts.get(name)), None)


def untuned(settings: Training, chunks: Sequence[Chunk], seed: int) -> Encoder:
    """Return the encoder that tuning starts from."""
    if settings.base != STATIC:
        return load(settings.base)
    texts = [index_text(chunk) for chunk in chunks]
    return built_in(texts, dimensions=settings.dimensions, seed=seed, idf=settings.idf)
