"""Counting needs no network, and cuts fall between characters a reader would not part."""

from __future__ import annotations

import lzma
import socket
from importlib import resources

import pytest
import regex
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.text import tokenizer as tokens
from synthgen.text.tokenizer import encoding_for, get_tokenizer

# The reference: ids that tiktoken itself gives for o200k_base.
KNOWN = {
    "": [],
    "hello world": [24912, 2375],
    "I'LL go\n\n  now": [40, 6, 7454, 810, 279, 220, 1954],
}


@pytest.fixture
def offline(monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    get_tokenizer.cache_clear()
    tokens._packaged.cache_clear()
    yield
    get_tokenizer.cache_clear()


def test_the_packaged_table_counts_without_network(offline):
    tokenizer = get_tokenizer("o200k_base")
    assert (tokenizer.name, tokenizer.estimated) == ("o200k_base", False)
    assert tokenizer.counts(["hello world", "", "你好"]) == [2, 0, 1]


def test_the_packaged_encoding_gives_the_ids_of_tiktoken():
    encoding = tokens._packaged()
    assert {text: encoding.encode_ordinary(text) for text in KNOWN} == KNOWN


def test_another_encoding_offline_is_estimated_and_says_so(offline):
    tokenizer = get_tokenizer("cl100k_base")
    assert (tokenizer.name, tokenizer.estimated) == ("o200k_base", True)


def test_a_damaged_download_is_estimated_too(monkeypatch):
    def damaged(name):
        raise ValueError("Hash mismatch for data downloaded")

    monkeypatch.setattr(tiktoken, "get_encoding", damaged)
    get_tokenizer.cache_clear()
    assert get_tokenizer("p50k_base").estimated
    get_tokenizer.cache_clear()


def test_a_damaged_packaged_table_is_refused():
    packed = resources.files("synthgen").joinpath("assets", "o200k_base.tiktoken.xz").read_bytes()
    with pytest.raises(RuntimeError, match="SHA-256"):
        tokens._ranks(lzma.decompress(packed)[:-1])


@pytest.mark.parametrize(
    ("model", "encoding", "estimated"),
    [
        ("cl100k_base", "cl100k_base", False),
        ("gpt-4", "cl100k_base", False),
        ("gpt-4o-mini", "o200k_base", False),
        ("openai/gpt-5-mini", "o200k_base", False),
        ("gpt-6-nano", "o200k_base", False),
        ("o3-pro", "o200k_base", False),
        ("chatgpt-next", "o200k_base", False),
        ("ft:gpt-4.1-mini-2025-04-14:acme::x1", "o200k_base", False),
        ("ft:gpt-3.5-turbo:acme::x1", "cl100k_base", False),
        ("ft:gpt-9:acme::x1", "o200k_base", False),
        ("mistral-large", "o200k_base", True),
        ("extractive", "o200k_base", True),
    ],
)
def test_a_model_has_an_encoding_and_an_unknown_one_an_estimate(model, encoding, estimated):
    assert encoding_for(model) == (encoding, estimated)


def test_control_tokens_in_a_document_are_ordinary_text():
    assert get_tokenizer().count("<|endoftext|>") > 1


def test_a_text_of_a_million_equal_characters_is_counted():
    assert get_tokenizer().count(" " * 1_000_000) > 0


def test_a_cut_is_put_at_a_space_when_there_is_one():
    text = "alpha beta gamma delta " * 20
    tokenizer = get_tokenizer()
    pieces = [text[a:b] for a, b in tokenizer.cut(text, 0, len(text), 16)]
    assert all(piece.split()[-1] in ("alpha", "beta", "gamma", "delta") for piece in pieces)
    assert " ".join(pieces) == text.strip()


def test_families_and_flags_stay_whole():
    text = "👨‍👩‍👧‍👦🇩🇪é̂" * 20
    edges = {m.end() for m in regex.finditer(r"\X", text)} | {0}
    spans = list(get_tokenizer().cut(text, 0, len(text), 24))
    assert len(spans) > 3
    assert {edge for span in spans for edge in span} <= edges


def test_a_piece_fits_even_where_fewer_characters_are_more_tokens():
    text = "\u0e32\u200d\u0e32\U0001f468\u0e21\u0637\u0e15\u0e32\u0e21\u200dc\U0001f1e9\u0e49b"
    assert all(get_tokenizer().count(text[a:b]) <= 8 for a, b in get_tokenizer().cut(text, 0, len(text), 8))


def test_one_grapheme_larger_than_the_limit_is_cut_between_characters():
    text = "e" + "\u0301" * 100
    spans = list(get_tokenizer().cut(text, 0, len(text), 16))
    assert "".join(text[a:b] for a, b in spans) == text


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), st.integers(8, 40))
def test_pieces_fit_and_leave_out_nothing_but_white_space(text, limit):
    tokenizer = get_tokenizer()
    spans = list(tokenizer.cut(text, 0, len(text), limit))
    assert all(0 < tokenizer.count(text[a:b]) <= limit for a, b in spans)
    borders = [0, *(edge for span in spans for edge in span), len(text)]
    assert borders == sorted(borders)
    assert not "".join(text[a:b] for a, b in zip(borders[::2], borders[1::2], strict=True)).strip()
