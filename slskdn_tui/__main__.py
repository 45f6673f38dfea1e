"""`python -m slskdn_tui` is the `slskdn` command."""

from slskdn_tui.main import main

raise SystemExit(main())
