"""Counts tokens and cuts text at token limits, without the network.

The table of `o200k_base` is packaged, so chunk borders and cost estimates are the same on every machine. Other
encodings come through tiktoken's own cache or download. Where neither works, and for models that tiktoken does not
know, `o200k_base` counts instead and the result is `estimated`. Text is always ordinary text: `<|endoftext|>` in a
document is seven tokens, never a control token.

Not covered: the tokens that a chat format adds around messages, and the tokenizers of other vendors.
"""

from __future__ import annotations

import hashlib
import lzma
from binascii import a2b_base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import regex

if TYPE_CHECKING:
    import tiktoken

__all__ = ["DEFAULT_ENCODING", "Tokenizer", "encoding_for", "get_tokenizer"]

DEFAULT_ENCODING = "o200k_base"

_TABLE_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
_SAME_TABLE = ("o200k_base", "o200k_harmony")  # they differ in control tokens only
_VENDORS = ("openai/",)  # of models that tiktoken knows, as gateways and hubs prefix their names
_O200K_PREFIXES = ("gpt-6", "gpt-5", "gpt-4.1", "gpt-4o", "o1", "o3", "o4", "chatgpt-")

# The pattern of o200k_base, copied from tiktoken, which only provides it together with a download of the table.
_WORD_END = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_O200K_PATTERN = "|".join(
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + _WORD_END,
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + _WORD_END,
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)

_GRAPHEME = regex.compile(r"\X")
_WINDOW_CHARS = 50_000  # tiktoken's pattern engine overflows its stack on very long runs, so long texts are split into windows


@dataclass(frozen=True)
class Tokenizer:
    """Counts tokens of the encoding `name`. `estimated` is set when another encoding was asked for."""

    name: str
    estimated: bool
    _encoding: tiktoken.Encoding

    def count(self, text: str) -> int:
        """Return the tokens of `text`. Beyond 50,000 characters it is a sum over windows, at most one token off for each."""
        encode = self._encoding.encode_ordinary
        if len(text) <= _WINDOW_CHARS:
            return len(encode(text))
        return sum(len(encode(text[at : at + _WINDOW_CHARS])) for at in range(0, len(text), _WINDOW_CHARS))

    def ids(self, text: str) -> list[int]:
        """Return the token ids of a short `text`."""
        return self._encoding.encode_ordinary(text)

    def counts(self, texts: Iterable[str]) -> list[int]:
        """Return `count` of each text, on one thread: for short texts a pool costs more than the encoding."""
        return [self.count(text) for text in texts]

    def cut(self, text: str, start: int, end: int, max_tokens: int) -> Iterator[tuple[int, int]]:
        """Yield spans of `text[start:end]` of 1 to `max_tokens` (8 or more) tokens, with only white space between them.

        A cut follows white space if there is any in the second half of a piece. Otherwise it lies between two
        graphemes, or between two characters of a single grapheme of more than `max_tokens`.
        """
        while (start := _skip_space(text, start, end)) < end:
            window = text[start : min(end, start + 8 * max_tokens)]
            first = self._encoding.encode_ordinary(window)[:max_tokens]
            # A prefix of valid UTF-8 decodes exactly, except for a last character that is cut in two: "ignore" drops it.
            stop = start + len(self._encoding.decode_bytes(first).decode("utf-8", "ignore"))
            stop = _border(text, start, stop) if stop < end else end
            # Fewer characters may be more tokens, so the piece itself is counted.
            while self.count(text[start:stop].rstrip()) > max_tokens:
                stop = _border(text, start, stop - 1)
            yield start, start + len(text[start:stop].rstrip())
            start = stop


def encoding_for(model: str) -> tuple[str, bool]:
    """Return the encoding of a model, or of an encoding's own name, and whether it is only an estimate.

    The vendor before a name (`_VENDORS`) is ignored, and a fine-tuned model (`ft:BASE:…`) counts like its base.
    tiktoken's own mapping comes first, then the families that it does not know yet. Anything else is estimated with
    o200k_base.
    """
    import tiktoken

    name = next((model.removeprefix(vendor) for vendor in _VENDORS if model.startswith(vendor)), model)
    if name in tiktoken.list_encoding_names():
        return name, False
    tuned = name.startswith("ft:")
    base = name.split(":")[1] if tuned else name
    try:
        return tiktoken.encoding_name_for_model(base), False
    except KeyError:
        return DEFAULT_ENCODING, not (tuned or base.startswith(_O200K_PREFIXES))


@lru_cache(maxsize=8)
def get_tokenizer(name: str = DEFAULT_ENCODING) -> Tokenizer:
    """Return the tokenizer of an encoding or a model. A missing table is no error: the tokenizer is then `estimated`."""
    import tiktoken

    encoding, estimated = encoding_for(name)
    if encoding in _SAME_TABLE:
        return Tokenizer(DEFAULT_ENCODING, estimated, _packaged())
    try:
        return Tokenizer(encoding, estimated, tiktoken.get_encoding(encoding))
    except (OSError, ValueError):  # no network (requests raises OSError), or a damaged download
        return Tokenizer(DEFAULT_ENCODING, True, _packaged())


@lru_cache(maxsize=1)
def _packaged() -> tiktoken.Encoding:
    import tiktoken

    packed = resources.files("synthgen").joinpath("assets", "o200k_base.tiktoken.xz").read_bytes()
    return tiktoken.Encoding(
        DEFAULT_ENCODING,
        pat_str=_O200K_PATTERN,
        mergeable_ranks=_ranks(lzma.decompress(packed)),
        special_tokens={"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
    )


def _ranks(table: bytes) -> dict[bytes, int]:
    if hashlib.sha256(table).hexdigest() != _TABLE_SHA256:
        raise RuntimeError("synthgen/assets/o200k_base.tiktoken.xz is damaged: its SHA-256 is wrong. Reinstall synthgen.")
    return {a2b_base64(token): int(rank) for token, rank in (line.split() for line in table.splitlines())}


def _skip_space(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start


def _border(text: str, start: int, stop: int) -> int:
    """Return the best place for a cut after `start` and not after `stop`, close to `stop`."""
    half = start + (stop - start + 1) // 2
    for at in range(stop, half, -1):
        if text[at - 1].isspace() and not text[at].isspace():
            return at
    last = start
    for grapheme in _GRAPHEME.finditer(text, start):
        if grapheme.end() > stop:
            break
        last = grapheme.end()
    return last if last > start else stop
