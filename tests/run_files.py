"""What two runs are compared by."""

from __future__ import annotations

import json
from pathlib import Path


def outputs(run: Path) -> dict[str, bytes]:
    """Tables and exports of a run folder, and its report without the times."""
    files = {
        p.relative_to(run).as_posix(): p.read_bytes() for p in run.rglob("*") if p.suffix in (".parquet", ".jsonl", ".tsv")
    }
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    del report["timing"]
    return files | {"report.json": json.dumps(report, sort_keys=True).encode()}
