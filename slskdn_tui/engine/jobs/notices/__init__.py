"""Others told of albums: a command or a webhook."""
