"""A tokenizer trained on the corpus, for the built-in encoder.

Byte-pair merges work on runs of letters and digits, so frequent words become one token and rare ones a few pieces. In a
script without spaces a run is longer, and the merges find its frequent words. Texts are case-folded and
NFKC-normalised. Merging is deterministic, unlike subword models that are fitted by sampling (unigram).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["train_tokenizer"]

_UNKNOWN = "[UNK]"
_MAX_TOKENS = 30_000


def train_tokenizer(texts: Iterable[str]) -> Any:
    """Return a `tokenizers.Tokenizer`. Characters that never occur in `texts` become one unknown token with a zero vector."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token=_UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\p{L}\p{N}\p{M}]+"), "removed", invert=True)
    trainer = trainers.BpeTrainer(
        vocab_size=_MAX_TOKENS, min_frequency=2, special_tokens=[_UNKNOWN], show_progress=False, max_token_length=32
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
