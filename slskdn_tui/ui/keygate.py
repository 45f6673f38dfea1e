"""The key gate: keys become commands one after the other, never before the screen they were typed for is there. Shell.

Textual hands a key to the widget that has the focus at that moment and goes on with the next one. Someone who types `:jobs pause` or `n` and a
name faster than a dialog opens would have the rest taken for commands. So keys are held while a dialog is on its way, and acted on here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

from textual import events
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

MOST_HELD = 4096
STRAY = frozenset({*"yesno", "enter"})
STRAY_S = 1.0
"""Who answers a question with a whole word, or twice, means the question and not the screen that comes back."""


@runtime_checkable
class KeyTaker(Protocol):
    """A screen that takes keys from the gate."""

    ready: bool

    def take_key(self, event: events.Key) -> None: ...


class KeyGate:
    """`handle` decides about one key; `forward` is Textual's own way, for inputs."""

    def __init__(self, top: Callable[[], Screen[object] | None], forward: Callable[[events.Key], Awaitable[None]]) -> None:
        self._top = top
        self._forward = forward
        self._held: list[events.Key] = []
        self._coming = 0
        self._ending: Input | None = None
        self._answered = float("-inf")

    @property
    def held(self) -> int:
        return len(self._held)

    def coming(self, by: int) -> None:
        """A dialog is about to be opened (+1), or is open or will not be (-1)."""
        self._coming = max(0, self._coming + by)

    def _closed(self) -> bool:
        top = self._top()
        if self._ending is not None and not (self._ending.is_attached and top is not None and top.focused is self._ending):
            self._ending = None
        return self._coming > 0 or self._ending is not None or not getattr(top, "ready", True)

    def answered(self, time: float) -> None:
        """A yes or no question was answered at that time of a key event."""
        self._answered = time

    def line_done(self) -> None:
        """An input has acted on its enter or esc."""
        self._ending = None

    async def handle(self, event: events.Key) -> None:
        if self._held or self._closed():
            if len(self._held) < MOST_HELD:
                self._held.append(event)
            return
        await self._act(event)

    async def release(self) -> None:
        """Act on held keys as far as screens are there for them."""
        while self._held and not self._closed():
            await self._act(self._held.pop(0))

    async def _act(self, event: events.Key) -> None:
        top = self._top()
        typing = top is not None and isinstance(top.focused, Input)
        if event.key in STRAY and event.time - self._answered < STRAY_S and not typing and not isinstance(top, ModalScreen):
            return
        self._answered = float("-inf")  # any other key is meant
        if isinstance(top, KeyTaker) and not isinstance(top.focused, Input):
            top.take_key(event)
        else:
            if top is not None and isinstance(top.focused, Input) and event.key in ("enter", "escape"):
                self._ending = top.focused  # the next key belongs to what this one opens or leaves
            await self._forward(event)
