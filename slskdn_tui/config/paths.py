"""Where things live: XDG folders, or everything under one folder with `--profile DIR`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

APP = "slskdn-tui"


@dataclass(frozen=True, slots=True)
class Paths:
    """Folders of one profile. Nothing is created by naming it; `ensure` makes the private ones (0700)."""

    config: Path
    data: Path
    state: Path
    cache: Path
    runtime: Path
    profile: Path | None = None

    @classmethod
    def of(cls, profile: Path | None = None) -> Paths:
        if profile is not None:
            root = Path(os.path.expanduser(profile)).resolve()
            return cls(root, root / "data", root / "state", root / "cache", root / "run", root)
        dirs = platformdirs.PlatformDirs(APP, appauthor=False)
        # Without XDG_RUNTIME_DIR (sudo, containers) platformdirs would warn and use a name under /tmp that others can take first.
        runtime = dirs.user_runtime_path if os.environ.get("XDG_RUNTIME_DIR") else dirs.user_state_path / "run"
        return cls(dirs.user_config_path, dirs.user_data_path, dirs.user_state_path, dirs.user_cache_path, runtime)

    @property
    def config_file(self) -> Path:
        return self.config / "config.yaml"

    @property
    def state_db(self) -> Path:
        return self.data / "state.db"

    @property
    def library_db(self) -> Path:
        return self.data / "library.db"

    @property
    def incomplete(self) -> Path:
        return self.data / "incomplete"

    @property
    def quarantine(self) -> Path:
        return self.data / "quarantine"

    @property
    def jobs(self) -> Path:
        return self.data / "jobs"

    @property
    def key_file(self) -> Path:
        return self.data / "node.key"

    @property
    def lock_file(self) -> Path:
        return self.state / "engine.lock"

    @property
    def log_file(self) -> Path:
        return self.state / "slskdn.log"

    @property
    def socket(self) -> Path:
        return self.runtime / "engine.sock"

    def ensure(self) -> None:
        for folder in (
            self.config,
            self.data,
            self.state,
            self.cache,
            self.runtime,
            self.incomplete,
            self.jobs / "active",
            self.jobs / "completed",
        ):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
