"""The marks of a model's own format: control tokens of chat templates, and the tags around its reasoning.

They reach texts when a server does not parse them, and come with rows that people import. They are never content of a
row, unless the row's passage writes the same mark, as a manual of chat templates does.
"""

from __future__ import annotations

import regex

__all__ = ["THINK", "has_marks", "without_marks", "without_prompt"]

THINK = r"(?:[a-z]+:)?(?:think(?:ing)?|thoughts?|reasoning|reflection|scratchpad|analysis|inner_monologue)"
"""Pattern of the names of tags around reasoning, for IGNORECASE."""
_OPENS = rf"<{THINK}(?:\s[^<>]*)?>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|START_THINKING\|>|<unused94>(?:thought\b)?"
_CLOSES = rf"</{THINK}\s*>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<\|END_THINKING\|>|<unused95>"
_FINAL = r"<\|(?:channel)\|>\s*final\s*(?:<\|constrain\|>\w*)?<\|message\|>"
_HIDDEN_CHANNEL = (
    r"<\|channel\|>\s*(?:analysis|commentary)\b.*?(?=<\|channel\|>\s*final\b|<\|start\|>assistant<\|channel\|>final|\Z)"
)

_REASONING = regex.compile(rf"(?:{_OPENS})(?:(?!{_OPENS}).)*?(?:{_CLOSES})", regex.DOTALL | regex.IGNORECASE)
_REASONING_END = regex.compile(rf"\A.*(?:{_CLOSES})", regex.DOTALL | regex.IGNORECASE)  # the opening mark was in the prompt
_REASONING_START = regex.compile(rf"(?:{_OPENS}).*\Z", regex.DOTALL | regex.IGNORECASE)  # cut off before it closed
_CHANNEL = regex.compile(_HIDDEN_CHANNEL, regex.DOTALL | regex.IGNORECASE)

_ROLE = r"(?:system|user|assistant|tool|developer|model|ipython|observation)"
_STARTS = r"<\|im_start\|>\s*{0}\b|<\|start_header_id\|>\s*{0}\s*<\|end_header_id\|>|<start_of_turn>\s*{0}\b|<[|｜]{0}[|｜]>"
_PROMPT = regex.compile(
    rf"\A\s*(?:<\|begin_of_text\|>|<bos>|<s>)?\s*(?:{_STARTS.format('(?:system|user|developer)')}).*?"
    rf"(?:{_STARTS.format('(?:assistant|model)')})\s*",
    regex.DOTALL | regex.IGNORECASE,
)
_CHANNELS_BARE = regex.compile(r"\Aanalysis(?=[A-Z\s]).*?assistantfinal\s*", regex.DOTALL)  # their tokens were dropped
# The end of a turn, or the start of another one. `</s>` closes struck-out text, too, where `<s>` opened it.
_TURN_END = regex.compile(
    rf"""
    (?P<mark> <\|(?:im_end|im_sep|eot_id|eom_id|eot|endoftext|end_of_text|end_of_turn_token|end|return|eos)\|>
      | <｜end[^<>｜\n]{{1,30}}｜> | <end_of_turn> | <eos> | </s>
      | <\|im_start\|>(?=\s*{_ROLE}\b) | <\|start_header_id\|>(?=\s*{_ROLE}\b) | <start_of_turn>(?=\s*{_ROLE}\b)
      | <\|(?:user|human|system|observation)\|> | <｜User｜> | \[INST\]
    )
    """,
    regex.VERBOSE | regex.IGNORECASE,
)
_PROSE_GOES_ON = regex.compile(r"""[`"'”»]|[ ]\p{Ll}""")
_TOKEN = regex.compile(
    rf"""
    {_FINAL}
  | <\|im_start\|>\s*{_ROLE}\b [ \t]*\n?
  | <\|start_header_id\|>\s*{_ROLE}?\s*<\|end_header_id\|>
  | <start_of_turn>\s*{_ROLE}\b | <\|start\|>\s*{_ROLE}\b
  | <\|[\w:/.-]{{1,40}}\|>                             # <|im_end|>, <|eot_id|>, <|endoftext|> …
  | <\|(?:im_|eot|eom|end)\w{{0,20}}\|?\Z                 # <|im_end, cut off
  | <｜[^<>｜\n]{{1,40}}｜>                              # <｜end▁of▁sentence｜>
  | </?(?:start|end)_of_(?:turn|image|text|role)> | <(?:start|end)_of_turn>
  | </s> | <s>(?!\w) | \A\s*<s> | <(?:eos|bos|pad|unk|mask|eod|eop|eom|sep|cls)> | </(?:eos|bos)>
  | \[/?(?:INST|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|SYSTEM_PROMPT)\] | <</?SYS>>
  | <unused\d{{1,3}}> | <0x[0-9A-Fa-f]{{2}}> | <extra_id_\d{{1,3}}> | <reserved_\d+>
  | (?:{_OPENS})|(?:{_CLOSES})
  | ⟨\|?(?:eos|end)\|?⟩
    """,
    regex.VERBOSE | regex.IGNORECASE,
)


def has_marks(text: str, passage: str = "") -> bool:
    """Whether the text has a mark that the passage does not have."""
    return any(match[0].strip() not in passage for match in _TOKEN.finditer(text))


def without_marks(text: str, passage: str = "") -> str:
    """Return the text without marks and without the reasoning inside them.

    A mark that stands in the passage is content, except at the end of the text where the passage does not have the words before it.
    """
    if not any(bracket in text for bracket in "<[◁⟨") and not text.startswith("analysis"):
        return text
    cleaned = text
    if not _in(_REASONING_START, text, passage) and not _in(_REASONING_END, text, passage):
        previous = None
        while previous != cleaned:
            previous = cleaned
            cleaned = _REASONING.sub("", cleaned)
        cleaned = _REASONING_END.sub("", cleaned)
        cleaned = _REASONING_START.sub("", cleaned)
    if "<|channel|>" not in passage:
        cleaned = _CHANNELS_BARE.sub("", _CHANNEL.sub("", cleaned))
    cleaned = _first_turn(cleaned, passage)
    previous = None
    while previous != cleaned:  # a mark may appear when another one inside it goes
        previous = cleaned
        cleaned = _TOKEN.sub(lambda match: match[0] if _is_content(match, passage) else "", cleaned)
    return cleaned if cleaned == text else cleaned.strip()


def without_prompt(text: str, passage: str = "") -> str:
    """Return what an assistant says in a text that begins with the turns before it, else the text."""
    match = _PROMPT.match(text)
    return text[match.end() :] if match and match[0].split()[0] not in passage and text[match.end() :].strip() else text


def _first_turn(text: str, passage: str) -> str:
    """Return the text up to the mark that ends its first turn. Marks before any word begin it, and prose may name a mark."""
    at, begun = 0, False
    for match in _TURN_END.finditer(text):
        begun = begun or bool(_TOKEN.sub("", text[at : match.start()]).strip())
        at = match.start()
        is_struck_out = match[0].lower() == "</s>" and "<s>" in text[: match.start()].lower()
        if begun and match["mark"] not in passage and not is_struck_out and not _PROSE_GOES_ON.match(text, match.end()):
            return text[: match.start()]
    return text


def _in(pattern: regex.Pattern[str], text: str, passage: str) -> bool:
    """Whether the passage has the mark of reasoning that the text has."""
    marks = (
        [match[0] for match in regex.finditer(f"{_OPENS}|{_CLOSES}", text, regex.IGNORECASE)] if pattern.search(text) else []
    )
    return bool(marks) and all(mark in passage for mark in marks)


def _is_content(match: regex.Match[str], passage: str) -> bool:
    mark = match[0].strip()
    if mark not in passage:
        return False
    ends = not match.string[match.end() :].strip()
    before = match.string[max(0, match.start() - 8) : match.start()]
    return not ends or not before.strip() or (before + mark) in passage
