"""What `peers` and `contribution` print."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slskdn_tui.cli.present.peers import listed, ratio_words, report, shown
from slskdn_tui.cli.present.render import Look
from slskdn_tui.model.peers import ContributionView, PeersView
from tests.fakes import mesh

PLAIN, ASCII = Look(), Look(ascii=True)

ROADMAP = """Contribution Report (Last 7 Days)

Uploaded:
├─ Soulseek: 42.3 GB
└─ Overlay Mesh: 68.7 GB
Total: 111.0 GB

Downloaded:
├─ Soulseek: 18.5 GB
└─ Overlay Mesh: 12.1 GB
Total: 30.6 GB

Ratio: 3.6:1 (you've contributed 3.6× more than you downloaded)
Status: ✓ Healthy contributor"""


def test_the_report_is_the_roadmaps_to_the_letter() -> None:
    assert "\n".join(report(mesh.contribution(), PLAIN)) == ROADMAP


def test_without_unicode_it_has_none() -> None:
    text = "\n".join(report(mesh.contribution(), ASCII))
    assert text.isascii() and "3.6x more" in text and "Status: + Healthy contributor" in text


def test_a_breach_is_told_with_what_is_held_back_and_until_when() -> None:
    text = "\n".join(report(mesh.leeching(), PLAIN))
    assert "Status: ! Takes more than it gives" in text
    assert "less than 1.00 (18.1 GB more to give)" in text and "(until 00:00 UTC)" in text
    assert "Held back now:\n├─ no overlay downloads before 2026-11-23 00:00 UTC\n└─ Soulseek first" in text
    assert max(map(len, report(mesh.leeching(), Look(40)))) <= 40


def test_nothing_moved_yet_is_no_fault() -> None:
    text = "\n".join(report(mesh.quiet(), PLAIN))
    assert "Ratio: none yet (nothing downloaded)" in text and "Status: Nothing moved in the last 7 days" in text and "Rules" not in text
    assert report(replace(mesh.quiet(), days=1), PLAIN)[0] == "Contribution Report (Today)"


@pytest.mark.parametrize(
    ("up", "ratio", "said"),
    [
        (0, 0.0, "0.0:1 (you've contributed nothing yet)"),
        (41, 0.41, "0.4:1 (you've downloaded 2.4x more than you contributed)"),
        (100, 1.0, "1.0:1 (you've contributed as much as you downloaded)"),
        (104, 1.04, "1.0:1 (you've contributed as much as you downloaded)"),
        (99_000, 990.0, "990.0:1 (you've contributed 990.0x more than you downloaded)"),
        (1, 0.000001, "0.0:1 (you've downloaded 1000000.0x more than you contributed)"),
    ],
)
def test_the_ratio_in_words(up: int, ratio: float, said: str) -> None:
    assert ratio_words(ContributionView(1, slsk_up=up, slsk_down=100, ratio=ratio), "x") == said


def test_peers_are_listed_with_all_figures_and_one_is_shown_whole() -> None:
    view = mesh.peers()
    assert view is not None
    lines = listed(view, PLAIN)
    assert lines[0].split() == ["PEER", "BY", "STATE", "UP", "DOWN", "RATE", "RTT", "ERRORS", "TIMEOUTS", "REPUTATION", "NOTE"]
    assert lines[2].split() == [
        "b3:77aa",
        "mesh",
        "connected",
        "2.2",
        "GB",
        "400.0",
        "MB",
        "410.0",
        "KB/s",
        "180",
        "ms",
        "4%",
        "10%",
        "0.91",
    ]
    assert "avoided until about 3 Dec" in lines[5]
    one = "\n".join(shown(view.rows[0], PLAIN))
    assert "9f" * 32 in one and "mono_lith (as it says)" in one and "18204 good, 0 wrong, 3 timed out, 0 failed" in one
    assert "a Soulseek user" in shown(view.rows[2], PLAIN)[0]
    assert listed(PeersView(1), PLAIN)[0].startswith("No peer is known yet.")
