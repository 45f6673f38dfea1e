"""The rows of the command table, a module a group of verbs. Core."""
