"""For all tests: hypothesis judges values, not times, which are the machine's; and but for the nightly run each time the same ones."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="SLSKDN_NIGHTLY" not in os.environ
)
settings.load_profile("untimed")
