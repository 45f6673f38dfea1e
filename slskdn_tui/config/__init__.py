"""Settings: one YAML file, every default written out, `SLSKDN_SECTION__KEY` overrides."""

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Secret, Settings

__all__ = ["Paths", "Secret", "Settings"]
