"""Where a finished track goes: template to a safe relative path. Core.

Names come from MusicBrainz and peers, so every part is cleaned: no separators, no control or bidi characters, no trailing dot or space,
no reserved Windows names (libraries live on shared drives), at most 200 bytes of UTF-8 before the suffix.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from slskdn_tui.model.errors import UserError
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

NAME_BYTES = 200
FIELDS = ("artist", "album", "year", "disc", "track", "title", "ext")
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?")
_FIELD = re.compile(r"\{(\w+)(?::0(\d))?\}")


def safe_name(raw: str, suffix: str = "") -> str:
    """One path component that every common file system takes; never empty, `.` or `..`."""
    name = unicodedata.normalize("NFC", str(SafeText(raw)))
    name = "".join("_" if 0x2400 <= ord(char) < 0x2440 else char for char in name)
    name = _FORBIDDEN.sub("_", name).strip().rstrip(". ")
    if not name.strip("._ "):
        name = "_"
    if name.startswith("."):
        name = "_" + name[1:]
    if _RESERVED.fullmatch(name):
        name = "_" + name
    encoded = name.encode()
    if len(encoded) + len(suffix) > NAME_BYTES:
        mark = hashlib.sha256(encoded).hexdigest()[:8]
        name = encoded[: NAME_BYTES - 9 - len(suffix)].decode(errors="ignore").rstrip(". ") + "~" + mark
    return name


def check_template(template: str) -> None:
    """UserError when a destination template is not one: unknown field, no {title} and {track}, absolute, `..`."""
    unknown = [name for name, _ in _FIELD.findall(template) if name not in FIELDS]
    rest = _FIELD.sub("", template)
    if unknown or "{" in rest or "}" in rest:
        raise UserError(
            "config", f"downloads.template: unknown field in {template!r}", "use " + " ".join("{" + name + "}" for name in FIELDS)
        )
    if "{track" not in template or "{ext}" not in template:
        raise UserError("config", "downloads.template must contain {track} and {ext}", "two tracks would get one name otherwise")
    if template.startswith(("/", "~")) or ".." in template.split("/"):
        raise UserError("config", "downloads.template must stay below downloads.folder", "take out the leading / or the ..")


def destination(template: str, release: Release, track: Track, extension: str) -> str:
    """The relative path (with `/`) of a track below the download folder. `extension` is with its dot."""
    year = release.date[:4]
    ext = re.sub(r"[^.a-z0-9]", "", extension.lower())[:8]
    values = {
        "artist": safe_name(release.artist),
        "album": safe_name(release.title),
        "year": f" ({year})" if year.isdigit() else "",
        "disc": f"CD {track.disc}/" if release.disc_count > 1 else "",
        "title": safe_name(track.title, ext),
        "ext": ext,
    }

    def fill(match: re.Match[str]) -> str:
        name, width = match.groups()
        return f"{track.number:0{width or 1}d}" if name == "track" else values[name]

    parts = _FIELD.sub(fill, template).split("/")
    stem, last = parts[:-1], parts[-1]
    base = last.removesuffix(ext)
    return "/".join([*(safe_name(part) for part in stem if part.strip()), safe_name(base, ext) + ext])


def other_name(relative: str, attempt: int) -> str:
    """The `rename` collision policy: `name (2).ext`, `name (3).ext`, ..."""
    head, dot, ext = relative.rpartition(".")
    return f"{head} ({attempt}){dot}{ext}" if dot else f"{relative} ({attempt})"
