"""What encoded a file, as mutagen's object of it says. Core."""

from __future__ import annotations

from typing import Any

LONGEST = 200


def signature(file: Any) -> str:
    """What encoded it, in its own words: LAME's tag with its settings, a vendor string, MP4's tool; "" when it says nothing."""
    return _signature(file)[:LONGEST]


def _signature(file: Any) -> str:
    info, tags = getattr(file, "info", None), getattr(file, "tags", None)
    words = [str(getattr(info, name, "") or "") for name in ("encoder_info", "encoder_settings")]
    if any(words):
        return " ".join(word for word in words if word)
    if vendor := getattr(tags, "vendor", ""):
        return str(vendor)
    for name in ("\xa9too", "TSSE", "WM/EncodingSettings"):
        try:
            if value := tags and tags.get(name):
                return str(value[0] if isinstance(value, list) else value)
        except (KeyError, ValueError, TypeError):
            continue
    return ""
