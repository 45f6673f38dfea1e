"""What `slskdn check` asks of the engine's libraries: Chromaprint, the FLAC decoder, the account. Shell; imports what is heavy only here."""

from __future__ import annotations

import asyncio
import ctypes.util
import shutil
from typing import Literal

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings

Line = tuple[str, Literal["ok", "warn", "fail"], str, str]


async def probe(paths: Paths, settings: Settings) -> list[Line]:
    """(part, ok|warn|fail, words, how to mend) each."""
    return [_chromaprint(), await _decoder(paths), _tools(), _rate(settings), _discogs(settings)]


def _chromaprint() -> Line:
    import acoustid

    if ctypes.util.find_library("chromaprint"):
        return "libchromaprint", "ok", "found; recordings can be fingerprinted", ""
    if shutil.which(acoustid.FPCALC_COMMAND):
        return "libchromaprint", "ok", "fpcalc found instead of the library", ""
    return "libchromaprint", "warn", "not found; recordings cannot be fingerprinted", "apt install libchromaprint1"


async def _decoder(paths: Paths) -> Line:
    """Start the audio worker once, as a finished download will."""
    from slskdn_tui.engine.audio.check import AudioChecker

    checker = AudioChecker()
    try:
        async with asyncio.timeout(30):
            await checker.check(paths.config_file)  # anything: the answer shows that the worker lives
            started = checker.pid is not None
    except (OSError, TimeoutError) as error:
        return "audio decoder", "fail", f"does not start: {error}", "reinstall slskdn-tui; soundfile brings its library along"
    finally:
        await checker.close()
    if not started:
        return "audio decoder", "fail", "does not start", "reinstall slskdn-tui; soundfile brings its library along"
    return "audio decoder", "ok", "starts; finished FLACs are decoded and compared with their MD5", ""


def _tools() -> Line:
    if shutil.which("mpv"):
        return "mpv", "ok", "found", ""
    return "mpv", "warn", "not found; playing will print an address to open instead", "apt install mpv"


def _rate(settings: Settings) -> Line:
    if settings.musicbrainz.contact or "musicbrainz.org" not in settings.musicbrainz.url:
        return "MusicBrainz", "ok", settings.musicbrainz.url, ""
    return (
        "MusicBrainz",
        "warn",
        "musicbrainz.contact is empty",
        "set it to a mail address or URL: MusicBrainz asks for one and may refuse without",
    )


def _discogs(settings: Settings) -> Line:
    from slskdn_tui.engine.music.discogs.client import installed

    wanted = bool(settings.discogs.token or settings.discogs.token_cmd)
    if not installed():
        words = "python3-discogs-client is not installed; nothing is asked"
        return "Discogs", "warn" if wanted else "ok", words, "pip install 'slskdn-tui[discogs]'" if wanted else ""
    if not wanted:
        return "Discogs", "ok", "no token is set; nothing is asked", ""
    return "Discogs", "ok", settings.discogs.url, ""
