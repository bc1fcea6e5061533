"""Turns words that a model should use or avoid into the token ids that `logit_bias` needs.

Not covered: words inside other words. Most words are several tokens, and a bias on the first one also affects every
other word that begins with it. A phrase cannot be forced in this way.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from synthgen.errors import ConfigError

__all__ = ["token_bias"]


def token_bias(model: str, words: Mapping[str, float]) -> dict[str, float]:
    """Return `words` (word -> bias) as tokens of `model` (token id -> bias).

    A word counts with and without a space before it, as given and capitalised. A word of several tokens is represented
    by its first one, which other words may share. Keys that are numbers are already token ids. Raises ConfigError for a
    word when the tokenizer of the model is not known.
    """
    return dict(_biased_tokens(model, tuple(words.items())))


@lru_cache(maxsize=32)
def _biased_tokens(model: str, words: tuple[tuple[str, float], ...]) -> dict[str, float]:
    from synthgen.text.tokenizer import get_tokenizer

    tokenizer = get_tokenizer(model)
    bias: dict[str, float] = {}
    for given, value in words:
        value = int(value) if value == int(value) else value
        word = given.strip()
        if word.isdecimal():
            bias[word] = value
            continue
        if not word:
            raise ConfigError(f"llm.logit_bias has the key {given!r}, which is not a word. Remove it.")
        if tokenizer.estimated:
            raise ConfigError(
                f"llm.logit_bias has the word {word!r}, but the tokens of the model {model!r} are not known. Give token ids of that "
                "model as keys, e.g. {1734: -100}, or leave logit_bias out."
            )
        for form in (word, word[:1].upper() + word[1:]):
            for text in (form, f" {form}"):
                bias.setdefault(str(tokenizer.ids(text)[0]), value)
    return bias
