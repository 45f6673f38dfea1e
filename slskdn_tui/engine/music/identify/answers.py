"""What AcoustID says of a fingerprint, as frozen values, and the reading of its answers. Core.

An answer comes from a server and is trusted in nothing: ids are checked, lists capped, text is `SafeText`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slskdn_tui.model.ids import is_mbid
from slskdn_tui.model.text import SafeText

MOST_RECORDINGS = 20
MOST_RELEASES = 100
LEAST_SCORE = 0.5
"""AcoustID's own score 0-1 of a fingerprint: what is less alike is not looked at."""


@dataclass(frozen=True, slots=True)
class Print:
    """A fingerprint as AcoustID takes it: Chromaprint's compressed text, and the length of the whole recording in seconds (at least 1)."""

    fingerprint: str
    seconds: int


@dataclass(frozen=True, slots=True)
class HeardRecording:
    """A recording that somebody linked to this sound. `score` 0-1 is the fingerprint's, `sources` how many users linked it; `releases` it is on."""

    mbid: str
    score: float
    sources: int = 1
    title: SafeText = SafeText("")  # noqa: RUF009  immutable
    seconds: float | None = None
    releases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of one fingerprint, best first. `rejected`: AcoustID takes it for no fingerprint."""

    recordings: tuple[HeardRecording, ...] = ()
    rejected: bool = False

    def likely(self) -> tuple[HeardRecording, ...]:
        """The recordings it may be: those of the best sound, without links that hardly anybody made."""
        best = max((each.score for each in self.recordings), default=0.0)
        near = [each for each in self.recordings if each.score >= best - 0.05]
        most = max((each.sources for each in near), default=0)
        return tuple(each for each in near if each.sources * 4 > most)


REJECTED = Heard(rejected=True)


class AcoustIdError(Exception):
    """AcoustID's own refusal: `code` 2 a parameter is missing, 3 no fingerprint, 4 an unknown key, 14 too many requests."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def answers(body: bytes) -> dict[int, Heard]:
    """The answers of a batch by the index asked; one that was no fingerprint is left out by the server. AcoustIdError; ValueError for anything else."""
    try:
        data = json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(data, dict):
        raise ValueError("no JSON object")
    if data.get("status") != "ok":
        said = data.get("error")
        code = said.get("code") if isinstance(said, dict) else None
        message = said.get("message") if isinstance(said, dict) else None
        if not isinstance(code, int):
            raise ValueError("neither an answer nor an error")
        raise AcoustIdError(code, str(SafeText(str(message), 200)))
    rows = data.get("fingerprints")
    if not isinstance(rows, list):
        raise ValueError("the list of fingerprints is missing")
    found = {}
    for row in rows:
        index = row.get("index") if isinstance(row, dict) else None
        if isinstance(index, str) and index.isascii() and index.isdigit() and len(index) <= 3:
            index = int(index)
        if not isinstance(index, int) or not isinstance(row.get("results"), list):
            raise ValueError("an answer without its index or results")
        found[index] = _heard(row["results"])
    return found


def _heard(results: list[Any]) -> Heard:
    best: dict[str, HeardRecording] = {}
    for result in results[:MOST_RECORDINGS]:
        score = result.get("score") if isinstance(result, dict) else None
        if not isinstance(score, int | float) or not LEAST_SCORE <= score <= 1:
            continue
        recordings = result.get("recordings")
        for row in recordings if isinstance(recordings, list) else ():
            one = _recording(row, float(score))
            if one is not None and (one.mbid not in best or best[one.mbid].score < one.score):
                best[one.mbid] = one
    ranked = sorted(best.values(), key=lambda one: (-one.score, -one.sources, one.mbid))
    return Heard(tuple(ranked[:MOST_RECORDINGS]))


def _recording(row: Any, score: float) -> HeardRecording | None:
    if not isinstance(row, Mapping) or not isinstance(row.get("id"), str) or not is_mbid(row["id"]):
        return None
    sources, title, seconds, releases = row.get("sources"), row.get("title"), row.get("duration"), row.get("releases")
    ids = [each.get("id") for each in releases if isinstance(each, Mapping)] if isinstance(releases, list) else []
    return HeardRecording(
        mbid=row["id"],
        score=score,
        sources=sources if isinstance(sources, int) and 0 < sources < 1 << 31 else 1,
        title=SafeText(title) if isinstance(title, str) else SafeText(""),
        seconds=float(seconds) if isinstance(seconds, int | float) and 0 < seconds < 1e6 else None,
        releases=tuple(each for each in ids[:MOST_RELEASES] if isinstance(each, str) and is_mbid(each)),
    )
