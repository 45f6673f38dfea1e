"""The folders that are the user's library, and where files may be changed. Core."""

from __future__ import annotations

import os
from pathlib import Path

from slskdn_tui.config.settings import Settings


def library_roots(settings: Settings) -> list[Path]:
    """`library.folders`, the download folder and its destinations, absolute; each once."""
    names = [*settings.library.folders, settings.downloads.folder, *settings.downloads.destinations.values()]
    return [Path(name) for name in dict.fromkeys(os.path.abspath(os.path.expanduser(name)) for name in names)]


def only_shared(settings: Settings) -> list[str]:
    """Shared folders that lie in none of these: nobody said that they are the user's to look through and to change."""
    roots = [f"{os.path.realpath(root)}/" for root in library_roots(settings)]
    shared = dict.fromkeys(os.path.abspath(os.path.expanduser(name)) for name in settings.soulseek.share)
    return [name for name in shared if not f"{os.path.realpath(name)}/".startswith(tuple(roots))]


def offered_folders(settings: Settings) -> list[Path]:
    """Which folders the overlay may offer from (`overlay.offer`)."""
    downloads = Path(settings.downloads.folder).expanduser()
    shared = [Path(folder).expanduser() for folder in settings.soulseek.share]
    match settings.overlay.offer:
        case "shared":
            return shared
        case "downloads":
            return [downloads]
    return []
