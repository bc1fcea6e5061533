"""Read files into documents. A loader is one module here and one line in `folder.LOADERS`.

A loader is `load(raw: bytes, id: str, settings: Sources) -> Document | Skipped`. `settings.loaders` adds others by
suffix, as `module:function`.
"""
