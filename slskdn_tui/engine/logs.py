"""The log file of a profile: one line a fact, foreign text made safe, nothing on the terminal. Shell over `logging`."""

from __future__ import annotations

import logging
import logging.handlers
from datetime import UTC, datetime
from pathlib import Path

from slskdn_tui.engine.runtime.clock import iso
from slskdn_tui.model.text import SafeText

LOGGERS = ("slskdn_tui", "aioslsk", "asyncio")
LINE = 2000


class SafeFormatter(logging.Formatter):
    """One line a record, UTC; control characters of anything that came from outside become pictures."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return iso(datetime.fromtimestamp(record.created, UTC))

    def format(self, record: logging.LogRecord) -> str:
        return "\n    ".join(str(SafeText(line, LINE)) for line in super().format(record).split("\n"))


class LogFile:
    """While open, the program's loggers (and aioslsk's, which would print on the screen) write to the file only."""

    def __init__(self, path: Path) -> None:
        self._handler = logging.handlers.RotatingFileHandler(path, maxBytes=4 << 20, backupCount=3, encoding="utf-8", errors="replace")
        path.chmod(0o600)
        self._handler.setFormatter(SafeFormatter("%(asctime)s %(levelname)-7s %(name)s %(message)s"))
        self._before: list[tuple[logging.Logger, int, bool]] = []

    def open(self) -> None:
        for name in LOGGERS:
            logger = logging.getLogger(name)
            self._before.append((logger, logger.level, logger.propagate))
            logger.addHandler(self._handler)
            logger.setLevel(logging.INFO if name == "slskdn_tui" else logging.WARNING)
            logger.propagate = False

    def close(self) -> None:
        for logger, level, propagate in self._before:
            logger.removeHandler(self._handler)
            logger.setLevel(level)
            logger.propagate = propagate
        self._before.clear()
        self._handler.close()
