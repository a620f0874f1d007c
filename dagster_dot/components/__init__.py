"""Components: everything of Dot's from ``defs.yaml`` files, one per capability and one for all of them."""
