"""Rows and columns from a value's own fields, with their names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Any


def names_of(kind: type[Any], *, without: Collection[str] = ()) -> tuple[str, ...]:
    """The fields of a dataclass, in their order."""
    return tuple(field.name for field in fields(kind) if field.name not in without)


def values_of(value: Any, *, without: Collection[str] = ()) -> dict[str, Any]:
    """The fields of a dataclass' instance."""
    return {name: getattr(value, name) for name in names_of(type(value), without=without)}
