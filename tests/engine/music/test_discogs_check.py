"""`slskdn check` says whether Discogs is asked, and what is missing."""

from __future__ import annotations

import pytest

from slskdn_tui.config.settings import Discogs, Secret, Settings
from slskdn_tui.engine import probe
from slskdn_tui.engine.music.discogs import client

TOKEN = Discogs(token=Secret("t0psecret"))


@pytest.mark.parametrize(
    ("there", "discogs", "said"),
    [
        (False, Discogs(), "ok python3-discogs-client is not installed; nothing is asked "),
        (False, TOKEN, "warn python3-discogs-client is not installed; nothing is asked pip install 'slskdn-tui[discogs]'"),
        (True, Discogs(), "ok no token is set; nothing is asked "),
        (True, TOKEN, "ok https://api.discogs.com "),
        (True, Discogs(token_cmd="pass show discogs"), "ok https://api.discogs.com "),
    ],
)
def test_check_says_whether_discogs_is_asked(there: bool, discogs: Discogs, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "installed", lambda: there)
    assert " ".join(probe._discogs(Settings(discogs=discogs))[1:]) == said
