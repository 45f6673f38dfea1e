"""Checked records: what a control message may hold, field by field. Core.

Not pydantic: building its models takes longer (0.06 s) than many a transfer, and the process that measures one has them in its time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Self, dataclass_transform

Check = Callable[[Any], Any]
"""Gives the value as it is kept. ValueError when it is none."""
_MISSING = object()


class _Field:
    __slots__ = ("check", "default")

    def __init__(self, check: Check, default: Any) -> None:
        self.check = check
        self.default = default


def field(check: Check, *, default: Any = _MISSING) -> Any:
    """One field of a `Record`; without `default` it has to be given."""
    return _Field(check, default)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class Record:
    """Fields given by name, each checked as it comes in. ValueError names the first that is wrong or missing."""

    _fields: Mapping[str, _Field] = {}

    def __init_subclass__(cls) -> None:
        own = {name: value for name, value in vars(cls).items() if isinstance(value, _Field)}
        cls._fields = {**cls._fields, **own}
        for name in own:
            delattr(cls, name)

    def __init__(self, **given: Any) -> None:
        if unknown := given.keys() - self._fields.keys():
            raise ValueError(f"{type(self).__name__} has no field {min(unknown)}")
        self._take(given)

    @classmethod
    def read(cls, given: Any) -> Self:
        """From what a peer sent: keys that are not known are ignored."""
        if not isinstance(given, dict):
            raise ValueError("no object")
        made = cls.__new__(cls)
        made._take(given)
        return made

    def _take(self, given: Mapping[str, Any]) -> None:
        kept = self.__dict__
        for name, known in self._fields.items():
            value = given.get(name, _MISSING)
            if value is _MISSING:
                if known.default is _MISSING:
                    raise ValueError(f"{name} is missing")
                kept[name] = known.default
                continue
            try:
                kept[name] = known.check(value)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} does not change")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"

    def plain(self, defaults: bool = True) -> dict[str, Any]:
        """As JSON would hold it, in the order of the fields; without those at their default unless `defaults`."""
        return {
            name: _plain(value, defaults)
            for name, value in self.__dict__.items()
            if defaults or self._fields[name].default is _MISSING or value != self._fields[name].default
        }


def _plain(value: Any, defaults: bool) -> Any:
    if isinstance(value, Record):
        return value.plain(defaults)
    return [_plain(item, defaults) for item in value] if isinstance(value, tuple) else value


# checks


def whole(least: int, most: int) -> Check:
    """An integer, and no boolean."""

    def check(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"no whole number from {least} to {most}")
        return value

    return check


def number(least: float, most: float) -> Check:
    def check(value: Any) -> float:
        if type(value) not in (int, float) or not least <= value <= most:
            raise ValueError(f"no number from {least} to {most}")
        return float(value)

    return check


def text(most: int, pattern: str = "", least: int = 0) -> Check:
    """`least` to `most` characters, all of them as in `pattern` where there is one. A lone surrogate is no text."""
    like = re.compile(pattern) if pattern else None

    def check(value: Any) -> str:
        if not isinstance(value, str) or not least <= len(value) <= most or (like is not None and like.fullmatch(value) is None):
            raise ValueError("no such text")
        value.isascii() or value.encode()
        return value

    return check


def one_of(*words: str) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"none of {', '.join(words)}")
        return value

    return check


def optional(inner: Check) -> Check:
    return lambda value: None if value is None else inner(value)


def many(inner: Check, most: int) -> Check:
    """A list (kept as a tuple) of at most `most`."""

    def check(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple) or len(value) > most:
            raise ValueError(f"no list of at most {most}")
        return tuple(inner(item) for item in value)

    return check


def record(kind: type[Record]) -> Check:
    return lambda value: value if isinstance(value, kind) else kind.read(value)


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def anything(value: Any) -> Any:
    return value
