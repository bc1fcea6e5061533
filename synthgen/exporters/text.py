"""Rows of one text: instructions under headers, and the corpus itself for continued pre-training.

`instruction-text` is the layout of many LoRA scripts, whose collators find the answer behind the last `### Answer:`:

    ### Instruction:
    …

    ### Context:
    …

    ### Question:
    …

    ### Answer:
    …

No text may fake one of these headers: where three or more number signs stand before one of the four words in a text, in any case and
with any space between, each sign gets a backslash before it, as Markdown would have it: `\\#\\#\\# Answer:`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

import regex
from pydantic import Field

from synthgen.exporters.context import ExportContext
from synthgen.exporters.conversation import SYSTEM, conversations
from synthgen.records import Chunk, Triple
from synthgen.text.tokenizer import DEFAULT_ENCODING, Tokenizer, get_tokenizer

__all__ = ["corpus_text", "instruction_text"]

TextField = Annotated[str, Field(min_length=1, description="name of the field; TRL calls it dataset_text_field")]

_HEADER = regex.compile(r"#{3,}(?=\s*(?:Instruction|Context|Question|Answer))", regex.IGNORECASE)
_JOINT = "\n\n"  # between chunks of a document


def instruction_text(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    instruction: Annotated[str, Field(description="text under ### Instruction:; empty leaves it out")] = SYSTEM,
    end: Annotated[str, Field(description="ends the text, such as a tokenizer's end token; TRL adds that itself")] = "",
    field: TextField = "text",
) -> Iterator[dict[str, str]]:
    """One text for each answered triple."""
    for shown in conversations(triples, context, system=instruction):
        parts = {
            "Instruction": shown.system,
            "Context": shown.context,
            "Question": shown.question,
            "Answer": shown.assistant,
        }
        yield {field: "\n\n".join(f"### {name}:\n{_escaped(text)}" for name, text in parts.items() if text) + end}


def _escaped(text: str) -> str:
    return _HEADER.sub(lambda match: r"\#" * len(match.group()), text) if "###" in text else text


def corpus_text(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    max_tokens: Annotated[int, Field(ge=64, description="most tokens of a row")] = 2_048,
    tokenizer: Annotated[str, Field(description="tiktoken encoding, or the name of a model")] = DEFAULT_ENCODING,
    headings: Annotated[bool, Field(description="show the headings above a passage where they change")] = True,
    separator: Annotated[
        str,
        Field(description="between documents in a row, such as a tokenizer's end token; passages are parted by a blank line"),
    ] = "\n\n---\n\n",
    field: TextField = "text",
) -> Iterator[dict[str, str]]:
    """The chunks of the split, whatever rows there are, joined to rows of up to `max_tokens`.

    Documents stand in their order and passages in theirs; a text that stands in several places is there once, and one that stands in
    several splits is not there at all. A row begins with all headings of its first passage, as Markdown. Only a passage longer than
    a row is cut.
    """
    counter, row, used = get_tokenizer(tokenizer), list[str](), 0
    before: Chunk | None = None
    for chunk in (chunk for chunk in context.chunks.values() if chunk.split == context.split):
        piece = _piece(chunk, before, headings, separator)
        size = counter.count(piece)
        if row and not _fits(row, piece, used + size, counter, max_tokens):
            yield {field: "".join(row)}
            piece, row, used = _piece(chunk, None, headings, separator), [], 0
            size = counter.count(piece)
        if size > max_tokens:
            *whole, piece = (piece[start:end] for start, end in counter.cut(piece, 0, len(piece), max_tokens))
            yield from ({field: text} for text in whole)
            size = counter.count(piece)
        row.append(piece)
        used, before = used + size, chunk
    if row:
        yield {field: "".join(row)}


def _piece(chunk: Chunk, before: Chunk | None, headings: bool, separator: str) -> str:
    """A chunk as it goes on in a row after `before`, or begins one."""
    same = before is not None and before.document_id == chunk.document_id
    known = before.headings if before is not None and same else ()
    joint = (_JOINT if same else separator) if before is not None else ""
    return joint + "".join(_headings(chunk.headings, known) if headings else ()) + chunk.text.strip()


def _headings(now: Sequence[str], before: Sequence[str]) -> Iterator[str]:
    """From the first that has changed."""
    changed = next((level for level, pair in enumerate(zip(now, before, strict=False)) if pair[0] != pair[1]), len(before))
    for level, heading in enumerate(now[changed:], changed + 1):
        yield f"{'#' * min(level, 6)} {' '.join(heading.split())}{_JOINT}"


def _fits(row: Sequence[str], piece: str, used: int, tokenizer: Tokenizer, max_tokens: int) -> bool:
    """Whether a row can take one more piece, if they have `used` tokens apart.

    Joined, two texts are hardly ever more tokens than apart, and then by one, so all are counted only near the limit.
    """
    if used + len(row) <= max_tokens or used > max_tokens:
        return used <= max_tokens
    return tokenizer.count("".join(row) + piece) <= max_tokens
