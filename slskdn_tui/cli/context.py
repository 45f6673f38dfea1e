"""Shell: what every verb works with: its arguments, the profile, the settings, the engine, and the two output streams."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar, cast

from slskdn_tui.cli.args import Invocation
from slskdn_tui.cli.hooks import Hooks, Need
from slskdn_tui.cli.present.render import Look
from slskdn_tui.config.load import load_settings
from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.model.views import SNAPSHOT, Snapshot, ViewKey
from slskdn_tui.seam import EngineProtocol

T = TypeVar("T")
V = TypeVar("V")
# A last guard under SafeText: no control character but the line's end reaches a terminal from here.
_CONTROLS = {code: 0x2400 + code if code < 0x20 else 0xFFFD for code in (*range(0x20), *range(0x7F, 0xA0)) if code != 0x0A}


def put(text: str) -> None:
    """Data: one or more lines to stdout."""
    _write(sys.stdout, text)


def say(text: str) -> None:
    """Talk: to stderr, folded between words on a terminal."""
    _write(sys.stderr, fold(text, shutil.get_terminal_size().columns) if sys.stderr.isatty() else text)


def fold(text: str, width: int) -> str:
    """Lines of at most `width` cells, broken between words; what goes on stands under where its line began."""
    lines = (
        textwrap.wrap(
            line,
            max(20, width),
            subsequent_indent=" " * (len(line) - len(line.lstrip())),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.split("\n")
    )
    return "\n".join("\n".join(folded) for folded in lines)


def complain(message: str, hint: str) -> None:
    """The one form of a failure: what went wrong, and a line for each thing to do."""
    say(f"slskdn: {message}")
    if hint:
        say(f"  {hint}")


def _write(stream: Any, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    line = text.translate(_CONTROLS).encode(encoding, "replace").decode(encoding, "replace")
    stream.write(line if line.endswith("\n") else line + "\n")
    stream.flush()


def put_json(data: Any, *, one_line: bool = False) -> None:
    """JSON to stdout."""
    put(json.dumps(data, ensure_ascii=False, indent=None if one_line else 2, default=str))


def to_json(view: Snapshot) -> Any:
    """A snapshot as plain JSON values."""
    return SNAPSHOT.dump_python(view, mode="json")


def interactive() -> bool:
    """Is there a person at both ends of this terminal?"""
    return sys.stdin.isatty() and sys.stderr.isatty()


@dataclass
class Context:
    """One run of one verb. `settings` are read when first asked for."""

    invocation: Invocation
    hooks: Hooks
    environ: Mapping[str, str]

    @property
    def args(self) -> dict[str, Any]:
        return self.invocation.args

    @property
    def json(self) -> bool:
        return bool(self.args.get("json"))

    @cached_property
    def paths(self) -> Paths:
        return Paths.of(self.invocation.profile)

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.paths, self.environ)

    @property
    def look(self) -> Look:
        """The terminal's width, or none when stdout goes elsewhere; ASCII when asked for or when the encoding has no line drawing."""
        plain = self.invocation.options.ascii or self.settings.ui.ascii or not (sys.stdout.encoding or "").lower().startswith("utf")
        return Look(shutil.get_terminal_size().columns if sys.stdout.isatty() else None, plain)

    def put_lines(self, lines: Iterable[str]) -> None:
        put("\n".join(lines))

    def with_engine(self, need: Need, work: Callable[[EngineProtocol], Awaitable[T]]) -> T:
        """Run `work` with an engine that is connected before and detached after. Raises UserError."""

        async def run() -> T:
            engine = await self.hooks.connect(self.paths, self.settings, need)
            try:
                return await work(engine)
            finally:
                await engine.stop()

        return asyncio.run(run())

    def view(self, need: Need, key: ViewKey, kind: type[V], *, whole: bool = False) -> V:
        """One view, as the engine has it now; `whole`: all of its rows, a page of `key.count` after the other. Raises UserError."""

        async def page(engine: EngineProtocol, start: int) -> Any:
            view = await engine.snapshot(replace(key, start=start))
            assert isinstance(view, kind)
            return view

        async def work(engine: EngineProtocol) -> V:
            view = await page(engine, key.start)
            rows = list(view.rows) if whole else []
            while whole and len(rows) < view.total and (more := await page(engine, len(rows))).rows:
                rows += more.rows
            return cast(V, replace(view, rows=tuple(rows)) if whole else view)

        return self.with_engine(need, work)

    def show(self, view: V, render: Callable[[V, Look], Iterable[str]], *, rows: bool = False) -> int:
        """Print a view as lines, or with --json as it is; with `rows` of it only these."""
        if self.json:
            plain = to_json(cast(Snapshot, view))
            put_json(plain["rows"] if rows else plain)
        else:
            self.put_lines(render(view, self.look))
        return 0


def mute() -> None:
    """Nobody reads stdout any more (`| head`): let the interpreter's own flush at exit go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
