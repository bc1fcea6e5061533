"""Write synthgen/assets/prices.yaml from the table that the package genai-prices keeps (MIT; installed with the extra `dev`).

    python .ci/prices.py 2026-11-09        the day whose prices are written

To take newer prices, raise the version of genai-prices in pyproject.toml, install it and run this with a later day. An entry by hand
goes to BY_HAND, with its source; the table must not have the model.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "synthgen" / "assets" / "prices.yaml"

# Provider of the table -> the models that it makes itself. Who else serves a model asks a price of his own.
MAKERS = {
    "openai": r"gpt-\d|o\d|chatgpt-",
    "anthropic": r"claude-",
    "google": r"gemini-",
    "mistral": r"(mi(ni|x)?stral|(code|dev|magi)stral|mixtral)-",
    "deepseek": r"deepseek-",
    "x-ai": r"grok-",
}
NOT_FOR_TEXT = re.compile(r"audio|embed|image|instruct$|live|ocr|realtime|robotics|search|transcribe|tts|vision|voice|\.ft-")
TEXT_PRICES = {"input_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok", "output_mtok"}
BESIDE = {"web_searches_kcount", "storage_searches_kcount"}  # what no call of synthgen uses

# What the table lacks: lines of the form `NAME: {input: …, output: …}  # SOURCE, DAY`.
BY_HAND = ""

HEAD = """\
# Made by .ci/prices.py: do not edit. Dollars per million tokens, at the provider's standard tier, on the day below. Providers change
# prices, often: compare with the provider's page before you rely on a figure, and give your own file with llm.prices=FILE. It has
# the same form and replaces this one. `written` is what tokens cost that are put into a prompt cache, where that costs more.
# `batch` is the factor for calls through the batch endpoint, where it is not 0.5; it is 1 where no discount is listed. `training` is
# what a token of a training file costs in each epoch; none is stated here, because no dated source for one was at hand.
dated: {day}
source: genai-prices {version} (MIT), https://github.com/pydantic/genai-prices
models:
"""


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    FILE.write_text(table(date.fromisoformat(sys.argv[1])), encoding="utf-8")
    return 0


def table(day: date) -> str:
    """The text of prices.yaml with the prices of `day`."""
    from genai_prices.data import providers

    known = {provider.id: provider for provider in providers}
    lines = [HEAD.format(day=day, version=version("genai-prices"))]
    names: set[str] = set()
    for maker, own in MAKERS.items():
        lines.append(f"  # {known[maker].name}: {known[maker].pricing_urls[0]}\n")
        for model in known[maker].models:
            if not re.match(own, model.id) or NOT_FOR_TEXT.search(model.id) or not re.fullmatch(r"[\w.-]+", model.id):
                continue
            if price := dict(_price(model, day)):
                assert model.id not in names, f"{model.id} has two makers"
                names.add(model.id)
                lines.append(f"  {model.id}: {{{', '.join(f'{name}: {value}' for name, value in price.items())}}}\n")
    return "".join([*lines, *(["  # by hand\n", BY_HAND] if BY_HAND else [])])


def _price(model: Any, day: date) -> Iterator[tuple[str, str]]:
    """What a model that reads and writes text alone costs; nothing for another."""
    hours = [datetime.combine(day, time(hour), UTC) for hour in range(24)]
    moment = max(hours, key=lambda hour: _base(model.get_prices(hour).output_mtok or 0))  # some are cheaper at night
    listed = {name: value for name, value in vars(model.get_prices(moment)).items() if value is not None}
    if not {"input_mtok", "output_mtok"} <= listed.keys() <= TEXT_PRICES | BESIDE:
        return
    of = {name: _base(value) for name, value in listed.items()}
    yield "input", _shown(of["input_mtok"])
    if "cache_read_mtok" in of:
        yield "cached", _shown(of["cache_read_mtok"])
    if of.get("cache_write_mtok", of["input_mtok"]) != of["input_mtok"]:
        yield "written", _shown(of["cache_write_mtok"])
    yield "output", _shown(of["output_mtok"])
    batch = model.get_prices(moment, {"processing": "batch"})
    factors = [_base(getattr(batch, name)) / of[name] for name in ("input_mtok", "output_mtok") if of[name]]
    if (factor := max(factors, default=Decimal(1))) != Decimal("0.5"):
        yield "batch", _shown(round(factor, 4))


def _base(price: Any) -> Decimal:
    """Of a price in tiers by the length of the prompt: that of short prompts."""
    return Decimal(getattr(price, "base", price))


def _shown(price: Decimal) -> str:
    text = f"{price.normalize():f}"
    return text if "." in text and len(text.partition(".")[2]) > 1 else f"{price:.2f}"


if __name__ == "__main__":
    sys.exit(main())
