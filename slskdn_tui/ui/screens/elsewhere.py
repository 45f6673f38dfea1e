"""Where a track that cannot be heard on this machine is opened: the URL, and the ssh line that leads to it. Shell (Textual).

What is to be copied begins at the edge and has a row of its own, without a frame beside it: a mouse selection over tmux takes whole rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widget import Widget

from slskdn_tui.model.text import SafeText
from slskdn_tui.ui.present.base import Line, wrap
from slskdn_tui.ui.screens.dialogs import Dialog
from slskdn_tui.ui.widgets.lines import Lines

_SENT = "The {} was sent to the terminal's clipboard; tmux drops it unless set-clipboard is on."
RULES = 2
"""Rows its frame takes above and below."""


class Elsewhere(Dialog[None]):
    """`sent`: the URL was put on the clipboard as this was opened."""

    def __init__(self, title: str, url: str, tunnel: str, reason: str = "", *, sent: bool = False) -> None:
        super().__init__()
        self._title, self._reason = SafeText(title), SafeText(reason)
        self._url, self._tunnel = SafeText(url), SafeText(tunnel)
        self._said = _SENT.format("URL") if sent else ""

    def compose(self) -> ComposeResult:
        yield from self.parts()

    def parts(self) -> Sequence[Widget]:
        return [Lines(self._lines, name_id="elsewhere")]

    def _lines(self, width: int, height: int) -> list[Line]:
        def told(words: str, style: str = "") -> list[Line]:
            return [((f" {part}", style),) for part in wrap(words, width - 2)]

        def copied(words: str) -> list[Line]:
            return [(), *(((words[at : at + width], "colors.primary"),) for at in range(0, len(words), width)), ()]

        keys: Line = (("Y", "colors.primary"), (" copy the URL   ", "colors.dim"), ("s", "colors.primary"), (" copy the ssh line   ", "colors.dim"),
                      ("q", "colors.primary"), (" close", "colors.dim"))  # fmt: skip
        title = told(f"Hear it elsewhere: {self._title}" if self._title else "Hear it elsewhere", "colors.title")
        why = told(f"{self._reason}.", "colors.warning") if self._reason else []
        ways = [
            *told(
                "1. Where you sit, run this in a terminal and leave it open. HOST is what you give ssh to come here. (Not needed on this machine.)"
            ),
            *copied(str(self._tunnel)),
            *told("2. Open this there with a player (mpv, VLC); it plays while the track arrives:"),
            *copied(str(self._url)),
            keys,
        ]
        said = told(self._said, "colors.dim")
        roomy: list[Line] = [*title, *why, (), *ways, *said]
        tight = [line for line in ways if line]
        forms = (roomy, [*title, *why, *tight, *said], [*title, *why, *tight], tight)
        return next((form for form in forms if len(form) <= self.app.size.height - RULES), tight)

    def pressed(self, key: str) -> None:
        if key in ("Y", "y", "s"):
            self.ui.copy_to_clipboard(str(self._tunnel if key == "s" else self._url))
            self._said = _SENT.format("ssh line" if key == "s" else "URL")
            lines = self.query_one("#elsewhere", Lines)
            lines.refresh(layout=True)
            lines.update()
        elif key in ("q", "enter"):
            self.dismiss(None)
