"""The endpoints, one file per noun, each with a ``router``."""
