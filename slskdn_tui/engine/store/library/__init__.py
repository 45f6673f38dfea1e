"""Tables of library.db: what can be built again."""
