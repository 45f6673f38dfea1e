"""Which holder of a track's file to try next, after how each one ended so far. Core: time (monotonic seconds) is passed in.

Who is away is tried again when he comes back, not before; who lost us is tried again after a while, a few times; who refuses, or has another
file, is left alone. Nobody is given up for good but those whose bytes were wrong: users change, and a job never fails for want of a source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.ports import OriginEnd

Key = tuple[str, str]
TRIES = 3
"""How often in a row a holder may lose us before it rests for `REST_S`."""
BACK_OFF = (2.0, 10.0, 60.0)
REST_S = 900.0
REFUSED_S = 6 * 3600.0
"""`File not shared.` and `Banned` are not asked about again sooner."""
FULL_S = 600.0
FULL = ("too many", "queued", "pending shutdown", "cancelled", "remote file error")
"""Refusals that pass by themselves, in lower case."""


def key_of(file: FoundFile) -> Key:
    return file.username, file.path


@dataclass(slots=True)
class _Mark:
    tries: int = 0
    not_before: float = 0.0
    away: bool = False
    wrong: bool = False


class Holders:
    """Remembers how each (user, path) ended. Files are given best first by whoever asks."""

    def __init__(self) -> None:
        self._marks: dict[Key, _Mark] = {}
        self._other_file: set[Key] = set()
        self._started_over = False

    def _mark(self, file: FoundFile) -> _Mark:
        return self._marks.setdefault(key_of(file), _Mark())

    # how one ended

    def ended(self, file: FoundFile, end: OriginEnd, words: str, now: float) -> None:
        mark = self._mark(file)
        match end:
            case OriginEnd.OFFLINE:
                mark.away = True
            case OriginEnd.DENIED:
                passing = any(each in words.lower() for each in FULL)
                mark.not_before = now + (FULL_S if passing else REFUSED_S)
            case OriginEnd.MISMATCH:
                mark.wrong = True
                self._other_file.add(key_of(file))
            case _:
                self.failed(file, now)

    def failed(self, file: FoundFile, now: float) -> None:
        """It lost us, or was left because it stalled."""
        mark = self._mark(file)
        mark.tries += 1
        tries = (mark.tries - 1) % TRIES + 1
        mark.not_before = now + (REST_S if tries == TRIES else BACK_OFF[tries - 1])

    def bad(self, file: FoundFile) -> None:
        """The whole file came and did not pass its check."""
        self._mark(file).wrong = True

    # who is next

    def usable(self, files: Iterable[FoundFile], now: float) -> list[FoundFile]:
        """Those that may be tried now, in the order given, the less tried first."""
        fits = [file for file in files if self._may(file, now)]
        return sorted(fits, key=lambda file: self._marks[key_of(file)].tries if key_of(file) in self._marks else 0)

    def _may(self, file: FoundFile, now: float) -> bool:
        mark = self._marks.get(key_of(file))
        return mark is None or not (mark.wrong or mark.away or mark.not_before > now)

    def fresh(self, file: FoundFile) -> bool:
        """Whether it was never tried."""
        return key_of(file) not in self._marks

    def start_over(self, files: Sequence[FoundFile]) -> list[FoundFile]:
        """Holders of another file than the one begun, once, when nobody else is left: its bytes are given up for them."""
        again = [file for file in files if key_of(file) in self._other_file]
        if self._started_over or not again:
            return []
        self._started_over = True
        for file in again:
            self._marks[key_of(file)] = _Mark()
        return again

    # waiting

    def away(self, files: Iterable[FoundFile]) -> set[str]:
        """Users to wait for."""
        return {file.username for file in files if (mark := self._marks.get(key_of(file))) is not None and mark.away and not mark.wrong}

    def back(self, usernames: Collection[str]) -> None:
        """These users may be tried again."""
        for (username, _), mark in self._marks.items():
            if username in usernames:
                mark.away = False

    def next_at(self, files: Iterable[FoundFile]) -> float | None:
        """When the next of those that rest may be tried; None when nobody rests."""
        marks = [self._marks[key_of(file)] for file in files if key_of(file) in self._marks]
        return min((mark.not_before for mark in marks if not mark.wrong and not mark.away), default=None)
