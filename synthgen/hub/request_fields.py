"""Fields of `llm.extra_body` that a card may show: parameters of sampling and reasoning that servers document.

Names are those of OpenAI, vLLM, SGLang, llama.cpp, Ollama, TGI, OpenRouter, Gemini, Anthropic and Mistral, in `snake_case`. A
field that is not here is named and left out, since nobody can tell a setting of a gateway from its key.
"""

from __future__ import annotations

__all__ = ["FIELDS"]

_NAMES = """
    temperature top_p top_k top_a top_n min_p typical_p typical tfs_z tfs epsilon_cutoff eta_cutoff top_n_sigma seed random_seed
    repetition_penalty frequency_penalty presence_penalty length_penalty repeat_penalty repeat_last_n no_repeat_ngram_size
    encoder_repetition_penalty penalty_alpha penalize_nl repetition_penalty_range
    mirostat mirostat_mode mirostat_tau mirostat_eta dynamic_temperature dynatemp_range dynatemp_exponent
    dynatemp_low dynatemp_high temperature_last smoothing_factor smoothing_curve
    dry_multiplier dry_base dry_allowed_length dry_penalty_last_n xtc_probability xtc_threshold samplers
    n best_of num_beams beam_width use_beam_search do_sample early_stopping
    max_tokens max_completion_tokens max_new_tokens max_length min_tokens min_new_tokens min_length min_keep
    n_predict n_keep n_ctx num_predict num_ctx num_keep num_batch num_gpu num_thread num_return_sequences
    stop_token_ids ignore_eos ban_eos_token add_bos_token skip_special_tokens spaces_between_special_tokens
    add_generation_prompt add_special_tokens continue_final_message include_stop_str_in_output truncate_prompt_tokens
    allowed_token_ids bad_token_ids truncate truncation logit_bias logprobs top_logprobs prompt_logprobs n_probs
    return_full_text watermark echo stream store cache_prompt safe_prompt parallel_tool_calls priority keep_alive
    response_format type strict format backend guided_decoding_backend
    reasoning reasoning_effort reasoning_format reasoning_budget reasoning_split include_reasoning separate_reasoning
    effort exclude enabled summary generate_summary max_reasoning_tokens verbosity text modalities prediction
    thinking thinking_mode thinking_budget thinking_config thinking_level enable_thinking preserve_thinking clear_thinking
    include_thoughts budget_tokens disable_reasoning think
    chat_template_kwargs options google extra_body generation_config
    service_tier speed transforms models route provider order only ignore sort quantizations allow_fallbacks
    require_parameters data_collection zdr max_price prompt completion preferred_min_throughput preferred_max_latency
    safety_settings category threshold web_search web_search_options search_context_size
"""
FIELDS = frozenset(_NAMES.split())
