"""The Textual app: holds the engine's face, the theme, the screens and the poller; what keys mean lives in `actions.py`. Shell."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from textual import events
from textual.app import App
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from slskdn_tui.config.settings import Ui
from slskdn_tui.config.themes import ThemeFile
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import EngineEvent, StatusView
from slskdn_tui.seam import EngineProtocol
from slskdn_tui.ui.actions import Actions
from slskdn_tui.ui.filter import OutputFilter
from slskdn_tui.ui.keygate import KeyGate
from slskdn_tui.ui.keys import KeyTable
from slskdn_tui.ui.places import MODES, Places
from slskdn_tui.ui.poller import Poller
from slskdn_tui.ui.present.base import ASCII, UNICODE
from slskdn_tui.ui.screens.base import LiveScreen
from slskdn_tui.ui.terminal import discard_at_exit, discard_typed_ahead, ended_in_order, need_terminal, run_then_stop, wants_ascii
from slskdn_tui.ui.theming import Palette, load_themes, textual_theme

log = logging.getLogger(__name__)
HISTORY = 24
POLL_AGAIN_S = 5.0
"""How long after a failed poll the next one is tried."""
Severity = Literal["information", "warning", "error"]


class SlskdnApp(App[int], inherit_bindings=False):
    """The window over one engine. It starts the engine when it opens and leaves it when it closes, and owns nothing else of it."""

    TITLE = "slskdn"
    CSS_PATH = "css/app.tcss"
    ENABLE_COMMAND_PALETTE = False
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = MODES

    def __init__(
        self,
        engine: EngineProtocol,
        *,
        settings: Ui,
        themes_dirs: Sequence[Path] = (),
        theme: str = "",
        ascii_mode: bool = False,
        refresh_hz: float = 1.0,
        low_bandwidth: bool = False,
        readonly: bool = False,
    ) -> None:
        # With NO_COLOR Textual keeps 24-bit greys unless it is told that colours are the terminal's own before its filters are chosen.
        plain = "NO_COLOR" in os.environ
        super().__init__(ansi_color=True if plain else None)
        self.engine = engine
        self.readonly = readonly
        self.low_bandwidth = low_bandwidth
        self.ascii_mode = ascii_mode
        self.glyphs = ASCII if ascii_mode else UNICODE
        self.keys = KeyTable(settings.keymap)
        self.actions = Actions(self)
        self.places: Places = Places(self)
        self.tabs = self.places.tabs()
        self.status: StatusView | None = None
        self.up_history: deque[float] = deque(maxlen=HISTORY)
        self.down_history: deque[float] = deque(maxlen=HISTORY)
        self.last_query = ""
        self.failure: UserError | None = None
        self.stops_engine = True
        """Whether closing the window stops the engine; `run_app` does so itself when the screen is back."""
        self._left = False
        self.animation_level = "none"
        self._filters.append(OutputFilter(ascii_mode))
        found, self._bad_themes = load_themes(themes_dirs)
        self.themes: Mapping[str, ThemeFile] = found
        for name, one in found.items():
            self.register_theme(textual_theme(one, f"slskdn-{name}"))
        wanted = theme or settings.theme
        if wanted not in found:
            self._bad_themes.append(f"there is no theme {wanted!r}; `slskdn themes list` names them")
        self._plain = plain
        self.palette = Palette(found["mono"])
        self.theme_name = ""
        self.use_theme(wanted if wanted in found else "night")
        self.gate = KeyGate(self._top, super().on_event)
        hz = min(refresh_hz, 0.5) if low_bandwidth else refresh_hz
        self.poller = Poller(engine, lambda: self.live, self._status_came, self._engine_lost, self._engine_gone, hz)

    # Life ------------------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.switch_mode("swarms")
        self.run_worker(self._start(), group="engine", exit_on_error=True)

    async def _start(self) -> None:
        try:
            await self.engine.start()
        except UserError as error:
            self.failure = error
            self.exit(error.exit_code, error.exit_code)
            return
        self._poll()
        self.run_worker(self._events(), group="events", exit_on_error=False)
        if (wait := getattr(self.engine, "wait", None)) is not None:
            self.run_worker(self._asked_to_stop(wait), group="wait", exit_on_error=False)
        problems = [*self._bad_themes, *self.keys.problems]
        if problems:
            self.toast("\n".join(problems[:6]), "warning")

    async def _asked_to_stop(self, wait: Callable[[], Awaitable[None]]) -> None:
        """`slskdn stop` for an engine of this window's own closes the window."""
        await wait()
        if not self._left:
            await self.leave()

    def _poll(self) -> None:
        self.run_worker(self.poller.run(), group="poll", exit_on_error=False)

    async def _events(self) -> None:
        """Errors become toasts, warnings a line above the footer; the Log screen has everything."""
        try:
            async for event in self.engine.events():
                self._event_came(event)
        except UserError as error:
            self._engine_gone(error)

    def _event_came(self, event: EngineEvent) -> None:
        if event.level == "error":
            self.toast(str(event.text), "error")
        if self.live is None:
            return
        if event.name == "job.completed":
            here = {"job": event.job_id} in [{"job": one.get("job")} for one in self.live.subjects()]
            self.live.say(f"{event.text}; {'t' if here else 't on it'} opens its trace", "states.done")
        elif event.name == "library.scanned":
            self.actions.scan_ended(str(event.text))
        elif event.level != "info":
            self.live.say(f"{event.part}: {event.text}", "colors.error" if event.level == "error" else "colors.warning")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A bug in a task of the window is said and logged; it never takes the screen down. Polling is begun again."""
        if event.state is not WorkerState.ERROR:
            return
        worker = event.worker
        log.error("the window's %s task failed", worker.group, exc_info=worker.error)
        self.toast(f"{worker.group}: {type(worker.error).__name__}: {worker.error}", "error")
        if worker.group == "poll":
            self.set_timer(POLL_AGAIN_S, self._poll)

    async def leave(self) -> None:
        """Stop (or detach from) the engine, then close the window; when the engine had gone, with its error."""
        if self.stops_engine:
            await self.stop_engine()
        code = self.failure.exit_code if self.failure is not None else 0
        self.exit(code, code)

    async def stop_engine(self) -> None:
        """Once; its troubles are logged."""
        if self._left:
            return
        self._left = True
        for group in ("poll", "events"):
            self.workers.cancel_group(self, group)
        try:
            async with asyncio.timeout(20):
                await self.engine.stop()
        except (UserError, OSError, EOFError, TimeoutError) as error:
            log.warning("the engine did not stop cleanly: %s", error)

    async def on_unmount(self) -> None:
        if self.stops_engine:
            await self.stop_engine()

    # Keys ------------------------------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self.gate.handle(event)
        else:
            await super().on_event(event)

    def release_keys(self) -> None:
        """A screen has come up: keys typed ahead are for it."""
        if self.gate.held:
            self.call_later(self.gate.release)

    def line_done(self) -> None:
        self.gate.line_done()
        self.release_keys()

    def _top(self) -> Screen[object] | None:
        return self.screen_stack[-1] if self.screen_stack else None

    # Screens ---------------------------------------------------------------------------------------------------------

    @property
    def live(self) -> LiveScreen | None:
        """The topmost screen that shows the engine; dialogs lie over it."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, LiveScreen) and screen.ready), None)

    def on_app_blur(self) -> None:
        self.poller.blurred = True

    def on_app_focus(self) -> None:
        self.poller.blurred = False
        self.poller.kick()

    # What the poller brings ------------------------------------------------------------------------------------------

    def _status_came(self, view: StatusView) -> None:
        self.status = view
        if not self.low_bandwidth:
            self.up_history.append(view.up)
            self.down_history.append(view.down)
        if self.live is not None:
            self.live.status_changed()

    def _engine_lost(self, reason: str) -> None:
        self.toast(f"The engine does not answer: {reason}. It may have ended; `slskdn serve` starts it.", "error")

    def _engine_gone(self, error: UserError) -> None:
        """The engine has said goodbye for good: what stands on the screen stays to be read, and the reason with it."""
        if self.failure is not None or self._left:
            return
        self.failure = error
        for screen in self.screen_stack:
            if isinstance(screen, LiveScreen) and screen.ready:
                screen.status_changed()
                screen.say(self.gone_words)

    @property
    def gone_words(self) -> str:
        """What to say for as long as there is no engine; empty while there is one."""
        return f"{self.failure.message}; {self.failure.hint}. q quits." if self.failure is not None else ""

    def toast(self, text: str, severity: Severity = "information") -> None:
        """A notice in the corner; foreign text is never markup."""
        lines = [str(SafeText(part)) for part in text.split("\n")]
        self.notify("\n".join(lines), severity=severity, markup=False)

    # Themes ----------------------------------------------------------------------------------------------------------

    def use_theme(self, name: str) -> None:
        """Draw with another theme. NO_COLOR holds it to `mono`, sixteen colours to themes of the terminal's own."""
        if name not in self.themes:
            return
        used = "mono" if self._plain else name
        if self.console.color_system == "standard" and not self.themes[used].ansi:
            used = "ansi"
        self.theme_name = name
        self.palette = Palette(self.themes[used])
        self.theme = f"slskdn-{used}"
        if self.is_running and self.live is not None:
            self.live.repaint()


def run_app(
    engine: EngineProtocol,
    *,
    settings: Ui,
    themes_dirs: Sequence[Path] = (),
    theme: str = "",
    ascii_mode: bool = False,
    refresh_hz: float = 1.0,
    low_bandwidth: bool = False,
    readonly: bool = False,
) -> int:
    """Open the window and stay until it is closed; the exit code. Raises UserError("terminal") without a usable terminal, and what `start` raised."""
    need_terminal()
    app = SlskdnApp(
        engine,
        settings=settings,
        themes_dirs=themes_dirs,
        theme=theme,
        ascii_mode=ascii_mode or settings.ascii or wants_ascii(os.environ),
        refresh_hz=refresh_hz,
        low_bandwidth=low_bandwidth,
        readonly=readonly,
    )
    app.stops_engine = False
    discard_at_exit()
    discard_typed_ahead()
    with ended_in_order():
        code = asyncio.run(run_then_stop(app, settings.mouse))
    discard_typed_ahead()
    if app.failure is not None:
        raise app.failure
    return code if code is not None else app.return_code or 0
