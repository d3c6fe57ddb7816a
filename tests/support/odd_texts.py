"""Texts that files must give back unchanged."""

TEXTS = {
    "emoji": "well 👩‍👩‍👧‍👦 done 🎉",
    "right to left": "שלום العالم",
    "zero width alone": "\u200b\u200d",
    "zero width within": "a\u200bb\ufeffc",
    "SQL": "'; DROP TABLE rows; --",
    "HTML": '<script>alert("hi")</script> &amp;',
    "path": r"C:\temp\new\..\x",
    "spaces around": "  kept  ",
    "line breaks": "one\ntwo\r\nthree\rfour",
    "separators": "a\u2028b\u0085c\x0bd\x1ce",
    "combining": "é e\u0301",
}
