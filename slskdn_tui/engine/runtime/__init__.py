"""Clock, supervision, event bus: what every domain may lean on."""
