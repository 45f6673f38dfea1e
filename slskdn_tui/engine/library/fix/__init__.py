"""What mends a library: the trash that replaced files wait in, tags written anew, and what is asked for to put an issue right."""
