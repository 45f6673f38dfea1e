"""What each engine command does, found by its registry name; arguments arrive checked against `commands.SPECS`."""
