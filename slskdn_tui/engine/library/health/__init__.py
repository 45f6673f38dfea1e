"""The collection doctor: what is wrong with a library's files, and what would mend it."""
