"""Identifiers: MusicBrainz ids, job ids, node ids. Core."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from typing import Literal, TypeVar

from slskdn_tui.model.errors import UserError

_MBID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_URL = re.compile(r"(?:https?://)?(?:[a-z]+\.)?musicbrainz\.org/(release-group|release|recording|artist|label)/([0-9a-fA-F-]{36})")
_B32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

_T = TypeVar("_T")
MbKind = Literal["release", "release-group", "recording", "artist", "label"]


def is_mbid(text: str) -> bool:
    """True for a lower-case hyphenated MusicBrainz id."""
    return _MBID.fullmatch(text) is not None


def parse_mb_reference(text: str) -> tuple[MbKind | None, str] | None:
    """(kind, MBID) of a MusicBrainz URL or bare MBID (kind None: not said); None when the text is neither, so it is a search."""
    text = text.strip()
    if url := _URL.search(text):
        return url.group(1), url.group(2).lower()  # type: ignore[return-value]
    if is_mbid(text.lower()):
        return None, text.lower()
    if re.fullmatch(r"[0-9a-fA-F]{6,}(-[0-9a-fA-F]*){3,}", text):
        raise UserError(
            "usage",
            f"{text!r} looks like a MusicBrainz id but is malformed",
            "an MBID is 8-4-4-4-12 hex digits; paste the release's URL from musicbrainz.org instead",
        )
    return None


def _luhn32(text: str) -> str:
    """Check character of a base32 text (Luhn mod 32), as Syncthing shows its device ids."""
    factor, total = 1, 0
    for char in text:
        add = factor * _B32.index(char)
        factor = 3 - factor
        total += add // 32 + add % 32
    return _B32[(32 - total % 32) % 32]


def show_node_id(node_id: str) -> str:
    """A node id (64 hex digits) as 4 groups of 13 base32 characters, each with a check character, split by 7: for comparing by eye."""
    text = base64.b32encode(bytes.fromhex(node_id)).decode().rstrip("=")
    checked = "".join(text[i : i + 13] + _luhn32(text[i : i + 13]) for i in range(0, len(text), 13))
    return "-".join(checked[i : i + 7] for i in range(0, len(checked), 7))


def short_node_id(node_id: str) -> str:
    """The name a screen has room for: `b3:` and the first four base32 characters, lower case."""
    try:
        return "b3:" + base64.b32encode(bytes.fromhex(node_id[:8])).decode()[:4].lower()
    except ValueError:
        return "b3:????"


def one_begun(reference: str, things: Iterable[_T], id_of: Callable[[_T], str], what: str, of: str = "id") -> _T | None:
    """The one of `things` (`what`, in the plural) whose id begins so, in any letter case; None for none, and for an empty `reference`.

    UserError `usage` when several do."""
    fits = [each for each in things if id_of(each).startswith(reference.lower())] if reference else []
    if len(fits) > 1:
        raise UserError("usage", f"{len(fits)} {what} begin with {reference!r}", f"give more of the {of}")
    return fits[0] if fits else None
