"""Files to documents. To add a loader: one module here and one line in LOADERS.

A loader is `load(raw: bytes, id: str, settings: Sources) -> Document | Skipped`; `settings.loaders` names others, by
suffix, as `module:function`.
"""

from __future__ import annotations

from synthgen.loaders.folder import LOADERS, Loader, read_folder

__all__ = ["LOADERS", "Loader", "read_folder"]
