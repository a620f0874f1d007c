"""What the documentation site needs beside its pages: `make docs` builds docs/ by zensical.toml into build/site."""
