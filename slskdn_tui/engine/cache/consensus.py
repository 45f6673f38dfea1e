"""Whether a fetched copy may be kept for others: its length against MusicBrainz, its sound, and what the mesh says of the same recording. Core."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from slskdn_tui.model.aggregates import CanonicalStats, VariantChoice
from slskdn_tui.model.text import counted
from slskdn_tui.model.variant import Variant

LENGTH_MS = 5000
"""As far as lengths of one recording differ, as for the guard."""
VOICES = 2
SUSPECTED = 0.5
LEAD = 0.05
"""Scores that differ by less are alike, as for the canonical choice."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """`kept` or not, and why in words."""

    kept: bool
    words: str


@dataclass(frozen=True, slots=True)
class Sound:
    """What AcoustID takes a copy for: the `same` recording as it was fetched for, or another; `words` name it."""

    same: bool
    words: str


def judge(variant: Variant, length_ms: int | None, stats: CanonicalStats | None, audio: str = "", sound: Sound | None = None) -> Consensus:
    """`length_ms` as MusicBrainz has it; `stats` of the recording in the variant's codec profile, None where nobody could be asked;
    `audio` is the id of its region without tags; `sound` is None where AcoustID was not asked, could not be, or does not know it.

    One voice may be wrong, so that it takes two known ones to speak against a copy; a copy that nobody else has is kept.
    """
    own = variant.duration_ms
    if own is not None and length_ms and abs(own - length_ms) > LENGTH_MS:
        return Consensus(False, f"it lasts {_time(own)}, and MusicBrainz says {_time(length_ms)}")
    if sound is not None and not sound.same:
        return Consensus(False, f"it is {sound.words}")
    heard = "; AcoustID knows its sound" if sound is not None else ""
    said = stats.variants if stats is not None else ()
    best = said[0] if said else None
    if best is not None and best.peers >= VOICES and own is not None and best.duration_ms and abs(own - best.duration_ms) > LENGTH_MS:
        return Consensus(False, f"it lasts {_time(own)}, and the copy of {counted(best.peers, 'peer')} {_time(best.duration_ms)}")
    same = next((one for one in said if one.variant_id in (variant.variant_id, audio)), None)
    if same is None:
        return Consensus(True, f"nobody else tells of this very copy{heard}")
    if same.peers >= VOICES and same.suspected is not None and same.suspected >= SUSPECTED:
        return Consensus(False, f"{same.suspected:.0%} of {counted(same.peers, 'peer')} suspect that this copy was lossy once")
    what = "copy" if same.variant_id == variant.variant_id else "audio"
    return Consensus(True, f"the same {what} as {counted(same.peers + same.strangers, 'peer')}{heard}")


def better(held: Collection[str], codec_profile: str, told: Iterable[VariantChoice]) -> VariantChoice | None:
    """The copy that is canonical now in this codec profile, if it is to take the place of the one that is `held` (its file and its region, by id).

    `VOICES` known peers have it, and either nobody known scores the one held, or that scores worse by more than copies that are alike.
    """
    same = [one for one in told if one.codec_profile == codec_profile]
    best = next((one for one in same if one.canonical), None)
    if best is None or best.peers < VOICES or not best.variant_id or best.variant_id in held:
        return None
    ours = max((one.score for one in same if one.variant_id in held), default=None)
    return best if ours is None or best.score > ours + LEAD else None


def _time(ms: int) -> str:
    return f"{ms // 60_000}:{ms // 1000 % 60:02d}"
