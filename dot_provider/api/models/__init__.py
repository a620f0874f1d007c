"""What Dot's responses and our requests mean, as frozen dataclasses that keep the raw record."""
