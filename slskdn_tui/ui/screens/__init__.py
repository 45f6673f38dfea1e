"""One module a screen, and the dialogs they share."""
