"""What a MusicBrainz reference becomes: a release, an edition chosen from a release group, or one recording. Shell over the MusicBrainz client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from slskdn_tui.engine.music.client import MusicBrainzClient
from slskdn_tui.engine.music.editions import best_home_first
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import MbKind, parse_mb_reference
from slskdn_tui.model.jobs import JobType
from slskdn_tui.model.music import Release, ReleaseHit
from slskdn_tui.model.text import SafeText

EDITIONS_TRIED = 3
"""An edition without a tracklist is passed over, so often."""
_HINT = "paste a release's, release group's or recording's URL or MBID; `n` on the screens searches by name"


@dataclass(frozen=True, slots=True)
class Target:
    """What a job fetches: `release` holds one track when a recording is wanted alone. `edition` says why this edition, empty when the user named it."""

    release: Release
    type: JobType = JobType.RELEASE
    edition: SafeText = SafeText("")  # noqa: RUF009  immutable


async def resolve(music: MusicBrainzClient, reference: str) -> Target:
    """The target of a URL or MBID. UserError `usage` (no reference, or an artist's), `not_found`, `network`."""
    read = parse_mb_reference(reference)
    if read is None:
        raise UserError("usage", f"{reference[:200]!r} is neither a MusicBrainz URL nor an MBID", _HINT)
    kind, mbid = read
    if kind is not None:
        if kind not in _BY_KIND:
            hint = f"`slskdn discover {kind}` shows what it leads to; `slskdn discover artist ... --get core` gets a discography"
            raise UserError("usage", f"that is a MusicBrainz {kind}; a job needs a release, a release group or a recording", hint)
        return await _BY_KIND[kind](music, mbid)
    for look_up in _BY_KIND.values():
        try:
            return await look_up(music, mbid)
        except UserError as error:
            if error.code != "not_found":
                raise
    raise UserError(
        "not_found", f"MusicBrainz knows no release, release group or recording {mbid}", "check the id, or search by `artist - album`"
    )


async def _of_release(music: MusicBrainzClient, mbid: str) -> Target:
    return Target(await music.release(mbid))


async def _of_group(music: MusicBrainzClient, mbid: str) -> Target:
    hits = await music.release_group(mbid)
    release, hit = await _first_with_tracks(music, hits, f"release group {mbid}")
    return Target(release, edition=await music.why_first(hit, hits))


async def _of_recording(music: MusicBrainzClient, mbid: str) -> Target:
    hits = best_home_first(await music.recording_releases(mbid))
    release, hit = await _first_with_tracks(music, hits, f"recording {mbid}")
    track = next((track for track in release.tracks if track.recording_mbid == mbid), None)
    if track is None:
        raise UserError(
            "not_found",
            f"MusicBrainz no longer lists recording {mbid} on {release.title}",
            "it was merged into another one; open its URL and paste the one it leads to",
        )
    return Target(replace(release, tracks=(track,)), JobType.RECORDING, SafeText(f"{release.title}: {await music.why_first(hit, hits)}"))


async def _first_with_tracks(music: MusicBrainzClient, hits: Sequence[ReleaseHit], what: str) -> tuple[Release, ReleaseHit]:
    for hit in hits[:EDITIONS_TRIED]:
        try:
            return await music.release(hit.mbid), hit
        except UserError as error:
            if error.code != "not_found":
                raise
    raise UserError("not_found", f"MusicBrainz lists no edition with tracks for {what}", "check the id, or search by `artist - album`")


_BY_KIND: dict[MbKind, Callable[[MusicBrainzClient, str], Awaitable[Target]]] = {
    "release": _of_release,
    "release-group": _of_group,
    "recording": _of_recording,
}
"""In the order in which a bare MBID is tried."""
