"""A job on disk: the record's keeper and its YAML recipe."""
