"""Gives views and rows their versions: the same content keeps its version, so a face redraws only what changed. Core."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import fields, replace
from typing import Any, TypeVar, cast

from slskdn_tui.model.views import ViewKey

KEPT = 64
_View = TypeVar("_View")


class Versions:
    """Remembers the last state of each view that was asked for (the last 64 of them)."""

    def __init__(self) -> None:
        self._views: OrderedDict[ViewKey, tuple[Any, Any]] = OrderedDict()
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
        while len(self._views) > KEPT:
            self._views.popitem(last=False)
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
