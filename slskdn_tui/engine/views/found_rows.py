"""Lines of found folders and files, as searches, wishes and browsing show them. Core."""

from __future__ import annotations

from collections.abc import Sequence

from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.expected import Expected, format_words
from slskdn_tui.model.finding import SearchRow, make_ref
from slskdn_tui.model.folders import FoundFolder
from slskdn_tui.model.text import SafeText

LONGEST_REF = 32_768
"""A path of 2,000 characters, each percent-encoded: a reference that is cut names nothing."""

_NO_BADGE = SafeText("")


def folder_rows(folder: FoundFolder, owned: Sequence[bool], badges: Sequence[SafeText] = ()) -> tuple[SearchRow, ...]:
    """A folder's line and one for each of its files; `owned` says which of them the library has, `badges` (none, or one a file) which are canonical.
    What is no audio does not count as lacking."""
    reply = folder.reply
    audio = [has for has, each in zip(owned, folder.expected, strict=True) if each.codec] or list(owned)
    head = SearchRow(
        key=folder.key,
        version=0,
        level=0,
        title=SafeText(folder.title or "/"),
        user=SafeText(reply.username),
        ref=SafeText(make_ref(reply.username, folder.folder, folder=True), LONGEST_REF),
        format=SafeText(folder.format),
        quality=folder.quality,
        free=reply.free_slot,
        queue=max(0, reply.queue),
        speed=max(0, reply.speed),
        size=folder.size,
        seconds=folder.seconds,
        files=len(folder.files),
        owned=round(sum(audio) / len(audio), 4) if audio else 0.0,
        badge=_of_all(badges, len(audio)),
        warning=SafeText(folder.warning),
        username=reply.username,
    )
    badges = badges or [_NO_BADGE] * len(folder.files)
    return (head, *(file_row(reply, *each) for each in zip(folder.files, folder.expected, owned, badges, strict=True)))


def _of_all(badges: Sequence[SafeText], count: int) -> SafeText:
    """`10 of 12 canonical`."""
    canonical = sum(bool(badge) for badge in badges)
    return SafeText(f"{canonical} of {count} canonical") if canonical else _NO_BADGE


def file_row(reply: SearchReply, file: FoundFile, found: Expected, owned: bool, badge: SafeText = _NO_BADGE) -> SearchRow:
    return SearchRow(
        key=f"{file.username}\n{file.path}",
        version=0,
        level=1,
        title=file.label,
        user=SafeText(file.username),
        ref=SafeText(make_ref(file.username, file.path), LONGEST_REF),
        format=SafeText(format_words(file, found)) if found.codec else SafeText(""),
        quality=found.quality,
        free=reply.free_slot,
        queue=max(0, reply.queue),
        speed=max(0, reply.speed),
        size=file.size,
        seconds=file.seconds,
        files=1,
        owned=float(owned),
        badge=badge,
        warning=SafeText(found.warning),
        username=file.username,
    )
