"""How patient and how sparing this program is with others."""
