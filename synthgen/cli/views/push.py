"""How a pushed data set looks on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthgen.text.humanize import columns, counted, counts

if TYPE_CHECKING:
    from synthgen.pipeline.push import PushReport

__all__ = ["push_text"]


def push_text(pushed: PushReport) -> str:
    """What a data set has, what looks like personal data in it, and where it is."""
    splits = list(dict.fromkeys(split for rows in pushed.configs.values() for split in rows))
    cells = [
        (name, *(f"{rows[split]:,}" if split in rows else "" for split in splits)) for name, rows in pushed.configs.items()
    ]
    lines = [columns([("config", *splits), *cells], right="123456")]
    lines += [f"left out of {name}: {counts(reasons)}" for name, reasons in pushed.left_out.items() if reasons]
    lines += [f"{name} has no row and is left out" for name in pushed.left_out if name not in pushed.configs]
    if pushed.personal:
        found = {kind: sum(of[kind] for of in pushed.personal.values()) for kind in pushed.personal["rows"]}
        lines.append(f"looks like personal data: {counts(found) or 'nothing'}")
    if pushed.settings_left_out:
        lines.append(f"settings that are not published: {', '.join(pushed.settings_left_out)}")
    sent, who = pushed.sent, "public" if pushed.public else "private"
    if not sent:
        return "\n".join([*lines, f"{pushed.path} is complete; nothing was sent."])
    if not sent.commit:
        return "\n".join([*lines, f"{sent.url} ({who}) has these very files already; nothing was sent."])
    deleted = f", {sent.deleted:,} deleted" if sent.deleted else ""
    return "\n".join([*lines, f"{sent.url} ({who}): {counted(sent.files, 'file')} in one commit{deleted}, {sent.commit[:10]}"])
