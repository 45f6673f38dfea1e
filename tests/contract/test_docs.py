"""Generated pages are current, and the site's list of pages matches what is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from slskdn_tui.cli import docs
from slskdn_tui.cli.present.help import help_group, help_root, help_verb
from slskdn_tui.commands import by_name

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GOLDEN = Path(__file__).parent / "golden"


def test_generated_pages_are_current() -> None:
    done = subprocess.run([sys.executable, "-m", "slskdn_tui.cli.docs", "--check"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


def test_a_stale_page_is_noticed_and_rewritten(tmp_path: Path) -> None:
    assert docs.main([str(tmp_path)]) == 0
    assert docs.main(["--check", str(tmp_path)]) == 0
    (tmp_path / "keys.md").write_text("old\n")
    assert docs.main(["--check", str(tmp_path)]) == 1
    assert docs.main([str(tmp_path)]) == 0 and docs.main(["--check", str(tmp_path)]) == 0


@pytest.mark.parametrize("name", ["root", "jobs", "jobs.create", "jobs.cancel", "log", "demo", "bench.fetch", "completions"])
def test_help_reads_as_agreed(name: str) -> None:
    """A change of help text is a change users see: `python tests/contract/test_docs.py` writes it anew, then read the difference."""
    assert (GOLDEN / f"{name}.txt").read_text() == golden(name)


def golden(name: str) -> str:
    spec = by_name(name)
    return help_root() if name == "root" else help_verb(spec) if spec is not None else help_group(name)


def pages(nav: object) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for item in (nav.values() if isinstance(nav, dict) else nav) for page in pages(item)]  # type: ignore[attr-defined]


def test_the_site_lists_every_page_and_no_other() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    listed = pages(site["nav"])
    there = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert sorted(set(listed) ^ there) == []
    assert len(listed) == len(set(listed))


def test_a_reader_of_the_first_page_is_led_to_every_other() -> None:
    shown = set(re.findall(r"\]\(([^)#\s]+\.md)", (DOCS / "index.md").read_text()))
    assert sorted({str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} - shown - {"index.md"}) == []


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for page in DOCS.rglob("*.md"):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_verbs_named_in_the_pages_exist() -> None:
    """`slskdn WORD` in backticks is a verb there is."""
    words = {spec.verb[0] for spec in docs.SPECS if spec.verb}
    wrong = []
    for page in [*DOCS.glob("*.md"), ROOT / "README.md"]:
        for word in re.findall(r"`slskdn ([a-z]+)", page.read_text()):
            if word not in words:
                wrong.append(f"{page.name}: slskdn {word}")
    assert wrong == []


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for mark in test_help_reads_as_agreed.pytestmark:  # type: ignore[attr-defined]
        for each in mark.args[1]:
            (GOLDEN / f"{each}.txt").write_text(golden(each))
