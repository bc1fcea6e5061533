"""The settings of a command on a run folder: what is not given is as the run has it.

A file of settings is complete in itself: beside it only the run's model and where it is asked are taken over. A limit on chunks and
the caps are of one command. They stay only where a command asks the run's own model without naming it, so that nothing is spent
beyond what the run was allowed unless somebody says so.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from synthgen.config.settings import Config, load_config
from synthgen.generators import IMPORT, named_model
from synthgen.pipeline.run_folder import RunFolder

__all__ = ["import_settings", "run_settings"]

_PLACES = ("base_url", "api_key_env", "endpoint_id", "store")
"""Where a model is asked, and its answers are kept."""

_CAPS = ("max_calls", "max_total_tokens", "max_cost")

_log = logging.getLogger("synthgen")


def run_settings(
    run_folder: str | Path | None,
    path: str | Path | None = None,
    settings: Iterable[str] = (),
    overrides: Mapping[str, Any] | None = None,
    *,
    base: Config | None = None,
) -> Config:
    """What is given, on top of what the run has. `base` are complete settings in place of a file.

    A run folder that is new, or None, gives the defaults. Raises what `load_config` raises.
    """
    settings = list(settings)
    given = load_config(path, settings, overrides, base=base)
    folder = None if run_folder is None else RunFolder(Path(run_folder))
    if folder is None or folder.stored() is None:
        return given
    own, named = folder.open()[0], load_config(path, settings, overrides)
    stated = named.model_fields_set | (base.model_fields_set if base else set())
    if "model" in stated and _provider(given.model) != _provider(own.model):
        places = {name: None for name in _PLACES if name != "store"}  # they mean something only with the other provider
        own = own.model_copy(update={"llm": own.llm.model_copy(update=places)})
    if path is None and base is None:
        own = own if "model" not in stated and _provider(own.model) else _unbounded(own)
        resolved = load_config(None, settings, overrides, base=own)
        if own.generation.limit and resolved.generation.limit == own.generation.limit:
            _log.warning(
                "The run's own limit of %d chunks holds; --set generation.limit=null is for all of them", own.generation.limit
            )
        return resolved
    stated_places = named.llm.model_fields_set | (base.llm.model_fields_set if base else set())
    places = {name: getattr(own.llm, name) for name in _PLACES if name not in stated_places}
    model = given.model if "model" in stated else own.model
    return given.model_copy(update={"model": model, "llm": given.llm.model_copy(update=places)})


def import_settings(
    run_folder: str | Path,
    kind: str,
    path: str | Path | None = None,
    settings: Iterable[str] = (),
    overrides: Mapping[str, Any] | None = None,
    *,
    base: Config | None = None,
) -> Config:
    """The same for an import, which goes on only with the settings of an earlier import of rows of the same kind."""
    stored = RunFolder(Path(run_folder)).stored() or {}
    imported = stored.get("imported") or {}
    same = bool(imported) and stored["config"].get("model") == IMPORT and imported.get("kind", "question") == kind
    return run_settings(run_folder if same else None, path, settings, overrides, base=base)


def _unbounded(config: Config) -> Config:
    generation = config.generation.model_copy(update={"limit": None})
    llm = config.llm.model_copy(update=dict.fromkeys(_CAPS))
    return config.model_copy(update={"generation": generation, "llm": llm})


def _provider(model: str) -> str:
    named = named_model(model)
    return named.provider if named else ""
