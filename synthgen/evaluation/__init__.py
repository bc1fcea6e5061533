"""Measure a retriever before and after tuning on the rows of a run (extra: train)."""
