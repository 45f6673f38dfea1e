"""What is told again only when it has changed. Core."""

from __future__ import annotations

import re


class Said:
    """The last words of one matter, e.g. why something that is tried again and again does not work."""

    def __init__(self) -> None:
        self._last = ""

    def is_news(self, words: str) -> bool:
        """Whether these are others than the last ones, but for their numbers (seconds to wait, a port). Empty words are none, and forget the last ones."""
        words = re.sub(r"\d+", "", words)
        news, self._last = bool(words) and words != self._last, words
        return news
