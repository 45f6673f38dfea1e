"""What MusicBrainz said of releases and recordings: `Release`, `Recording`, `TrackInRelease`. Shells library.db."""

from __future__ import annotations

import json
import sqlite3

from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.records import plain_text
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText


class ReleasesTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, release: Release) -> None:
        """The release, its tracklist and its recordings, replacing what was known of it."""
        await self._database.write(lambda connection: _put(connection, release))

    async def get(self, mbid: str) -> Release | None:
        return await self._database.read(lambda connection: _get(connection, mbid))

    async def of_recording(self, recording_mbid: str) -> list[str]:
        """MBIDs of the known releases a recording is on."""
        rows = await self._database.fetch(
            "SELECT DISTINCT mb_release_id FROM TrackInRelease WHERE mb_recording_id = ? ORDER BY 1", (recording_mbid,)
        )
        return [row[0] for row in rows]

    async def of_group(self, group_mbid: str) -> list[str]:
        """MBIDs of the known editions of a release group."""
        rows = await self._database.fetch(
            "SELECT mb_release_id FROM Release WHERE mb_release_group_id = ? AND mb_release_group_id <> '' ORDER BY 1", (group_mbid,)
        )
        return [row[0] for row in rows]


def _put(connection: sqlite3.Connection, release: Release) -> None:
    connection.execute("DELETE FROM Release WHERE mb_release_id = ?", (release.mbid,))  # its tracklist goes with it
    connection.execute(
        "INSERT INTO Release VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            release.mbid,
            release.group_mbid,
            release.title,
            release.artist,
            release.artist_mbid,
            plain_text(release.date),
            plain_text(release.country),
            plain_text(release.status),
            release.label,
            json.dumps(release.formats),
            release.disc_count,
            release.disambiguation,
            plain_text(release.discogs),
        ),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO Recording VALUES (?, ?, ?, ?)",
        [(track.recording_mbid, track.title, track.artist, track.length_ms) for track in release.tracks],
    )
    connection.executemany(
        "INSERT INTO TrackInRelease VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (release.mbid, track.position, track.disc, track.number, track.recording_mbid, track.title, track.artist, track.length_ms)
            for track in release.tracks
        ],
    )


def _get(connection: sqlite3.Connection, mbid: str) -> Release | None:
    connection.execute("BEGIN")  # release and tracklist of the same moment
    try:
        row = connection.execute("SELECT * FROM Release WHERE mb_release_id = ?", (mbid,)).fetchone()
        tracks = connection.execute(
            "SELECT position, disc, track_no, mb_recording_id, title, artist, duration_ms FROM TrackInRelease"
            " WHERE mb_release_id = ? ORDER BY position",
            (mbid,),
        ).fetchall()
    finally:
        connection.execute("COMMIT")
    if row is None:
        return None
    _, group, title, artist, artist_mbid, date, country, status, label, formats, discs, disambiguation, discogs = row
    return Release(
        mbid,
        group,
        SafeText(title),
        SafeText(artist),
        artist_mbid,
        date,
        country,
        status,
        SafeText(label),
        tuple(json.loads(formats)),
        discs,
        tuple(
            Track(position, disc, number, recording, SafeText(name), SafeText(by), length)
            for position, disc, number, recording, name, by, length in tracks
        ),
        SafeText(disambiguation),
        discogs,
    )
