"""docs/screens/trace.md tells the truth: its fields are the document's, and its script plots one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from slskdn_tui.engine.store.records import TraceEvent
from slskdn_tui.engine.trace.summary import TrackFacts, summarise
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.trace_json import trace_document

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "screens" / "trace.md").read_text("utf-8")
NODE = "ab" * 32


def document() -> dict[str, Any]:
    """Two sources over four seconds, a decision with its inputs, a chunk that failed."""
    leaf, inputs = 65536, {"cost": 0.9, "reputation": 0.99, "chunk_class": "urgent", "queue_s": 0.1}
    events = [
        TraceEvent("j", 1000.0, "job", words="started"),
        TraceEvent("j", 1000.5, "chunk", 1, "slsk:bob", "slsk", "v", 0, 4 * leaf, "ok", 120.0, 4e5, "", {}),
        TraceEvent("j", 1002.0, "assign", 1, NODE, "mesh", "v", 4 * leaf, 8 * leaf, "", 40.0, 1e6, "", inputs),
        TraceEvent("j", 1002.5, "chunk", 1, NODE, "mesh", "v", 4 * leaf, 8 * leaf, "ok", 41.0, 1e6, "", {}),
        TraceEvent("j", 1003.0, "chunk", 1, NODE, "mesh", "v", 0, leaf, "corruption", 41.0, 1e6, "wrong", {}),
    ]
    numbered = [
        TraceEvent(**{**{name: getattr(event, name) for name in event.__slots__}, "seq": seq}) for seq, event in enumerate(events, 1)
    ]
    return trace_document(summarise("j", "Loveless", [TrackFacts(1, SafeText("Only"), "done", 12 * leaf)], numbered))


def test_the_pages_script_draws_each_source(tmp_path: Path) -> None:
    (script,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    assert len(script.splitlines()) <= 12
    (tmp_path / "trace.json").write_text(json.dumps(document()), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "trace.json")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        encoding="utf-8",
    )
    assert done.stdout.splitlines() == [f"{'slsk:bob':20} =  0.3 MB", f"{NODE[:20]}   @  0.5 MB"]


def test_the_page_names_every_field_and_no_other() -> None:
    tables = PAGE[PAGE.index("## The document") :]
    named = {name for row in re.findall(r"^\| (`.*?) \|", tables, re.M) for name in re.findall(r"`(\w+)`", row)}
    fields = {name for event in document()["events"] for name in event}
    assert fields == named
    head = re.search(r"^`\{(.*)\}`", tables, re.M)
    assert head is not None and set(re.findall(r'"(\w+)"', head[1].replace('"slskdn-trace/1"', ""))) == set(document())
