"""A pixel font, three wide and five high, for the labels of charts."""

from __future__ import annotations

from collections.abc import Iterator

ADVANCE = 4

# One octal digit for each row from the top; its three bits are the pixels from the left.
_GLYPHS = {
    "A": "25755", "B": "65656", "C": "34443", "D": "65556", "E": "74647", "F": "74644", "G": "34553",
    "H": "55755", "I": "72227", "J": "11152", "K": "55655", "L": "44447", "M": "57755", "N": "65555",
    "O": "25552", "P": "65644", "Q": "25563", "R": "65655", "S": "34216", "T": "72222", "U": "55557",
    "V": "55552", "W": "55775", "X": "55255", "Y": "55222", "Z": "71247", "0": "75557", "1": "26227",
    "2": "71747", "3": "71717", "4": "55711", "5": "74717", "6": "74757", "7": "71122", "8": "75757",
    "9": "75717", " ": "00000", ".": "00002", ",": "00024", "-": "00700", "_": "00007", "/": "11244",
    "%": "51245", ":": "02020", "+": "02720", "(": "12221", ")": "42224",
}  # fmt: skip
_UNKNOWN = "70507"


def pixels(text: str) -> Iterator[tuple[int, int]]:
    """Yield the set pixels of a text as (x, y), from its upper left corner; case is ignored."""
    for position, character in enumerate(text.upper()):
        for y, digit in enumerate(_GLYPHS.get(character, _UNKNOWN)):
            for x in range(3):
                if int(digit) & (4 >> x):
                    yield position * ADVANCE + x, y


def width(text: str) -> int:
    """Return how many pixels wide a text is."""
    return max(0, len(text) * ADVANCE - 1)
