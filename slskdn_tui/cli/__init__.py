"""The command line: verbs built from the command table. stdout is data, stderr is talk. Imports neither engine nor screens."""
