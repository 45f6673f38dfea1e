"""Settings: one YAML file, every default written out, `SLSKDN_SECTION__KEY` overrides."""
