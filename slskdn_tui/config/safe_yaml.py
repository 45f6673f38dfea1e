"""YAML from a person or a stranger: small, flat and plain, refused before it costs anything. Core.

The text is read as a stream of parser events (the parser keeps its own stack, so depth cannot overflow ours) and the data
is built while counting: at most 1 MiB, 16 levels, 50,000 nodes, 4 KiB a scalar; no anchors, aliases, tags, merge keys,
duplicate keys or second document. Plain scalars follow YAML 1.2's core schema, decimal numbers only: `No`, `3:00`, `010` and
`2025-12-09` stay text. Keys are always text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from slskdn_tui.model.errors import UserError

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 16
MAX_NODES = 50_000
MAX_SCALAR = 4096

Path = tuple[str | int, ...]

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_ZERO_LED = re.compile(r"[-+]?0[0-9]+\Z")
_WORDS: dict[str, Any] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a document holds (None when empty) and where: `line_of(("tracks", 0, "title"))` is a line, from 1, of the nearest known parent at worst."""

    data: Any
    line_of: Callable[[Path], int]


def scalar(text: str) -> Any:
    """The value of a plain scalar: None, bool, int, finite float, or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= 64:
        if _INT.match(text):
            return int(text)
        if _FLOAT.match(text) and not _ZERO_LED.match(text) and not text.lstrip("+-").isdigit():
            number = float(text)
            if math.isfinite(number):
                return number
    return text


class _Builder:
    """Takes events one by one and builds dicts and lists with a stack of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.root: Any = None
        self.lines: dict[Path, int] = {}
        self.nodes = 0
        self.documents = 0
        self.stack: list[tuple[Any, Path]] = []
        self.key: str | None = None  # of the innermost mapping, when its value is awaited
        self.keys: list[str | None] = []

    def refuse(self, line: int, what: str, hint: str) -> UserError:
        return UserError("config", f"{self.name}, line {line}: {what}", hint)

    def too_deep(self, line: int) -> UserError:
        return self.refuse(line, f"nested deeper than {MAX_DEPTH} levels", "Flatten it.")

    def feed(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self.refuse(line, "a second document starts here", "Keep one document a file: remove the `---` line.")
            if event.tags:
                raise self.refuse(line, "a %TAG directive", "Remove it: plain values only.")
        elif isinstance(event, yaml.AliasEvent):
            raise self.refuse(line, f"an alias (*{str(event.anchor)[:32]})", "Write the value out instead.")
        elif isinstance(event, yaml.NodeEvent):
            self.node(event, line)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.stack.pop()
            self.key = self.keys.pop()

    def node(self, event: Any, line: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.refuse(line, f"more than {MAX_NODES:,} values", "Split the file.")
        if event.anchor is not None:
            raise self.refuse(line, f"an anchor (&{event.anchor[:32]})", "Write the value out where it is needed.")
        if event.tag is not None:
            raise self.refuse(line, f"a tag ({event.tag[:64]})", "Remove it: plain values only.")
        if isinstance(event, yaml.ScalarEvent):
            if len(event.value) > MAX_SCALAR:
                raise self.refuse(line, f"a value longer than {MAX_SCALAR} characters", "Shorten it.")
            if self.stack and isinstance(self.stack[-1][0], dict) and self.key is None:
                self.take_key(event, line)
            else:
                self.put(scalar(event.value) if event.implicit[0] else event.value, line)
            return
        if self.stack and isinstance(self.stack[-1][0], dict) and self.key is None:
            raise self.refuse(line, "a list or mapping as a key", "Keys are plain words.")
        if len(self.stack) >= MAX_DEPTH:
            raise self.too_deep(line)
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self.put(value, line)
        self.keys.append(self.key)
        self.key = None
        self.stack.append((value, path))

    def take_key(self, event: Any, line: int) -> None:
        holder, path = self.stack[-1]
        if event.implicit[0] and event.value == "<<":
            raise self.refuse(line, "a merge key (<<)", "Write the keys out instead.")
        if event.value in holder:
            first = self.lines[(*path, event.value)]
            raise self.refuse(line, f"key `{event.value[:64]}` again (first on line {first})", "Keep one of the two.")
        self.key = event.value
        holder[event.value] = None
        self.lines[(*path, event.value)] = line

    def put(self, value: Any, line: int) -> Path:
        """Store a value where it belongs and return its path."""
        if not self.stack:
            self.root = value
            self.lines[()] = line
            return ()
        holder, path = self.stack[-1]
        if isinstance(holder, list):
            holder.append(value)
            own: Path = (*path, len(holder) - 1)
            self.lines[own] = line
            return own
        assert self.key is not None
        own = (*path, self.key)
        holder[self.key] = value
        self.key = None
        return own


def _tab_before(text: str, line: int) -> int | None:
    """The line, at most `line`, whose indentation has a tab, when that is what the parser stumbles over."""
    for number in (line, line - 1):
        indent = re.match(r"[ \t]*", text.split("\n")[number - 1] if 0 < number <= text.count("\n") + 1 else "")
        if indent and "\t" in indent[0]:
            return number
    return None


def load(text: str, name: str) -> Loaded:
    """The data of `text`. Raises UserError `config` that names `name`, the line and what is allowed."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise UserError(
            "config",
            f"{name}: larger than {MAX_BYTES // 1024} KiB",
            "This is not a file slskdn wrote; split it or remove what is not needed.",
        )
    builder = _Builder(name)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.feed(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        if "nesting depth" in str(error.problem):  # libyaml's own limit (PyYAML 6.0.4), met while it reads ahead of our count
            raise builder.too_deep(line) from None
        if (tab := _tab_before(text, line)) is not None:
            raise UserError("config", f"{name}: a tab at line {tab}; indent with spaces", "Two spaces a level.") from None
        raise UserError(
            "config",
            f"{name}, line {line}: not YAML: {error.problem or error.context}",
            "Look for a missing quote, bracket or indent there.",
        ) from None
    except (yaml.YAMLError, UnicodeError) as error:
        reason = getattr(error, "reason", "") or "unreadable text"
        raise UserError("config", f"{name}: not YAML: {reason}", "Save the file as UTF-8 text without control characters.") from None
    lines = builder.lines

    def line_of(path: Path) -> int:
        while path and path not in lines:
            path = path[:-1]
        return lines.get(path, 1)

    return Loaded(builder.root, line_of)


class _PlainDumper(_Dumper):  # the C or the Python dumper, chosen at run time
    """Block style, never aliases, dates plain as in the roadmap's manifest; quotes whatever `scalar` or a YAML 1.1 reader would not read as text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


# The resolvers are a class attribute shared with the parent: copy before changing, drop dates, add 1.2's floats (`1e3`).
_PlainDumper.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
    for first, pairs in _PlainDumper.yaml_implicit_resolvers.items()
}
_PlainDumper.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))


def _short(value: Any) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= 12)


def _represent_list(dumper: Any, data: Any) -> Any:
    """Numbers and short words stand on one line (`[1, 2, 3]`), everything else one below the other."""
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=all(_short(item) for item in data))


def _represent_text(dumper: Any, data: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(data))  # `str` keeps a Secret's stars


def _represent_int(dumper: Any, data: int) -> Any:
    if abs(data) >= 10**18:
        raise ValueError(f"{data} is larger than a number in these files may be")
    return dumper.represent_int(data)


_PlainDumper.add_representer(list, _represent_list)
_PlainDumper.add_representer(tuple, _represent_list)
_PlainDumper.add_representer(int, _represent_int)
_PlainDumper.add_representer(str, _represent_text)
_PlainDumper.add_multi_representer(str, _represent_text)


def dump(data: Any) -> str:
    """YAML of dicts, lists, text, numbers, bools and None; keys keep their order. `load(dump(x), ...)` gives x back. Raises ValueError for other types."""
    try:
        return str(yaml.dump(data, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=110))
    except yaml.YAMLError as error:
        raise ValueError(f"cannot be written as YAML: {error}") from None
