"""The folders that files are placed in, made at the start and found writable. Shell over the file system."""

from __future__ import annotations

import os

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.jobs.placing.placement import base_folder
from slskdn_tui.model.errors import UserError


def make_folders(paths: Paths, settings: Settings) -> None:
    """Where files come to lie, made where missing; UserError when one cannot be made or written."""
    downloads = [base_folder(settings.downloads, name) for name in ("", *settings.downloads.destinations)]
    for folder in (paths.data, *downloads):
        try:
            paths.ensure() if folder == paths.data else folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                "disk", f"cannot make {folder}: {error.strerror}", "check its owner and rights, or name another folder in the configuration"
            ) from error
    for folder in downloads:
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UserError("disk", f"{folder} cannot be written", "change its rights, or name another folder in downloads")
