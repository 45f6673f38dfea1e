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


def folder_rows(folder: FoundFolder, owned: Sequence[bool]) -> tuple[SearchRow, ...]:
    """A folder's line and one for each of its files; `owned` says which of them the library has. What is no audio does not count as lacking."""
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
        warning=SafeText(folder.warning),
        username=reply.username,
    )
    return (head, *(file_row(reply, *each) for each in zip(folder.files, folder.expected, owned, strict=True)))


def file_row(reply: SearchReply, file: FoundFile, found: Expected, owned: bool) -> SearchRow:
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
        warning=SafeText(found.warning),
        username=file.username,
    )
