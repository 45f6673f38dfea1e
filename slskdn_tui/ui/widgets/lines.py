"""`Lines`: a few lines of styled text that redraw only the cells that changed. Status line, footer, panes and dialogs are made of it. Shell (Textual)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from slskdn_tui.ui.present.base import Line, changed_cells, crop, line_width

if TYPE_CHECKING:
    from slskdn_tui.ui.theming import Palette

Builder = Callable[[int, int], Sequence[Line]]
"""(width, height) in cells -> lines."""


def palette_of(widget: Widget) -> Palette:
    """The palette in force; every app that shows these widgets has one."""
    return cast("Palette", widget.app.palette)  # type: ignore[attr-defined]


def paint(line: Line, width: int, palette: Palette, cursor: bool = False, ground: str = "") -> Strip:
    """A strip of exactly `width` cells; neighbours that look the same are one segment."""
    segments: list[Segment] = []
    line = crop(line, width)
    for text, name in (*line, (" " * (width - line_width(line)), ground)):
        style = palette.get(name, cursor)
        if not text:
            continue
        if segments and segments[-1].style == style:
            segments[-1] = Segment(segments[-1].text + text, style)
        else:
            segments.append(Segment(text, style))
    return Strip(segments, width)


class Lines(Widget):
    """Draws what its builder returns for its size. `show` with a new builder, or `update` after what the builder reads has changed."""

    DEFAULT_CSS = "Lines { height: 1; width: 100%; }"

    def __init__(self, build: Builder | None = None, *, name_id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=name_id, classes=classes)
        self._build: Builder = build or (lambda width, height: ())
        self._lines: list[Line] = []

    def show(self, build: Builder) -> None:
        self._build = build
        self.update()

    def update(self) -> None:
        """Build again; only cells that differ are drawn."""
        width, height = self.size
        if not width or not height:
            return
        new = [crop(line, width) for line in self._build(width, height)][:height]
        old = self._lines
        self._lines = new
        regions = []
        for y in range(max(len(old), len(new))):
            before = old[y] if y < len(old) else ()
            after = new[y] if y < len(new) else ()
            if before is after:
                continue
            if (changed := changed_cells(before, after)) is not None:
                regions.append(Region(changed[0], y, changed[1] - changed[0], 1))
        if regions:
            self.refresh(*regions)

    @property
    def text(self) -> list[str]:
        """What stands there, for tests and copying."""
        return ["".join(text for text, _ in line) for line in self._lines]

    def on_resize(self) -> None:
        self.update()
        self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._build(width or container.width, viewport.height)))

    def render_line(self, y: int) -> Strip:
        line = self._lines[y] if y < len(self._lines) else ()
        return paint(line, self.size.width, palette_of(self))
