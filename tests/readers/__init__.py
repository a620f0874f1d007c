"""Every reader of bytes from outside: what they have in common."""
