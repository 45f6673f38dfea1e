"""Makes the views a face asks for, from what is in memory; one room a screen. The engine's own, above the domains.

`views.py` pulls in the whole engine; the other rooms are light, and the read-only engine uses them.
"""
