"""A dated table of prices: the packaged one, the user's own, and what a call costs by it."""

from __future__ import annotations

import runpy
from importlib.metadata import version
from pathlib import Path

import pytest

from synthgen.errors import ConfigError
from synthgen.llm.costs import prices as prices_module
from synthgen.llm.costs.prices import Price, load_prices
from synthgen.records import Usage

MITHRIL = Price(input=10, cached=1, written=12.5, output=40)


def test_the_packaged_prices_are_dated_and_know_snapshots() -> None:
    prices = load_prices()
    assert prices.of("gpt-4o-mini-2024-07-18") == prices.of("gpt-4o-mini") == Price(input=0.15, cached=0.075, output=0.60)
    assert prices.of("claude-haiku-4-5-20251001") == prices.of("claude-haiku-4-5") is not None
    assert prices.of("gpt-4o-mini-tuned") is None
    assert prices.dated.year >= 2026


def test_the_packaged_prices_are_those_of_the_kept_table() -> None:
    """`.ci/prices.py` writes them; a hand that changes the file, or a newer table, makes this fail."""
    pytest.importorskip("genai_prices")
    script = runpy.run_path(str(Path(__file__).parents[3] / ".ci" / "prices.py"))
    kept = load_prices()
    assert kept.source.startswith(f"genai-prices {version('genai-prices')} ")
    assert prices_module._PACKAGED.read_text(encoding="utf-8") == script["table"](kept.dated)


def test_the_packaged_prices_are_of_models_that_write_text() -> None:
    models = load_prices().models
    assert {"gpt-5-mini", "claude-haiku-4-5", "gemini-2.5-pro", "mistral-small-latest"} <= models.keys()
    assert [name for name in models if any(word in name for word in ("embed", "image", "tts", "audio"))] == []
    assert [name for name, price in models.items() if price.output < price.input or (price.cached or 0) > price.input] == []
    assert models["o1-preview"].batch == 1  # the table lists no discount


def test_cached_and_written_tokens_have_their_own_price() -> None:
    usage = Usage(prompt=1_000_000, cached=400_000, written=200_000, output=100_000)
    assert MITHRIL.dollars(usage) == pytest.approx(4 + 0.4 + 2.5 + 4)


def test_a_table_that_is_silent_on_the_cache_charges_the_full_price() -> None:
    price = Price(input=10, output=40)
    assert price.dollars(Usage(prompt=1_000_000, cached=999_999)) == price.dollars(Usage(prompt=1_000_000))
    assert (price.saved_by_reading, price.spent_on_writing) == (0, 0)


def test_cached_tokens_that_a_server_counts_beside_the_prompt_are_charged_and_never_credited() -> None:
    usage = Usage(prompt=10, cached=1_000_000, output=0)
    assert MITHRIL.dollars(usage) == pytest.approx(1)


def test_batches_cost_half_unless_the_table_says_otherwise() -> None:
    usage = Usage(prompt=1_000_000, output=1_000_000)
    assert MITHRIL.dollars(usage, batch=True) == pytest.approx(25)
    assert Price(input=10, output=40, batch=0.6).dollars(usage, batch=True) == pytest.approx(30)


def test_at_most_takes_the_dearest_price_that_a_token_can_have() -> None:
    assert MITHRIL.at_most(1_000_000, 1_000_000) == pytest.approx(52.5)
    assert MITHRIL.at_most(1_000_000, 0, batch=True) == pytest.approx(6.25)
    assert Price(input=1, cached=3, output=0).at_most(1_000_000, 0) == pytest.approx(3)


def test_a_user_s_table_replaces_the_packaged_one(tmp_path: Path) -> None:
    table = tmp_path / "prices.yaml"
    table.write_text("dated: 2001-12-19\nmodels: {mithril-7b: {input: 10, output: 40, batch: 0.25}}\n")
    prices = load_prices(table)
    assert prices.of("gpt-4o-mini") is None
    price = prices.of("mithril-7b")
    assert price is not None
    assert price.batch == 0.25


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dated: 2001-12-19\nmodels: {a: {inptu: 1, output: 2}}", r"Did you mean 'input'"),
        ("models: {a: {input: 1, output: 2}}", "dated"),
        ("dated: 2001-12-19\nmodels: {a: {input: -1, output: 2}}", "models.a.input"),
        ("dated: 2001-12-19\nmodels: {a: {input: .nan, output: 2}}", "models.a.input"),
        ("dated: 2001-12-19\nmodels: {a: {input: 1, output: 2, batch: 50}}", "models.a.batch"),
        ("dated: [", "not valid YAML"),
    ],
)
def test_a_bad_price_table_is_explained(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "prices.yaml").write_text(text)
    with pytest.raises(ConfigError, match=told):
        load_prices(tmp_path / "prices.yaml")
