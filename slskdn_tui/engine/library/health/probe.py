"""Looks at both ends of files on disk. Shell; call it in a thread."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable

from slskdn_tui.engine.audio.ends.damage import Damage, Unjudged
from slskdn_tui.engine.audio.ends.look import look
from slskdn_tui.engine.content.region_tags import NoRegion
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)
Stamp = tuple[int, int, int]


def probe(path: str) -> tuple[Stamp, Damage | None] | None:
    """(stamp, what is wrong) of one file; None when it cannot be read now, or is no regular file. Links are not followed."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        log.info("%s cannot be looked at: %s", SafeText(path), error.strerror)
        return None
    try:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode):
            return None
        stamp = facts.st_mtime_ns, facts.st_size, facts.st_ino
        try:
            return stamp, look(lambda offset, length: os.pread(fd, length, offset), facts.st_size, path)
        except Unjudged:
            return stamp, None
    except (OSError, NoRegion) as error:  # it fails to read, or was cut while it was read: the next check sees
        log.info("%s cannot be looked at: %s", SafeText(path), error)
        return None
    finally:
        os.close(fd)


def probe_all(paths: Iterable[str]) -> list[tuple[str, Stamp, Damage | None]]:
    return [(path, *found) for path in paths if (found := probe(path)) is not None]
