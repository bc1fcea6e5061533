"""Names resolve lazily, and a wrong one says what exists."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import pytest

from synthgen.errors import ConfigError, UnknownNameError
from synthgen.registry import Distinct, describe_options, resolve, resolved_options, validate_options

TABLE = {"counter": "collections:Counter", "loads": "json:loads", "nested": "collections:OrderedDict.fromkeys"}


def test_a_name_of_the_table_is_its_object() -> None:
    from collections import Counter

    assert resolve("toy", "counter", TABLE) is Counter


def test_an_attribute_may_be_dotted() -> None:
    assert resolve("toy", "nested", TABLE)("ab") == {"a": None, "b": None}


def test_any_module_attribute_works_in_place_of_a_name() -> None:
    assert resolve("toy", "math:sqrt", TABLE)(9) == 3


def test_a_wrong_name_names_the_nearest_and_lists_the_rest() -> None:
    with pytest.raises(
        UnknownNameError, match=r"no toy called 'countre'. Did you mean 'counter'\? Known: counter, loads, nested"
    ):
        resolve("toy", "countre", TABLE)


@pytest.mark.parametrize("name", ["math:no_such_thing", "no_such_module_at_all:x", "math:", ":sqrt", ""])
def test_what_cannot_be_found_is_an_unknown_name(name: str) -> None:
    with pytest.raises(UnknownNameError):
        resolve("toy", name, TABLE)


def test_an_import_error_inside_a_module_names_both(tmp_path, monkeypatch) -> None:
    (tmp_path / "broken_plugin.py").write_text("import a_package_nobody_has\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="The toy 'broken_plugin:x' cannot be imported: .*a_package_nobody_has"):
        resolve("toy", "broken_plugin:x", TABLE)


def test_the_table_is_not_imported_before_it_is_asked() -> None:
    resolve("toy", "loads", TABLE | {"other": "this:s"})
    assert "this" not in sys.modules


# --- options

Name = Annotated[str, Distinct("field", ("system",))]


def named(rows: list[str], *, first: Name = "a", second: Name = "b", other: str = "a", many: int = 3) -> None:
    """Two options of one place, and two that stand alone."""


def test_resolved_options_are_all_of_them() -> None:
    assert resolved_options(named, {"many": "4", "first": "c"}) == {"first": "c", "second": "b", "other": "a", "many": 4}
    assert validate_options(named, {"many": "4"}) == {"many": 4}
    assert [option.name for option in describe_options(named)] == ["first", "second", "other", "many"]


def test_an_option_is_described_with_a_type_that_says_what_it_takes() -> None:
    def typed(*, one: Literal["a", "b"], some: list[str], maybe: float | None = None, count: int = 0) -> None: ...

    assert [option.type for option in describe_options(typed)] == ["'a' | 'b'", "list[str]", "float | None", "int"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"second": "a"}, "The options first and second of it are both 'a', so one field would replace the other"),
        ({"first": "c", "second": "c"}, "are both 'c'"),
        ({"second": "system"}, "The option second = 'system' of it is taken: system cannot name another field"),
    ],
)
def test_names_in_one_place_must_differ(options: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        validate_options(named, options, owner="it")
