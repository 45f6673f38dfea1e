"""`slskdn serve` as a process: how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from slskdn_tui.config.paths import Paths


@pytest.mark.slow
def test_a_hang_up_ends_serve_as_its_own_stop_does(tmp_path: Path) -> None:
    paths = Paths.of(tmp_path / "profile")
    paths.config.mkdir()
    paths.config_file.write_text(f"soulseek: {{enabled: false}}\noverlay: {{enabled: false}}\ndownloads: {{folder: {tmp_path}/music}}\n")
    command = [sys.executable, "-m", "slskdn_tui", "--profile", str(paths.config), "serve"]
    heard = partial(signal.signal, signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may be under nohup
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heard)
    try:
        assert process.stderr is not None and "slskdn serves" in process.stderr.readline()
        assert paths.socket.exists()
        process.send_signal(signal.SIGHUP)
        process.stderr.read()
        assert process.wait() == 0 and not paths.socket.exists()
    finally:
        process.kill()
        process.wait()
