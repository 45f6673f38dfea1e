"""What other nodes say, one row a node and claim: `MeshVoices`, `FingerprintObservations`, `MbidWanted`. Shells library.db.

Bounded: `MOST_VARIANTS` and `MOST_WANTED` rows a node, `MOST_A_NETWORK` nodes a network, `MOST_NODES` nodes; whoever was heard longest ago goes first.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from slskdn_tui.engine.store.database import BATCH, Database
from slskdn_tui.engine.store.library.labels import Listed, folded, label_key, learn
from slskdn_tui.engine.store.records import plain_text
from slskdn_tui.model.heard import HeardVariant

MOST_VARIANTS = 1000
MOST_WANTED = 200
MOST_A_NETWORK = 16
MOST_NODES = 5000
Touched = tuple[set[tuple[str, str]], set[str]]
"""(label key, release MBID) and MBIDs whose popularity has to be counted anew."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a node: `whole` when `variants` are all it has; `wanted` are recordings it asks for. `heard_at` is Unix seconds."""

    node_id: str
    network: str
    direct: bool
    heard_at: float
    variants: Sequence[HeardVariant] = ()
    gone: Sequence[str] = ()
    whole: bool = False
    wanted: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ObservationRow:
    node_id: str
    network: str
    heard_at: float
    variant_id: str
    codec: str
    length: int
    duration_ms: int | None
    quality_score: float | None
    transcode_suspect: bool | None
    dynamic_range: float | None
    encoder_signature: str
    label_name: str


_ROW = (
    "SELECT o.node_id, v.network, v.heard_at, o.variant_id, o.codec, o.length, o.duration_ms, o.quality_score, o.transcode_suspect, o.dynamic_range,"
    " o.encoder_signature, o.label_name FROM FingerprintObservations o JOIN MeshVoices v ON v.node_id = o.node_id"
)


class VoicesTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def hear(self, said: Sequence[Said], known: Iterable[str] = ()) -> Touched:
        """Keep these messages, in order, as one transaction. `known` nodes stay when there are too many."""
        stay = frozenset(known)

        def work(connection: sqlite3.Connection) -> Touched:
            touched: Touched = (set(), set())
            for one in said:
                _hear(connection, one, touched)
            for node in _too_many(connection, {one.network for one in said}, stay):
                _drop(connection, node, touched)
            return touched

        return await self._database.write(work)

    async def expire(self, before: float) -> Touched:
        """Forget nodes not heard, and wishes not renewed, since `before` (Unix seconds)."""

        def work(connection: sqlite3.Connection) -> Touched:
            touched: Touched = (set(), set())
            for (node,) in connection.execute("SELECT node_id FROM MeshVoices WHERE heard_at < ?", (before,)).fetchall():
                _drop(connection, node, touched)
            touched[1].update(row[0] for row in connection.execute("DELETE FROM MbidWanted WHERE wanted_at < ? RETURNING mbid", (before,)))
            return touched

        return await self._database.write(work)

    async def everything(self) -> Touched:
        """All labels, releases and MBIDs that anybody speaks of, or did when they were counted."""

        def work(connection: sqlite3.Connection) -> Touched:
            pairs = connection.execute(
                "SELECT label_key, mb_release_id FROM FingerprintObservations WHERE label_key <> '' UNION SELECT label_key, mb_release_id FROM LabelPopularity"
            )
            labels = {(key, release) for key, release in pairs}
            names = connection.execute(
                "SELECT mb_recording_id FROM FingerprintObservations UNION SELECT mb_release_id FROM FingerprintObservations WHERE mb_release_id <> ''"
                " UNION SELECT mbid FROM MbidWanted UNION SELECT mbid FROM MbidPopularity"
            )
            return labels, {name for (name,) in names}

        return await self._database.read(work)

    async def of_recording(self, recording: str, codec_profile: str) -> list[ObservationRow]:
        """Every claim on a recording in one codec profile: indexed."""
        return [
            _row(row)
            for row in await self._database.fetch(f"{_ROW} WHERE o.mb_recording_id = ? AND o.codec_profile = ?", (recording, codec_profile))
        ]

    async def profiles(self, recording: str) -> list[str]:
        """The codec profiles in which a recording was seen."""
        rows = await self._database.fetch(
            "SELECT DISTINCT codec_profile FROM FingerprintObservations WHERE mb_recording_id = ? ORDER BY 1", (recording,)
        )
        return [row[0] for row in rows]

    async def spoken_of(self, recordings: Sequence[str]) -> set[tuple[str, str]]:
        """(recording, codec profile) of which something is said, among these recordings (at most `BATCH`)."""
        words = f"SELECT DISTINCT mb_recording_id, codec_profile FROM FingerprintObservations WHERE mb_recording_id IN ({', '.join('?' * len(recordings))})"
        return {(row[0], row[1]) for row in await self._database.fetch(words, tuple(recordings))}

    async def recordings_of_sizes(self, sizes: Collection[int]) -> set[str]:
        """Recordings of which a variant of one of these sizes is told: indexed."""
        found: set[str] = set()
        waiting = iter(sizes)
        while batch := list(itertools.islice(waiting, BATCH)):
            words = f"SELECT DISTINCT mb_recording_id FROM FingerprintObservations WHERE length IN ({', '.join('?' * len(batch))})"
            found |= {row[0] for row in await self._database.fetch(words, batch)}
        return found

    async def listed(self, releases: Iterable[tuple[str, Listed]]) -> Touched:
        """Keep which labels MusicBrainz lists of these releases."""
        return await self._database.write(lambda connection: (learn(connection, releases), set()))

    async def folded(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """These (label key, release), and those they count as."""

        def work(connection: sqlite3.Connection) -> list[tuple[str, str]]:
            return sorted({(key, release) for said, release in pairs for key in (said, folded(connection, said, release)[0])})

        return await self._database.read(work)

    async def of_releases(self, pairs: Sequence[tuple[str, str]]) -> list[list[ObservationRow]]:
        """Every claim that counts for each (label key, release), by the name MusicBrainz has for the label where it lists one: indexed."""

        def work(connection: sqlite3.Connection) -> list[list[ObservationRow]]:
            return [_counting(connection, *pair) for pair in pairs]

        return await self._database.read(work)

    async def of_mbids(self, mbids: Sequence[str]) -> list[list[tuple[str, str, float]]]:
        """(node id, network, heard at) of every node that has, or asks for, each of these recordings or releases: indexed."""

        def work(connection: sqlite3.Connection) -> list[list[tuple[str, str, float]]]:
            sql = (
                "SELECT node_id, network, heard_at FROM MeshVoices WHERE node_id IN (SELECT node_id FROM FingerprintObservations WHERE mb_recording_id = ?1"
                " UNION SELECT node_id FROM FingerprintObservations WHERE mb_release_id = ?1 AND mb_release_id <> ''"
                " UNION SELECT node_id FROM MbidWanted WHERE mbid = ?1)"
            )
            return [connection.execute(sql, (mbid,)).fetchall() for mbid in mbids]

        return await self._database.read(work)


def _counting(connection: sqlite3.Connection, key: str, release: str) -> list[ObservationRow]:
    sql = f"{_ROW} WHERE o.mb_release_id = ? AND o.mb_release_id <> '' AND o.label_key <> ''"
    rows = [_row(row) for row in connection.execute(sql, (release,))]
    as_what = {said: folded(connection, label_key(said), release) for said in {row.label_name for row in rows}}
    return [replace(row, label_name=as_what[row.label_name][1] or row.label_name) for row in rows if as_what[row.label_name][0] == key]


def _hear(connection: sqlite3.Connection, said: Said, touched: Touched) -> None:
    # An address seen directly is better than that of whoever passed a message on.
    connection.execute(
        "INSERT INTO MeshVoices (node_id, network, direct, heard_at) VALUES (?, ?, ?, ?) ON CONFLICT (node_id) DO UPDATE SET"
        " network = CASE WHEN excluded.direct OR NOT direct THEN excluded.network ELSE network END,"
        " direct = max(direct, excluded.direct), heard_at = max(heard_at, excluded.heard_at)",
        (said.node_id, plain_text(said.network), int(said.direct), said.heard_at),
    )
    if said.whole:
        _forget(connection, "node_id = ?", (said.node_id,), touched)
    for variant_id in said.gone:
        _forget(connection, "node_id = ? AND variant_id = ?", (said.node_id, variant_id), touched)
    room = (
        MOST_VARIANTS - connection.execute("SELECT count(*) FROM FingerprintObservations WHERE node_id = ?", (said.node_id,)).fetchone()[0]
    )
    for heard in said.variants:
        variant = heard.variant
        # A variant is one recording in one profile: what the same node said of it before is replaced.
        room += _forget(connection, "node_id = ? AND variant_id = ?", (said.node_id, variant.variant_id), touched)
        if room <= 0:
            break
        room -= 1
        key = label_key(heard.label) if heard.release_mbid else ""
        suspect = heard.transcode_suspect
        connection.execute(
            "INSERT INTO FingerprintObservations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                variant.recording_mbid,
                plain_text(variant.codec_profile),
                variant.variant_id,
                said.node_id,
                plain_text(variant.codec),
                variant.length,
                variant.duration_ms,
                variant.score,
                None if suspect is None else int(suspect),
                heard.dynamic_range,
                plain_text(heard.encoder_signature),
                key,
                plain_text(heard.label),
                heard.release_mbid,
            ),
        )
        _touch(touched, variant.recording_mbid, key, heard.release_mbid)
    connection.executemany(
        "INSERT INTO MbidWanted VALUES (?, ?, ?) ON CONFLICT (mbid, node_id) DO UPDATE SET wanted_at = excluded.wanted_at",
        [(mbid, said.node_id, said.heard_at) for mbid in said.wanted],
    )
    touched[1].update(said.wanted)
    if said.wanted:
        over = "SELECT mbid FROM MbidWanted WHERE node_id = ?1 ORDER BY wanted_at DESC LIMIT -1 OFFSET ?2"
        connection.execute(f"DELETE FROM MbidWanted WHERE node_id = ?1 AND mbid IN ({over})", (said.node_id, MOST_WANTED))


def _forget(connection: sqlite3.Connection, where: str, values: tuple[str, ...], touched: Touched) -> int:
    sql = f"DELETE FROM FingerprintObservations WHERE {where} RETURNING mb_recording_id, label_key, mb_release_id"
    rows = connection.execute(sql, values).fetchall()
    for row in rows:
        _touch(touched, *row)
    return len(rows)


def _touch(touched: Touched, recording: str, key: str, release: str) -> None:
    touched[1].add(recording)
    if release:
        touched[1].add(release)
    if key:
        touched[0].add((key, release))


def _drop(connection: sqlite3.Connection, node: str, touched: Touched) -> None:
    _forget(connection, "node_id = ?", (node,), touched)
    touched[1].update(row[0] for row in connection.execute("DELETE FROM MbidWanted WHERE node_id = ? RETURNING mbid", (node,)))
    connection.execute("DELETE FROM MeshVoices WHERE node_id = ?", (node,))


def _too_many(connection: sqlite3.Connection, networks: set[str], known: frozenset[str]) -> list[str]:
    """Nodes beyond the bounds, of these networks and of all; known ones go last."""

    def over(most: int, where: str, values: tuple[str, ...]) -> list[str]:
        nodes = [row[0] for row in connection.execute(f"SELECT node_id FROM MeshVoices {where} ORDER BY heard_at DESC, node_id", values)]
        return sorted(nodes, key=lambda node: node not in known)[most:]

    gone = [node for network in networks for node in over(MOST_A_NETWORK, "WHERE network = ?", (network,))]
    if connection.execute("SELECT count(*) FROM MeshVoices").fetchone()[0] - len(gone) > MOST_NODES:
        gone += over(MOST_NODES, "", ())
    return list(dict.fromkeys(gone))


def _row(row: tuple[object, ...]) -> ObservationRow:
    found = ObservationRow(*row)  # type: ignore[arg-type]
    suspect = found.transcode_suspect
    return found if suspect is None else ObservationRow(*(*row[:8], bool(suspect), *row[9:]))  # type: ignore[arg-type]
