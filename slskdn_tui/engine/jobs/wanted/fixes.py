"""What a job of the doctor's knows beyond others: where each track goes in an album that is there, and which file it replaces. Core: text in `details`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.fix import FixRequest, FixTrack
from slskdn_tui.model.text import SafeText

KEY = "fix"
EXTRAS_LOOKED = "extras_looked"
"""Set when an album's extras are not looked for (again): into an album that is there only its tracks are put."""


def details_of(request: FixRequest) -> dict[str, str]:
    """What goes into the job's `details`."""
    tracks = [{**asdict(track), "why": str.__str__(track.why)} for track in request.tracks]
    return {KEY: json.dumps({"folder": request.folder, "tracks": tracks, "issues": list(request.issues)}), EXTRAS_LOOKED: "-"}


def fix_details(text: str) -> dict[str, str]:
    """The same of what was kept beside a manifest; nothing for "". UserError where it is not what `details_of` wrote."""
    if not text:
        return {}
    try:
        _read(text)
        if not isinstance(_raw(text)["folder"], str):
            raise TypeError("no folder")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(
            "config", SafeText(f"what the job was to replace cannot be read: {error}"), SafeText("ask for the fix again")
        ) from None
    return {KEY: text, EXTRAS_LOOKED: "-"}


def fix_folder(record: JobRecord) -> str:
    """The album's folder; empty for a job that fixes nothing."""
    return str(_raw(record.details.get(KEY, "")).get("folder", ""))


def fix_issues(record: JobRecord) -> tuple[str, ...]:
    """Keys of the issues it answers."""
    return tuple(_raw(record.details.get(KEY, "")).get("issues", ()))


def fix_tracks(record: JobRecord) -> Mapping[int, FixTrack]:
    """By position; empty for a job that fixes nothing."""
    return _read(record.details.get(KEY, ""))


def _raw(text: str) -> dict[str, Any]:
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


@lru_cache(maxsize=64)
def _read(text: str) -> Mapping[int, FixTrack]:
    tracks = [FixTrack(**{**one, "stamp": tuple(one["stamp"]), "why": SafeText(one["why"])}) for one in _raw(text).get("tracks", ())]
    return {track.position: track for track in tracks}
