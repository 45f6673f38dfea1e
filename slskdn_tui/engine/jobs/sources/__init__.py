"""Who has what a job wants: searches, files of a user, holders."""
