"""Which label a release is really on: `ReleaseLabels`, what MusicBrainz lists, against what nodes call it. Shells library.db."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from slskdn_tui.engine.store.records import plain_text
from slskdn_tui.model.text import SafeText

Listed = Sequence[tuple[str, SafeText]]
"""Labels of a release as MusicBrainz lists them: (MBID, name); "" for one without an MBID."""


def label_key(label: str) -> str:
    """What spellings of one label have in common; empty for no label."""
    return plain_text(" ".join(label.casefold().split()))


def learn(connection: sqlite3.Connection, releases: Iterable[tuple[str, Listed]]) -> set[tuple[str, str]]:
    """Keep what MusicBrainz lists; (label key, release) that somebody speaks of and have to be counted anew. An id has one name, the latest."""
    touched: set[tuple[str, str]] = set()
    for release, labels in releases:
        rows = {
            label_key(name): (plain_text(name), mbid, place) for place, (mbid, name) in reversed(list(enumerate(labels))) if label_key(name)
        }
        new = sorted((key, *row) for key, row in rows.items())
        old = connection.execute(
            "SELECT label_key, label_name, mb_label_id, place FROM ReleaseLabels WHERE mb_release_id = ? ORDER BY label_key", (release,)
        ).fetchall()
        if new == old:
            continue
        touched |= {(row[0], release) for row in old}
        connection.execute("DELETE FROM ReleaseLabels WHERE mb_release_id = ?", (release,))
        for key, name, mbid, place in new:
            connection.execute("INSERT INTO ReleaseLabels VALUES (?, ?, ?, ?, ?)", (release, key, name, mbid, place))
            others = "mb_label_id = ? AND mb_label_id <> '' AND label_key <> ?"
            touched |= set(connection.execute(f"SELECT label_key, mb_release_id FROM ReleaseLabels WHERE {others}", (mbid, key)))
            connection.execute(f"UPDATE OR REPLACE ReleaseLabels SET label_key = ?, label_name = ? WHERE {others}", (key, name, mbid, key))
        spoken = (
            "SELECT DISTINCT label_key FROM FingerprintObservations WHERE mb_release_id = ? AND mb_release_id <> '' AND label_key <> ''"
        )
        touched |= {(key, release) for (key,) in connection.execute(spoken, (release,))}
    return touched


def folded(connection: sqlite3.Connection, key: str, release: str) -> tuple[str, str]:
    """(key, name) of the label under which a release counts that somebody says is on `key`; name "" where it stays what was said.

    What MusicBrainz lists of that name, or else the first it lists with an MBID.
    """
    words = "SELECT label_key, label_name, mb_label_id FROM ReleaseLabels WHERE mb_release_id = ? ORDER BY place"
    listed: list[tuple[str, str, str]] = connection.execute(words, (release,)).fetchall()
    same = [(name_key, name) for name_key, name, _ in listed if name_key == key]
    first = [(name_key, name) for name_key, name, mbid in listed if mbid]
    return (same or first or [(key, "")])[0]


def counted_as(connection: sqlite3.Connection, key: str) -> str:
    """The label that spelling counts as now; the key itself where nobody has folded it."""
    words = (
        "SELECT r.label_key FROM FingerprintObservations o JOIN ReleaseLabels r ON r.mb_release_id = o.mb_release_id"
        " WHERE o.label_key = ? AND o.label_key <> '' AND r.mb_label_id <> '' GROUP BY r.label_key ORDER BY min(r.place), count(*) DESC, r.label_key LIMIT 1"
    )
    found = connection.execute(words, (key,)).fetchone()
    return str(found[0]) if found else key
