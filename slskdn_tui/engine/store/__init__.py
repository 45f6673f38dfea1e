"""The store: two SQLite files, one small module a table."""
