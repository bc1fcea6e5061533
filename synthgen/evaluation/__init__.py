"""Measuring a retriever before and after it was tuned on the rows of a run (extra: train)."""
