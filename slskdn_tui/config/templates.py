"""Path templates of the settings: which fields each knows, and what is wrong with one. Core.

Checked by `slskdn config check` and at start; filled by `engine/jobs/placing/placement.py`.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping

ALBUM = ("artist", "album", "year", "disc")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "template": (*ALBUM, "track", "title", "ext"),
    "extras_template": (*ALBUM, "name", "ext"),
    "files_template": ("user", "folder", "name", "ext"),
}
"""Keys of `downloads` that are templates, and the fields each may use."""
_NEEDED: Mapping[str, tuple[str, ...]] = {"template": ("track", "title")}
"""One of these must be in it, or all files of an album would get one name; `name` where nothing is said."""


def fault(key: str, text: str) -> str:
    """What is wrong with `downloads.<key>`, or ''."""
    try:
        used = [(name, spec, conversion) for _, name, spec, conversion in string.Formatter().parse(text) if name is not None]
    except ValueError as error:
        return f"braces do not match ({error})"
    for name, spec, conversion in used:
        if name not in FIELDS[key]:
            return f"no field {{{name}}}"
        if conversion or (spec and (name != "track" or not re.fullmatch(r"0\d", spec))):
            return f"{{{name}}} has a format other than a width such as {{track:02}}"
    if text.startswith(("/", "~")) or ".." in text.split("/"):
        return "the path must stay below the download folder"
    names = {name for name, _, _ in used}
    if not text.endswith("{ext}") or text.count("{ext}") > 1:
        return "it does not end with {ext}, once"
    if not names & set(_NEEDED.get(key, ("name",))):
        return f"two {'tracks' if key == 'template' else 'files'} would get one name"
    return ""


def allowed(key: str) -> str:
    """What `downloads.<key>` may be, in words."""
    return "a path made of " + " ".join(f"{{{name}}}" for name in FIELDS[key])
