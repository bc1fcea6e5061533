"""The pictures of the documentation, as SVG: the way from documents to a measured gain, and the layers of the package.

Both carry their own background and follow the reader's light or dark scheme. Figures come from `benchmarks/results/`, layers from
`tests/test_layers.py`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from synthgen.config.settings import Exports
from synthgen.exporters.formats import FORMATS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / ".github" / "docs"

_STYLE = """
  <style>
    .card { fill: #ffffff; stroke: #d0d7de }
    .box { fill: #f6f8fa; stroke: #d0d7de }
    .ink { fill: #1f2328 } .dim { fill: #59636e }
    .line { stroke: #59636e; fill: none } .faint { fill: #d0d7de }
    .kept { fill: #0969da } .kept-line { stroke: #0969da } .lost { fill: #cf222e }
    text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
    .title { font-weight: 600; font-size: 14px } .small { font-size: 11px }
    @media (prefers-color-scheme: dark) {
      .card { fill: #0d1117; stroke: #3d444d } .box { fill: #151b23; stroke: #3d444d }
      .ink { fill: #f0f6fc } .dim { fill: #9198a1 } .line { stroke: #9198a1 } .faint { fill: #3d444d }
      .kept { fill: #4493f8 } .kept-line { stroke: #4493f8 } .lost { fill: #f85149 }
    }
  </style>"""


def flow() -> str:
    """Documents, rows, exports, and the gain that was measured on five public sets."""
    width, height = 920, 268
    parts = [
        *_panel(20, "Documents", "Markdown, HTML, text", _pages(20)),
        *_arrow(212),
        *_panel(242, "Checked rows", "query, context, answer", _rows(242)),
        *_arrow(434),
        *_panel(464, "Exports", "chat, RAFT, triplets, BEIR", _files(464)),
        *_arrow(656),
        *_panel(686, "Measured gain", "tuned - base, nDCG@10", _gains(686), width=214),
    ]
    label = "Documents become checked rows, rows become exports, and the gain that they bring is measured with intervals."
    return _svg(width, height, label, parts)


def _panel(x: int, title: str, text: str, inside: list[str], width: int = 186) -> Iterator[str]:
    yield f'<rect class="box" x="{x}" y="20" width="{width}" height="228" rx="8"/>'
    yield f'<text class="ink title" x="{x + 16}" y="46">{title}</text><text class="dim small" x="{x + 16}" y="64">{text}</text>'
    yield from inside


def _arrow(x: int) -> Iterator[str]:
    yield f'<path class="line" stroke-width="1.5" d="M{x} 134 h16 m-5 -5 l5 5 l-5 5"/>'


def _pages(x: int) -> list[str]:
    made = []
    for n in range(3):
        left, top = x + 34 + 16 * n, 88 + 16 * n
        made.append(f'<rect class="card" x="{left}" y="{top}" width="84" height="108" rx="4"/>')
    left, top = x + 66, 120
    for n, length in enumerate([44, 60, 52, 60, 36]):
        shade = "kept" if n == 2 else "faint"
        made.append(f'<rect class="{shade}" x="{left + 12}" y="{top + 18 + 15 * n}" width="{length}" height="5" rx="2"/>')
    return made


def _rows(x: int) -> list[str]:
    made = []
    for n in range(7):
        top, lost = 86 + 20 * n, n in (2, 5)
        shade = "faint" if lost else "kept"
        for left, length in ((16, 46), (68, 60), (134, 22)):
            made.append(f'<rect class="{shade}" x="{x + left}" y="{top}" width="{length}" height="7" rx="2"/>')
        mark = "M0 0 l7 7 m0 -7 l-7 7" if lost else "M0 4 l3 3 l6 -7"
        line = "lost" if lost else "kept"
        made.append(
            f'<path transform="translate({x + 163} {top})" d="{mark}" fill="none" stroke-width="1.6" class="mark-{line}"/>'
        )
    made.append(f'<text class="dim small" x="{x + 16}" y="240">every rejection has a reason</text>')
    return made


def _files(x: int) -> list[str]:
    made, shown = [], Exports().formats
    for n, name in enumerate([*shown, f"and {len(FORMATS) - len(shown)} more"]):
        top = 82 + 30 * n
        if n < len(shown):
            made.append(f'<rect class="card" x="{x + 16}" y="{top}" width="154" height="24" rx="4"/>')
        shade = "ink" if n < len(shown) else "dim"
        made.append(f'<text class="{shade}" x="{x + 28}" y="{top + 16}">{name}</text>')
    return made


def _gains(x: int) -> list[str]:
    """A dot with its 95 % interval for each set; the line is zero."""
    zero, scale, made = x + 112, 950, []
    made.append(f'<path class="line" stroke-dasharray="3 3" d="M{zero} 82 V222"/>')
    for n, found in enumerate(measured()):
        y, name = 96 + 28 * n, found["name"].split("_")[0]
        low, mean, high = (round(zero + scale * found[key], 1) for key in ("low", "mean", "high"))
        made.append(f'<text class="dim" x="{x + 16}" y="{y + 4}">{name}</text>')
        made.append(
            f'<path class="kept-line" stroke-width="2" d="M{low} {y} H{high}"/><circle class="kept" cx="{mean}" cy="{y}" r="4.5"/>'
        )
    made.append(f'<text class="dim small" x="{x + 16}" y="240">human queries, 95 % intervals</text>')
    return made


def measured() -> list[dict[str, Any]]:
    """Of each benchmark set its name, and how much better the tuned encoder is than its base on human queries, with the interval."""
    results = json.loads((ROOT / "benchmarks" / "results" / "retrieval_gain.json").read_text(encoding="utf-8"))
    return [{"name": found["name"], **_tuned_minus_base(found["deployment"])} for found in results]


def _tuned_minus_base(deployment: Mapping[str, Any]) -> dict[str, float]:
    delta = deployment["deltas"]["tuned-base"]
    return {"low": delta["low"], "mean": delta["ndcg@10"], "high": delta["high"]}


def layers() -> str:
    """The table of `tests/test_layers.py`, the doors above."""
    sys.path.insert(0, str(ROOT / "tests"))
    from test_layers import LAYERS

    says = {
        "doors": "what people and programs call",
        "recipe": "the order of things: one file for each verb",
        "stages": "what becomes of rows, one folder each",
        "readers": "files, imports, prompts and encoders",
        "engines": "chunks, splits, calls to models, search",
        "words": "records, settings, errors, text",
    }
    parts = []
    for n, (layer, modules) in enumerate(reversed(LAYERS.items())):
        top, names = 20 + 66 * n, [name for name in modules if not name.startswith("__")]
        parts.append(f'<rect class="box" x="20" y="{top}" width="820" height="50" rx="8"/>')
        parts.append(f'<text class="ink title" x="36" y="{top + 22}">{layer}</text>')
        parts.append(f'<text class="dim small" x="36" y="{top + 39}">{says[layer]}</text>')
        parts.append(f'<text class="ink" x="300" y="{top + 30}">{"  ·  ".join(names)}</text>')
        if n < len(LAYERS) - 1:
            parts.append(f'<path class="line" stroke-width="1.5" d="M430 {top + 51} v13 m-4 -4 l4 4 l4 -4"/>')
    label = "Six layers: doors, recipe, stages, readers, engines, words. Imports point down only."
    return _svg(860, 20 + 66 * len(LAYERS) + 4, label, parts)


def _svg(width: int, height: int, label: str, parts: list[str]) -> str:
    marks = "    .mark-kept { stroke: #0969da } .mark-lost { stroke: #cf222e }\n"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        f"  <title>{label}</title>",
        _STYLE.strip("\n").replace("    @media", marks + "    @media"),
        f'  <rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="12"/>',
        *(f"  {part}" for part in parts),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


PICTURES: Mapping[Path, Callable[[], str]] = {DOCS / "flow.svg": flow, DOCS / "layers.svg": layers}
