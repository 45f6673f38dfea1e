"""Numbered migrations, one folder a database: `NNNN_words.sql`, each run in one transaction. They only go forward."""
