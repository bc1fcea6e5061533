"""What of a configuration is published: what is known to hold no secret. The rest is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from synthgen.config.settings import load_config
from synthgen.exporters.formats import FORMATS
from synthgen.filters.chain import FILTERS, filter_spec
from synthgen.hub.key_forms import without_keys
from synthgen.hub.public_settings import public_settings, settings_left_out
from synthgen.registry import describe_options, resolve

SECRET = "hunter2-precious"

SECRETS: dict[str, dict[str, Any]] = {
    "llm.extra_body.subscription-key": {"subscription-key": SECRET},
    "llm.extra_body.litellm_key": {"litellm_key": SECRET},
    "llm.extra_body.auth": {"auth": SECRET},
    "llm.extra_body.bearer": {"bearer": SECRET},
    "llm.extra_body.cookie": {"cookie": SECRET},
    "llm.extra_body.session": {"session": SECRET},
    "llm.extra_body.jwt": {"jwt": SECRET},
    "llm.extra_body.pwd": {"pwd": SECRET},
    "llm.extra_body.tokens": {"tokens": [SECRET]},
    "llm.extra_body.value": {"value": f"Bearer {SECRET}"},
    "llm.extra_body.proxy": {"proxy": f"https://u:{SECRET}@gateway.example"},
    "llm.extra_body.webhook": {"webhook": f"https://hooks.example/services/{SECRET}"},
    "llm.extra_body.user": {"user": SECRET},
    "llm.extra_body.metadata": {"metadata": {"team": SECRET}},
    "llm.extra_body.extra_headers": {"extra_headers": {"X-Api-Key": SECRET}},
    "llm.extra_body.pin": {"pin": 47114711},
    "llm.extra_body.kennwort": {"kennwort": SECRET},
    "llm.extra_body.thinking.signature": {"thinking": {"type": "enabled", "signature": SECRET}},
    "llm.extra_body.reasoning_effort": {"reasoning_effort": "sk-precious-1234567"},
    "llm.extra_body.provider.order": {"provider": {"order": ["Together", "hf_precious12345678901234567"]}},
    "llm.extra_body.chat_template": {"chat_template": f"{{{{ '{SECRET}' }}}}"},
    "llm.extra_body.(a name that is not shown)": {"sk-precious-1234567": True},
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_field_that_may_be_a_secret_is_named_and_left_out(name: str) -> None:
    config = load_config(overrides={"llm": {"extra_body": {"top_k": 20, **SECRETS[name]}}})
    published = yaml.safe_dump(public_settings(config))
    assert "top_k: 20" in published
    assert "precious" not in published
    assert "4711" not in published
    assert settings_left_out(config) == [name]
    load_config(overrides=public_settings(config))


@pytest.mark.parametrize(
    "body",
    [
        {"top_k": 20, "min_p": 0.05, "repetition_penalty": 1.1},
        {"stop_token_ids": [1, 2], "max_tokens": 3, "logit_bias": {"50256": -100}},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"reasoning": {"effort": "low", "exclude": True}, "service_tier": "flex"},
        {"extra_body": {"google": {"thinking_config": {"thinkingBudget": 0, "include_thoughts": None}}}},
        {"provider": {"order": ["Together", "deepinfra/fp8"], "allow_fallbacks": False}, "models": ["openai/gpt-4o"]},
        {"safety_settings": [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "threshold": "BLOCK_NONE"}]},
        {"options": {"num_ctx": 8192}, "keep_alive": "5m", "topK": 4},
    ],
)
def test_a_parameter_of_sampling_is_published_as_it_is(body: dict[str, Any]) -> None:
    config = load_config(overrides={"llm": {"extra_body": body}})
    assert public_settings(config)["llm"]["extra_body"] == body
    assert settings_left_out(config) == []


def test_what_belongs_to_one_machine_is_named() -> None:
    config = load_config(
        overrides={
            "llm": {"base_url": "http://barad-dur/v1", "api_key_env": "MY_KEY", "store": "/precious/calls.sqlite"},
            "filters": {
                "options": {"mine:passes": {"threshold": 0.5, "deep": {"least": 3}, "folder": SECRET, "api_key": 12345}}
            },
            "exports": {"options": {"mine:rows": {"header": SECRET}, "openai-chat": {"system": f"key={SECRET}0 Answer."}}},
        }
    )
    assert settings_left_out(config) == [
        "llm.base_url", "llm.api_key_env", "llm.store", "filters.options.mine:passes.folder", "filters.options.mine:passes.api_key",
        "exports.options.mine:rows.header", "exports.options.openai-chat.system (in part)",
    ]  # fmt: skip
    published = public_settings(config)
    assert published["filters"]["options"] == {"mine:passes": {"threshold": 0.5, "deep": {"least": 3}}}
    assert published["exports"]["options"] == {"mine:rows": {}, "openai-chat": {"system": "key=*** Answer."}}


def test_every_text_option_of_the_package_can_be_published() -> None:
    functions: dict[str, dict[str, Callable[..., Any]]] = {
        "filters": {name: filter_spec(name).function for name in FILTERS},
        "exports": {name: resolve("format", format.path, {}) for name, format in FORMATS.items()},
    }
    texts = {
        section: {
            "options": {
                name: {
                    option.name: "word" for option in describe_options(function) if "str" in option.type or "'" in option.type
                }
                for name, function in table.items()
            }
        }
        for section, table in functions.items()
    }
    published = public_settings(load_config(overrides=texts))
    assert {section: {"options": published[section]["options"]} for section in texts} == texts


@pytest.mark.parametrize(
    "text",
    [
        "/no_think Answer from $context.",
        "The key is a secret. Password: the word that opens a door.",
        "Basic understanding of responsibilities, and the bearer of bad news",
        "sk-learn and sk-learn-contrib",
        "meta-llama/Llama-3.1-405B-Instruct-FP8",
        "accounts/fireworks/models/deepseek-v3p1-terminus",
        "openai/gpt-4o-mini-2024-07-18",
        "cross-encoder/ms-marco-MiniLM-L6-v2",
        "https://example.com/path?page=2",
        "Donaudampfschifffahrtsgesellschaft",
        "ISBN 978-3-16-148410-0, 2026-11-30T14:22:10Z",
        "AKIRA and ASIA, hf_transfer, eyJ",
    ],
)
def test_a_text_without_a_key_stays(text: str) -> None:
    assert without_keys(text) == text
