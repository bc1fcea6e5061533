"""Reads a chat completion from plain JSON, because servers leave out or rename what the SDK's types require.

message.content   text, null, a list of parts of which the text counts, or the JSON that was asked for, already decoded.
                  Where it is blank, the arguments of a tool call or else the reasoning are what the model wrote: some
                  servers put the whole answer there
message           an object, or the text itself
finish_reason     as sent ("stop", "STOP", null …): `llm.structured_output.ended_badly` interprets it
usage             null, without details, or with impossible counts (no prompt at all): then tokens are counted here
                  and the usage is `estimated`
"""

from __future__ import annotations

import json
from typing import Any

from synthgen.llm.providers.foreign import decoded_answer, not_an_answer
from synthgen.llm.providers.sent_text import UNKNOWN_TEXT, SentText
from synthgen.records import Completion, Request, Usage
from synthgen.text.storable import storable

__all__ = ["parse_completion", "read_completion"]

_MOST_TOKENS = 10**12  # of one call; a larger count is impossible, and no store could hold it


def parse_completion(request: Request, body: bytes) -> Completion:
    """Return the completion in the body of a response. Raises ValueError when there is none, NoAnswer in most cases."""
    sent = SentText.of(request)
    return read_completion(request, decoded_answer(body, sent), sent)


def read_completion(request: Request, answer: Any, sent: SentText = UNKNOWN_TEXT) -> Completion:
    """Return the completion in a decoded answer. Raises ValueError when there is no message in it.

    `sent` is the text of the request, where it is known.
    It is a NoAnswer where the answer reports an error, or can be no completion.
    """
    if problem := not_an_answer(answer, sent):
        raise problem
    try:
        choice = answer["choices"][0]
        said = choice["message"]
        message = {"content": said} if isinstance(said, str) else said
        content, refused = message.get("content"), message.get("refusal")
        counts = answer.get("usage")
    except (AttributeError, IndexError, KeyError, TypeError):
        raise ValueError(f"it has no choices[0].message: {answer}") from None
    refusal = _text(refused) if refused else _parts(content, ("refusal",)) if isinstance(content, list) else ""
    text = _text(content)
    if not text.strip() and not refusal:
        text = _elsewhere(message) or text
    return Completion(
        request_key=request.key,
        text=storable(text),
        finish_reason=storable(str(choice.get("finish_reason") or "")),
        refusal=storable(refusal) or None,
        usage=_usage(request, text, counts),
        model=storable(str(answer.get("model") or "")),
    )


_REASONING = ("reasoning_content", "reasoning", "thinking", "thinking_content", "reasoning_details")
_PART_TEXTS = ("text", "thinking", "reasoning", "summary", "refusal")


def _text(content: Any) -> str:
    """Return what the model wrote: the text, "" for null, the text parts of a list, or the JSON of anything else."""
    if isinstance(content, list) and not any(isinstance(part, dict) and "type" not in part for part in content):
        return _parts(content, ("text", "output_text"))
    return content if isinstance(content, str) else "" if content is None else json.dumps(content, ensure_ascii=False)


def _parts(content: list[Any], types: tuple[str, ...]) -> str:
    named = ({"type": "text", "text": part} if isinstance(part, str) else part for part in content)
    parts = [part for part in named if isinstance(part, dict) and part.get("type") in types]
    texts = (next((part[name] for name in _PART_TEXTS if part.get(name)), "") for part in parts)
    return "".join(
        _parts(text, ("text",)) if isinstance(text, list) else text for text in texts if isinstance(text, str | list)
    )


def _elsewhere(message: dict[str, Any]) -> str:
    """Return the text of a message without content: of its tool calls, else of its reasoning."""
    calls = message.get("tool_calls")
    functions = [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    arguments = [one.get("arguments") for one in [*functions, message.get("function_call")] if isinstance(one, dict)]
    written = [json.dumps(one, ensure_ascii=False) if isinstance(one, dict) else one for one in arguments]
    if text := "\n".join(one for one in written if isinstance(one, str) and one.strip()):
        return text
    thoughts = ("thinking", "reasoning", "reasoning.text", "reasoning.summary")
    for value in [*(message.get(name) for name in _REASONING), message.get("content")]:
        text = value if isinstance(value, str) else _parts(value, thoughts) if isinstance(value, list) else ""
        if text.strip():
            return text
    return ""


def _usage(request: Request, text: str, told: Any) -> Usage:
    """Return the server's token counts, or an estimate that is marked as one.

    Reasoning is output that is paid for. OpenAI counts it among the completion tokens; where it is only in the total
    (Gemini), the total counts.
    """
    from synthgen.text.tokenizer import get_tokenizer

    try:
        details = told.get("prompt_tokens_details") or {}
        prompt = int(told["prompt_tokens"])
        cached, written = (int(details.get(name) or 0) for name in ("cached_tokens", "cache_write_tokens"))
        output = max(int(told["completion_tokens"]), int(told.get("total_tokens") or 0) - prompt)
        if prompt <= 0 or not all(0 <= tokens <= _MOST_TOKENS for tokens in (prompt, cached, written, output)):
            raise ValueError("these counts are impossible")
        return Usage(prompt, cached, written, output)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        tokenizer = get_tokenizer(request.model)
        prompt = sum(tokenizer.count(message["content"]) for message in request.messages)
        return Usage(prompt=prompt, output=tokenizer.count(text), estimated=True)
