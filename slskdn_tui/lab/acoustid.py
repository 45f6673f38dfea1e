"""The lab's AcoustID: which recordings were heard as what, and the body of /v2/lookup. Core.

Rules as in acoustid-server: an unknown key is error 4; a fingerprint that is none is left out of a batch, and is error 3 where it is the only one; a
missing length or fingerprint is error 2; at most 20 fingerprints; lengths may differ by 7 s.
"""

from __future__ import annotations

import gzip
import json
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from slskdn_tui.engine.audio.match import items, match
from slskdn_tui.lab.data import ws2

KEY = "lab-key"
MOST = 20
LENGTH_OFF_S = 7
_MOST_FORM = 4 * 1024 * 1024


@dataclass(slots=True)
class _Sound:
    id: str
    line: tuple[int, ...]
    seconds: int
    links: dict[str, int] = field(default_factory=dict)


class Sounds:
    """What was submitted, by sound. `hear` links a fingerprint to a recording of the world, or to any id."""

    def __init__(self, world: ws2.World, key: str = KEY) -> None:
        self._world = world
        self._sounds: list[_Sound] = []
        self.key = key

    def hear(self, fingerprint: str, seconds: int, recording: str, sources: int = 1) -> None:
        """ValueError when it is no fingerprint."""
        line = items(fingerprint)
        sound = next((each for each in self._sounds if each.line == line and each.seconds == seconds), None)
        if sound is None:
            sound = _Sound(str(uuid.uuid5(uuid.NAMESPACE_OID, f"{seconds}:{fingerprint}")), line, seconds)
            self._sounds.append(sound)
        sound.links[recording] = sound.links.get(recording, 0) + sources

    def lookup(self, asked: Mapping[str, str]) -> tuple[int, bytes]:
        """(HTTP status, JSON body) for the fields of a request."""
        if asked.get("client") != self.key:
            return (400, _error(4, "invalid API key")) if asked.get("client") else (400, _error(2, 'missing required parameter "client"'))
        suffixes = sorted(
            {name[len("fingerprint") :] for name in asked if name.startswith("fingerprint")}, key=lambda name: (len(name), name)
        )
        if not suffixes:
            return 400, _error(2, 'missing required parameter "fingerprint"')
        if len(suffixes) > MOST:
            return 400, _error(2, f"more than {MOST} fingerprints")
        meta = frozenset(asked.get("meta", "").replace("+", " ").split())
        rows: list[dict[str, Any]] = []
        for place, suffix in enumerate(suffixes):
            wrong = _wrong(asked, suffix)
            if wrong is not None:
                if not rows and place + 1 == len(suffixes):
                    return 400, wrong
                continue
            results = self._results(items(asked["fingerprint" + suffix]), int(asked["duration" + suffix]), meta)
            rows.append({"index": suffix[1:] or "0", "results": results})
        answer = {"fingerprints": rows} if asked.get("batch") else {"results": rows[0]["results"]}
        return 200, json.dumps({**answer, "status": "ok"}).encode()

    def _results(self, line: tuple[int, ...], seconds: int, meta: frozenset[str]) -> list[dict[str, Any]]:
        out = []
        for sound in self._sounds:
            if abs(sound.seconds - seconds) > LENGTH_OFF_S:
                continue
            found = match(sound.line, line)
            if found is not None and found.same:
                row: dict[str, Any] = {"id": sound.id, "score": round(1 - found.ber, 6)}
                recordings = [self._recording(mbid, sources, meta) for mbid, sources in sound.links.items()]
                out.append(row | ({"recordings": recordings} if meta & {"recordings", "recordingids"} else {}))
        return sorted(out, key=lambda row: -row["score"])

    def _recording(self, mbid: str, sources: int, meta: frozenset[str]) -> dict[str, Any]:
        row: dict[str, Any] = {"id": mbid}
        if "sources" in meta:
            row["sources"] = sources
        known = self._world.recordings.get(mbid)
        if known is not None and "recordings" in meta:
            release, track = known
            row |= {
                "title": track.recording_title or track.title,
                "artists": [{"id": credit.mbid, "name": credit.name} for credit in release.track_artist(track)],
            }
            if track.length:
                row["duration"] = track.length / 1000
        if known is not None and meta & {"releases", "releaseids"}:
            row["releases"] = [{"id": release.mbid} for release in self._world.linked("recording", mbid) or []]
        return row


def _wrong(asked: Mapping[str, str], suffix: str) -> bytes | None:
    length = asked.get("duration" + suffix, "")
    if not length.isdigit() or not int(length):
        return _error(2, f'missing required parameter "duration{suffix}"')
    try:
        if items(asked["fingerprint" + suffix]):
            return None
    except ValueError:
        pass
    return _error(3, "invalid fingerprint")


def _error(code: int, message: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": message}, "status": "error"}).encode()


def refusal(kind: str, body: bytes) -> bytes:
    """The body that goes with a fault, as AcoustID words it."""
    if kind in ("unavailable", "too_many"):
        return _error(14, "rate limit (3 requests per second) exceeded, try again later")
    return _error(5, "internal error") if kind == "server_error" else body


def form(body: bytes, encoding: str) -> dict[str, str]:
    """The fields of a posted form, gzipped or not; none when it is neither."""
    if encoding == "gzip":
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error):
            return {}
    return dict(parse_qsl(body[:_MOST_FORM].decode("utf-8", "replace"), keep_blank_values=True))
