"""Terminal tests start the app as its own program; the repository is on the path for `tests.fakes`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
