"""Rows of one text: instructions under headers, and the corpus itself for continued pre-training.

`instruction-text` is the layout of many LoRA scripts, whose collators find the answer after the last `### Answer:`:

    ### Instruction:
    …

    ### Context:
    …

    ### Question:
    …

    ### Answer:
    …

No text can imitate a header. Where a text has three or more number signs before one of the four words, in any case and
with any space between, each sign gets a backslash, as in Markdown: `\\#\\#\\# Answer:`.
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

_HEADER = regex.compile(r"(?<!#)#{3,}+(?=\s*+(?:Instruction|Context|Question|Answer))", regex.IGNORECASE)
_JOINT = "\n\n"  # between chunks of a document


def instruction_text(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    instruction: Annotated[str, Field(description="text under ### Instruction:; empty leaves it out")] = SYSTEM,
    end: Annotated[str, Field(description="ends the text, for example a tokenizer's end token; TRL adds it itself")] = "",
    field: TextField = "text",
) -> Iterator[dict[str, str]]:
    """Yield a text for each answered triple."""
    for conversation in conversations(triples, context, system=instruction):
        parts = {
            "Instruction": conversation.system,
            "Context": conversation.context,
            "Question": conversation.question,
            "Answer": conversation.assistant,
        }
        yield {field: "\n\n".join(f"### {name}:\n{_escaped(text)}" for name, text in parts.items() if text) + end}


def _escaped(text: str) -> str:
    return _HEADER.sub(lambda match: r"\#" * len(match.group()), text) if "###" in text else text


def corpus_text(
    triples: Sequence[Triple],
    context: ExportContext,
    *,
    max_tokens: Annotated[int, Field(ge=64, description="maximum number of tokens of a row")] = 2_048,
    tokenizer: Annotated[str, Field(description="tiktoken encoding, or the name of a model")] = DEFAULT_ENCODING,
    headings: Annotated[bool, Field(description="write the headings above a passage where they change")] = True,
    separator: Annotated[
        str,
        Field(description="text between documents, for example a tokenizer's end token; a blank line separates passages"),
    ] = "\n\n---\n\n",
    field: TextField = "text",
) -> Iterator[dict[str, str]]:
    """Yield the chunks of the split, with or without rows, joined to rows of up to `max_tokens`.

    Documents and their passages keep their order. A text that occurs in several places is written once; a text that
    occurs in several splits is not written. A row begins with all headings of its first passage, as Markdown. Only a
    passage longer than a row is cut.
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
    """Return the text of a chunk after the chunk `before` in its row, or at the start of a row."""
    same_document = before is not None and before.document_id == chunk.document_id
    previous = before.headings if before is not None and same_document else ()
    joint = (_JOINT if same_document else separator) if before is not None else ""
    return joint + "".join(_headings(chunk.headings, previous) if headings else ()) + chunk.text.strip()


def _headings(now: Sequence[str], before: Sequence[str]) -> Iterator[str]:
    """Yield the headings from the first that changes."""
    changed = next((level for level, pair in enumerate(zip(now, before, strict=False)) if pair[0] != pair[1]), len(before))
    for level, heading in enumerate(now[changed:], changed + 1):
        yield f"{'#' * min(level, 6)} {' '.join(heading.split())}{_JOINT}"


def _fits(row: Sequence[str], piece: str, used: int, tokenizer: Tokenizer, max_tokens: int) -> bool:
    """Return whether a row can take one more piece, when all pieces counted separately have `used` tokens.

    Two joined texts rarely have more tokens than the two apart, and then by one, so the joined text is counted only
    near the limit.
    """
    if used + len(row) <= max_tokens or used > max_tokens:
        return used <= max_tokens
    return tokenizer.count("".join(row) + piece) <= max_tokens
