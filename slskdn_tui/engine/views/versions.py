"""Gives views and rows their versions: the same content keeps its version, so a face redraws only what changed. Core."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import fields, replace
from typing import Any, TypeVar, cast

from slskdn_tui.model.views import ViewKey

KEPT = 24
MOST_ROWS = 20_000
"""Of all views that are remembered; the trace of one long job may have thousands, and a user may look through many."""
_View = TypeVar("_View")


class Versions:
    """Remembers the last state of each view that was asked for: of the last 24 of them, and fewer where they are long."""

    def __init__(self) -> None:
        self._views: OrderedDict[ViewKey, tuple[Any, Any]] = OrderedDict()
        self._rows_of: dict[ViewKey, int] = {}
        self._count = 0

    def stamp(self, key: ViewKey, fresh: _View) -> _View:
        """`fresh` has version 0 everywhere; the answer is it with versions, or the very view given before when nothing differs."""
        bare, shown = self._views.get(key, (None, None))
        if bare == fresh:
            self._views.move_to_end(key)
            return cast(_View, shown)
        changes: dict[str, Any] = {"version": self._next()}
        for field in fields(fresh):  # type: ignore[arg-type]
            value = getattr(fresh, field.name)
            if isinstance(value, tuple) and value and hasattr(value[0], "version"):
                changes[field.name] = self._rows(value, getattr(bare, field.name, ()), getattr(shown, field.name, ()))
        stamped = replace(fresh, **changes)  # type: ignore[type-var]
        self._views[key] = (fresh, stamped)
        self._views.move_to_end(key)
        self._rows_of[key] = sum(len(value) for field in fields(fresh) if isinstance(value := getattr(fresh, field.name), tuple))  # type: ignore[misc, arg-type]
        while len(self._views) > 1 and (len(self._views) > KEPT or sum(self._rows_of.values()) > MOST_ROWS):
            oldest, _ = self._views.popitem(last=False)
            del self._rows_of[oldest]
        return stamped

    def _rows(self, rows: tuple[Any, ...], bare: tuple[Any, ...], shown: tuple[Any, ...]) -> tuple[Any, ...]:
        before = {old.key: (old, stamped) for old, stamped in zip(bare, shown, strict=True)}
        out = []
        for row in rows:
            old = before.get(row.key)
            out.append(old[1] if old is not None and old[0] == row else replace(row, version=self._next()))
        return tuple(out)

    def _next(self) -> int:
        self._count += 1
        return self._count
