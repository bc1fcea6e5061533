"""Documents for runs, and what two runs are compared by."""

from __future__ import annotations

import json
from pathlib import Path

RIVERS = ("Anduin", "Baranduin", "Celebrant", "Isen", "Limlight", "Lune", "Entwash", "Poros")


def write_rivers(folder: Path) -> Path:
    """A page of one chunk for each river."""
    folder.mkdir()
    for number, river in enumerate(RIVERS, 1):
        text = f"The {river} is {100 * number} miles long. It rises in the hills of number {number} and has {number} bridges."
        (folder / f"{river}.md").write_text(f"# {river}\n\n{text}\n", encoding="utf-8")
    return folder


TOWNS = {
    "Bree": "Four roads meet below its hill. The Prancing Pony lets rooms by the week.",
    "Dale": "Toymakers live under the mountain. Every autumn their market lasts nine days.",
    "Edoras": "Horses graze outside the gate. A golden hall was thatched by King Brego.",
    "Esgaroth": "Houses stand on wooden piles. Its master counts barrels that float down the river.",
    "Hobbiton": "Round doors open south. An old mill grinds barley for the whole Westfarthing.",
    "Lindon": "Shipwrights work at grey harbours. White swans nest beside the longest quay.",
    "Moria": "Miners dug for silver too deeply. Twenty-one halls lie beneath three peaks.",
    "Pelargir": "Sailors pay no tax. A stone wharf was begun in the reign of Eärnil.",
}


def write_towns(folder: Path) -> Path:
    """A page of one chunk for each town; no two share a phrase, so that any can be a distractor of the others."""
    folder.mkdir()
    for town, text in TOWNS.items():
        (folder / f"{town}.md").write_text(f"# {town}\n\n{text}\n", encoding="utf-8")
    return folder


def outputs(run: Path) -> dict[str, bytes]:
    """Tables and exports of a run folder, and its report without the times."""
    files = {
        p.relative_to(run).as_posix(): p.read_bytes() for p in run.rglob("*") if p.suffix in (".parquet", ".jsonl", ".tsv")
    }
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    del report["timing"]
    return files | {"report.json": json.dumps(report, sort_keys=True).encode()}
