"""Files to documents. To add a loader: one module here and one line in `folder.LOADERS`.

A loader is `load(raw: bytes, id: str, settings: Sources) -> Document | Skipped`; `settings.loaders` names others, by
suffix, as `module:function`.
"""
