"""Core: the file a VPN container writes its forwarded port into: which port it holds, and what is said of one that holds none."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST = 64
"""bytes of the file that are looked at"""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the file: its `mark` (changes when the file does), and its content; `error` when it cannot be read."""

    mark: tuple[int, ...] = ()
    content: bytes = b""
    error: str = ""


def read_port(look: Look) -> int:
    """The port in the file. Raises ValueError with words for people."""
    if look.error:
        raise ValueError(f"cannot be read ({look.error})")
    words = look.content[:LONGEST].split()
    if not words:
        raise ValueError("is empty")
    text = words[0].decode("ascii", "replace")
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise ValueError(f"holds {text[:20]!r}, which is no port from 1 to 65535")
    return int(text)


class PortFile:
    """Tells changes. A file that is just being written looks empty: it is called bad only at the second look that finds it so."""

    def __init__(self) -> None:
        self._seen: Look | None = None
        self._told: Look | None = None

    def look(self, look: Look) -> int | str | None:
        """A port when the file has changed and holds one, words when it is bad (once a change), None when there is nothing new."""
        again = look == self._seen
        self._seen = look
        if look == self._told:
            return None
        try:
            port = read_port(look)
        except ValueError as error:
            if not again:
                return None
            self._told = look
            return str(error)
        self._told = look
        return port
