"""The story's library: a scan under way, and what is wrong with it."""

from __future__ import annotations

from slskdn_tui.model.library_view import KindRow, LibraryRow, LibraryView, ScanLine
from slskdn_tui.model.text import SafeText as T

ROOT = "/music"
RELEASE = "a5e2f5a1-0000-4000-8000-000000000001"
_KINDS = (
    KindRow("damaged", 1, T("damaged files"), 2, T(f"{ROOT}/Low/01 Words.flac"), None, "high"),
    KindRow("transcode", 1, T("suspected transcodes"), 117, T(f"{ROOT}/Aphex Twin/SAW 85-92/02 Tha.flac"), 0.18, "high"),
    KindRow("missing_tracks", 1, T("releases missing tracks"), 23, T(f"{ROOT}/Burial/Untrue"), None, "medium"),
    KindRow("mis_tagged", 1, T("mis-tagged tracks"), 41, T(f"{ROOT}/Various/Kompakt Total 5/07.flac"), None, "medium"),
    KindRow("missing_metadata", 1, T("files without tags"), 612, T(f"{ROOT}/_incoming/track01.mp3"), None, "low"),
    KindRow("unsure", 1, T("albums to confirm"), 2, T(f"{ROOT}/Plone/For Beginner Piano"), None, ""),
    KindRow("dismissed", 1, T("dismissed"), 4, T(f"{ROOT}/Coil/Musick to Play/02.flac"), None, ""),
    KindRow("trash", 1, T("in the trash"), 1, T(f"{ROOT}/Autechre/Amber/01 Foil.flac"), None, ""),
)
_FILES = (
    ("Aphex Twin/SAW 85-92/02 Tha.flac", 8.2, 16_000, 0.18, ""),
    ("Aphex Twin/SAW 85-92/05 Green Calx.flac", 7.4, 16_000, 0.19, "job 3f2a91c0 62%"),
    ("Boards of Canada/Geogaddi/03 Beware the Friendly Stranger.flac", 9.0, 19_200, 0.36, ""),
    ("Autechre/Amber/02 Montreal.flac", 10.1, 16_000, 0.21, ""),
    ("Autechre/Incunabula/04 Autriche.flac", 9.3, 16_000, 0.22, ""),
)


def _row(kind: str, at: int, name: str, dr: float, cut: int, score: float, doing: str) -> LibraryRow:
    return LibraryRow(
        f"{kind}:{at}",
        1,
        f"{kind}:{at:020x}",
        T(f"{ROOT}/{name}"),
        T("was MP3 once, and is called FLAC"),
        "high",
        (
            T("verdict: lossy confirmed (MP3)"),
            T("measured: 0.3, expected below 0.6"),
            T("quality score: 0.18"),
            T("reason: lines of the MP3 filter bank are zero at frame offset 417 in 3 of 3 segments"),
        ),
        "replace",
        T("get another copy by a job; this one goes into the trash once the new one is verified"),
        T(doing),
        T("FLAC 16/44"),
        dr,
        cut,
        score,
        (("length", T("9:06")), ("loudness", T("-9.8 LUFS, range 5.1 LU")), ("recording", T("0e11b5ba-9b2e-4f4e-8a8d-0c1f3f1a2b3c"))),
        T("canonical 0.94, 80 peers agree") if at == 2 else T(""),
    )


def _unsure(folder: str, words: str, release: str) -> LibraryRow:
    seen = (T("01 On My Bus.flac: track 1"), T("02 Bibi Plone.flac: track 2, its length is 0.3 s off"))
    fix = "f asks whether it is that release; then its files are of it, and what they lack or are tagged wrong is told"
    return LibraryRow(
        f"unsure {ROOT}/{folder}", 1, f"{ROOT}/{folder}", T(f"{ROOT}/{folder}"), T(words), "low", seen if release else (), "confirm" if release else "name",
        T(fix if release else "f asks for the release: paste its MusicBrainz URL or id"), release=release,
    )  # fmt: skip


def library(subject: str = "") -> LibraryView | None:
    """Under any kind the same files."""
    kinds = {row.key: row for row in _KINDS}
    if subject and subject not in kinds:
        return None
    rows = tuple(_row(subject, at, *facts) for at, facts in enumerate(_FILES)) if subject else ()
    if subject == "trash":
        rows = (
            LibraryRow(
                "trash:1",
                1,
                "3f2a91c0-001",
                T(f"{ROOT}/Autechre/Amber/01 Foil.flac"),
                T("was MP3 once, and is called FLAC"),
                "",
                (T(f"replaced by: {ROOT}/Autechre/Amber/01 Foil.flac"), T("since: 2026-11-21 20:14")),
                "restore",
                T("f puts it back; what replaced it goes into the trash"),
            ),
        )
    if subject == "unsure":
        rows = (
            _unsure(
                "Plone/For Beginner Piano", "probably Plone - For Beginner Piano: too few lengths are known to tell it without ids", RELEASE
            ),
            _unsure("Unknown/Disc", "cannot be told apart: two editions fit as well", ""),
        )
    scan = ScanLine("measuring", 25_548, 41_208, 190.0, T("decoding for fingerprint and loudness: 25548 of 41208 files, 3 min left"))
    return LibraryView(1, _KINDS, rows, len(rows), scan, 41_208, 0, "2026-11-21T20:00:00Z", False)


def idle(subject: str = "") -> LibraryView | None:
    """Nothing scans, nothing is wrong."""
    return LibraryView(
        1, files=41_208, checked_at="2026-11-21T20:00:00Z", scan=ScanLine(words=T("41,208 files"), next_at="2026-11-22T04:00:00Z")
    )
