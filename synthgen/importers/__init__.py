"""Importing existing rows, from their file to their place in the documents.

`files` reads a file into raw rows, `columns` assigns a role to each column, and `place` assigns a chunk to each row.
`locate` finds contexts in documents, `chat` splits conversations into columns, and `classification` reads labelled
texts.

A row that cannot be used becomes a `Skipped` of stage `import`. Its path is FILE:LINE (the row number in formats
without lines), and its reason is one of these:

    bad_row             the row cannot be read, or a value has a type that its column cannot have
    no_query            the query is missing or empty
    no_answer           the assistant of a conversation says nothing after the question
    other_turn          another question of a conversation, which may need the one that was taken
    no_text, no_label   the text or the label is missing (labelled texts)
    no_place            the row does not say where the answer is
    was_rejected        a row of the table `rejected` that nobody marked as reviewed
    several_contexts    there are several contexts, and none is marked as the one with the answer
    unknown_document    no document has that path
    unknown_chunk       no chunk has that id
    bad_span            start and end are not a span of the document
    not_found           no document contains the context
    bridges_splits      the text occurs in documents of different splits
    replaced            not a row: one of the run's own chunks, which an imported context replaces in the index
    no_row              not a row: a chunk that no row refers to
"""

from __future__ import annotations

__all__ = ["STAGE"]

STAGE = "import"
