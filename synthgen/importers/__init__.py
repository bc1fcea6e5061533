"""Imports: rows that exist already, from their file to their place in the documents.

Three steps, each a file: `files` reads a file into raw rows, `columns` finds out which column is what, `placing` puts each row
on a chunk; `finding` looks for contexts in documents, `chat` takes conversations apart, `labels` reads texts with labels.

What cannot be used becomes a `Skipped` of stage `import`, whose path is FILE:LINE (the number of the row, where a format has no
lines), for one of these reasons:

    bad_row             not readable, or a value of a type that its column cannot have
    no_query            no query, or an empty one
    no_text, no_label   no text, or no label, where rows are texts with labels
    no_place            nothing says where the answer stands
    several_contexts    more than one context, and none is marked as the one that answers
    unknown_document    no document of that path
    unknown_chunk       no chunk of that id
    bad_span            start and end are no span of the document
    not_found           the context stands in no document
    bridges_splits      its text stands in documents of different splits
    replaced            not a row: a chunk of ours that a context overlaps, and that leaves the index for it
    no_row              not a row: a chunk that no row names
"""

from __future__ import annotations

__all__ = ["STAGE"]

STAGE = "import"
