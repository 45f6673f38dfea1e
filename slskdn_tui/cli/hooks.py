"""What the command line is handed from above, so that it never imports the engine, the lab or the screens. Core."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.model.audio import AudioFacts
from slskdn_tui.seam import EngineProtocol

Need = Literal["live", "any"]


@dataclass(frozen=True, slots=True)
class AppOptions:
    """How the screens were asked for on the command line; None means as the settings say."""

    theme: str | None = None
    ascii: bool = False
    mouse: bool = True
    refresh_hz: float | None = None
    low_bandwidth: bool = False
    readonly: bool = False


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`slskdn demo`: `keep` is a folder that the world is left in, `timeout_s` ends a headless run that hangs."""

    headless: bool = False
    json: bool = False
    keep: str | None = None
    no_overlay: bool = False
    honest: bool = False
    timeout_s: int = 120
    app: AppOptions = AppOptions()


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One line of `slskdn check`: what was looked at, how it stands, in words, and how to mend it."""

    part: str
    state: Literal["ok", "warn", "fail"]
    words: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Everything a verb may need done above it.

    `connect(paths, settings, need)` gives a started engine: `live` raises UserError `no_engine` when none runs, `any` falls back to a
    read-only one; the verb calls `stop()` when it is through, which only detaches. The `int`s are exit codes. `probe` gives the checks that
    need the engine's libraries. `analyse` decodes files in a worker and gives the facts of each, in order.
    """

    connect: Callable[[Paths, Settings, Need], Awaitable[EngineProtocol]]
    screens: Callable[[Paths, Settings, AppOptions], int]
    serve: Callable[[Paths, Settings], int]
    demo: Callable[[DemoOptions], int]
    bench_serve: Callable[[str, str | None, str], int]
    bench_fetch: Callable[[str, str, bool], int]
    probe: Callable[[Paths, Settings], Awaitable[list[CheckLine]]]
    analyse: Callable[[Sequence[str]], AsyncGenerator[AudioFacts, None]]
