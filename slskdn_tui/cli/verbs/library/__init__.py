"""The library's verbs, a module a matter."""
