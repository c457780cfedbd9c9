"""One reading explained: the picture, the strip that the network saw, and the probabilities of every slot."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from multidigit.labels import BLANK, CELL, CLASSES, DEFAULT_SLOTS, text_to_slots
from multidigit.show.blocks import draw, has_greys, plan

if TYPE_CHECKING:
    from rich.console import Console

    from multidigit.reading.reader import Look

_ZOOM = 6
_MARGIN = 30
_NARROWEST = DEFAULT_SLOTS * CELL * _ZOOM
"""Least width of what stands on the page, in pixels; with more slots it is as wide as their strip."""
_HIGHEST = 280
"""Height that the picture is fitted into."""
_THINNEST = 40
"""Least pixels of the picture's shorter side: of a long and thin one only the part with ink is shown."""
_CHART = 110
_STEP, _BAR = 14, 10
"""From one bar of a chart to the next, and how wide each is."""
_ALTERNATIVES = 4
"""As many alternatives stand in a line."""

# Okabe and Ito's colours, which colour-blind people tell apart as well.
_PAPER, _INK, _SOFT, _FAINT = "#ffffff", "#1a1a1a", "#666666", "#c4c4c4"
_BOX, _BEST, _ANSWER, _SEPARATOR = "#e69f00", "#0072b2", "#d55e00", "#56b4e9"

_BAND = 20
"""Height of a band of attention."""
_TURNED = 0.02
"""Angle in radians from which a row counts as turned."""
_BARS = 10
"""Characters of a bar in the terminal that is full."""
_COLUMNS = 100
_ASCII = str.maketrans({"█": "#", "–": "-", "×": "x", "°": " degrees"})


def explained_picture(look: Look, title: str = "") -> Image.Image:
    """A page, 900 pixels wide or more, that shows from the top down how one reading came about.

    Args:
        look: the reading with all that led to it.
        title: the picture's name.

    Returns:
        RGB.
    """
    reading, strip = look.reading, look.view.strip
    page = _Page(strip.shape[1])
    page.write("What the network saw", 26)
    if title:
        page.write(_plain(title), 15, _SOFT)

    page.head("1", "The picture as it came", "in grey; orange: the row that was read, blue: other rows that were found")
    page.picture(look)
    page.write(_origin(look), 16)

    page.head("2", "The strip that the network saw", f"{strip.shape[1]} pixels wide, {CELL} high")
    page.strip(strip)

    page.head("3", "Where it looked", "for each digit: the darker, the more is lost where that part is covered")
    page.attention(look.attention, look.probabilities)

    page.head("4", "How likely each digit is", "slot 1 is the first digit from the left; - means no digit")
    page.charts(look.probabilities, _answered(reading.text, len(look.probabilities)))

    page.head("5", "The answer")
    page.write("a number that is too long" if reading.too_long else reading.text or "no digits found", 44)
    page.write(f"confidence {_percent(reading.confidence, 1)}", 20)
    others = [other for other in reading.alternatives if other.text != reading.text][:_ALTERNATIVES]
    if others:
        words = [f"{other.text} ({_percent(other.confidence, 1)})" for other in others]
        page.write("or else " + ", ".join(words), 16, _SOFT)
    return page.cut()


def explained_lines(look: Look, console: Console) -> str:
    """The same for the terminal, at most 100 columns wide: the strip in blocks, a line for each slot, and one in words.

    Args:
        look: see ``explained_picture``.
        console: where it will be printed; says how wide it is, and whether it has greys and more than ASCII.
    """
    probabilities = look.probabilities
    how = plan(1, len(probabilities), min(console.width, _COLUMNS))
    drawn = draw(look.view.strip[None], ["what the network saw"], how, grey=has_greys(console))
    with console.capture() as capture:
        console.print(drawn, highlight=False, soft_wrap=True)
    answered = _answered(look.reading.text, len(probabilities))
    lines = [_slot_line(slot, *both) for slot, both in enumerate(zip(probabilities, answered, strict=True))]
    words = "\n".join([*lines, "", _origin(look)])
    return capture.get() + (words if console.encoding.startswith("utf") else words.translate(_ASCII))


class _Page:
    """A page that is filled from the top; parts are drawn at ``y``, which moves down past each of them."""

    def __init__(self, strip_width: int) -> None:
        self.inner = max(_NARROWEST, strip_width * _ZOOM)
        # Higher than all parts together; the rest is cut off.
        self.image = Image.new("RGB", (self.inner + 2 * _MARGIN, 1800), _PAPER)
        self.pen = ImageDraw.Draw(self.image)
        self.y = _MARGIN

    def write(self, text: str, size: int, colour: str = _INK) -> None:
        """A line of text, shortened to the width of the page."""
        font = ImageFont.load_default(size)
        while font.getlength(text) > self.inner:
            text = text[:-4] + "..."
        self.pen.text((_MARGIN, self.y), text, colour, font)
        self.y += round(1.4 * size)

    def head(self, number: str, text: str, note: str = "") -> None:
        """A rule across the page, and under it what the next part is."""
        self.y += 12
        self.pen.line((_MARGIN, self.y, _MARGIN + self.inner - 1, self.y), _FAINT)
        self.y += 14
        font = ImageFont.load_default(18)
        text = f"{number}   {text}"
        self.pen.text((_MARGIN, self.y), text, _BEST, font)
        if note:
            left = _MARGIN + font.getlength(text) + 16
            self.pen.text((left, self.y + 3), note, _SOFT, ImageFont.load_default(14))
        self.y += 32

    def picture(self, look: Look) -> None:
        """The picture, or the part of it that can be made out, with the rows that were found in it."""
        rows, columns = _part(look, self.inner)
        part = look.grey[rows, columns]
        shown = _fitted(part, self.inner)
        across, down = shown.width / part.shape[1], shown.height / part.shape[0]
        drawn = shown.convert("RGB")
        pen = ImageDraw.Draw(drawn)
        for row in sorted(look.rows, key=lambda row: row == look.view.row):
            corners = [((x - columns.start) * across, (y - rows.start) * down) for x, y in row.corners()]
            own = row == look.view.row
            pen.line([*corners, corners[0]], _BOX if own else _SEPARATOR, 3 if own else 1)
        self.image.paste(drawn, (_MARGIN, self.y))
        self._frame((_MARGIN, self.y), (_MARGIN + shown.width, self.y + shown.height), 1, _FAINT)
        self.y += shown.height + 12
        if part.size < look.grey.size:
            self.write(
                f"Only the part from {columns.start:,} to {columns.stop:,} across and from {rows.start:,} to "
                f"{rows.stop:,} down is shown.",
                14,
                _SOFT,
            )

    def attention(self, attention: NDArray[np.float32], probabilities: NDArray[np.float32]) -> None:
        """For each slot that may hold a digit a band as wide as the strip."""
        best = probabilities.argmax(-1).tolist()
        for slot, (band, digit) in enumerate(zip(attention, best, strict=True)):
            if digit == BLANK:
                continue
            grey = (255 - 255 * np.clip(band, 0, 1)).astype(np.uint8)
            shown = Image.fromarray(grey[None]).resize((len(band) * _ZOOM, _BAND), Image.Resampling.NEAREST)
            self.image.paste(shown, (_MARGIN, self.y))
            self._frame((_MARGIN, self.y), (_MARGIN + shown.width, self.y + _BAND), 1, _FAINT)
            words, font = f"slot {slot + 1}: {_name(digit)}", ImageFont.load_default(13)
            self.pen.text((_MARGIN + 6, self.y + 1), words, _ANSWER, font, stroke_width=2, stroke_fill=_PAPER)
            self.y += _BAND + 4
        if min(best) == BLANK:
            self.write("In no slot a digit is the likeliest.", 14, _SOFT)

    def strip(self, strip: NDArray[np.uint8]) -> None:
        """A strip, enlarged, with lines between its cells."""
        height, width = strip.shape
        shown = Image.fromarray(strip).resize((width * _ZOOM, height * _ZOOM), Image.Resampling.NEAREST)
        self.image.paste(shown, (_MARGIN, self.y))
        self._frame((_MARGIN, self.y), (_MARGIN + shown.width, self.y + shown.height), 1, _FAINT)
        for left in range(CELL, width, CELL):
            x = _MARGIN + left * _ZOOM
            self.pen.line((x, self.y, x, self.y + CELL * _ZOOM - 1), _SEPARATOR)
        self.y += CELL * _ZOOM

    def charts(self, probabilities: NDArray[np.float32], answered: Sequence[int | None]) -> None:
        """A chart for each slot, side by side."""
        for slot, (likely, answer) in enumerate(zip(probabilities, answered, strict=True)):
            self._chart(_MARGIN + slot * CELL * _ZOOM, f"slot {slot + 1}", likely, answer)
        differ = any(
            answer not in (None, best) for answer, best in zip(answered, probabilities.argmax(-1), strict=True)
        )
        self.y += 36 + _CHART + 22 + (22 if differ else 0)

    def _chart(self, left: int, name: str, likely: NDArray[np.float32], answer: int | None) -> None:
        """Eleven bars, the highest in its own colour; so is that of the answer, where it is another one."""
        best = int(likely.argmax())
        x, base = left + (CELL * _ZOOM - CLASSES * _STEP) // 2, self.y + 36 + _CHART
        small, large = ImageFont.load_default(14), ImageFont.load_default(20)
        self.pen.text((x, self.y + 5), name, _SOFT, small)
        share = f"{_name(best, '-')}   {_percent(likely[best])}"
        self.pen.text((x + CLASSES * _STEP, self.y), share, _BEST, large, anchor="ra")
        for index, value in enumerate(likely):
            colour = _BEST if index == best else _ANSWER if index == answer else _FAINT
            bar = x + index * _STEP + (_STEP - _BAR) // 2
            high = round(float(value) * _CHART)
            if high:
                self.pen.rectangle((bar, base - high, bar + _BAR - 1, base - 1), colour)
            dark = _SOFT if colour == _FAINT else colour
            self.pen.text((bar + _BAR / 2, base + 5), _name(index, "-"), dark, small, anchor="ma")
        self.pen.line((x, base, x + CLASSES * _STEP - 1, base), _SOFT)
        if answer is not None and answer != best:
            words = f"answer: {_name(answer, '-')}   {_percent(likely[answer])}"
            self.pen.text((x, base + 24), words, _ANSWER, small)

    def _frame(self, begin: tuple[int, int], end: tuple[int, int], thick: int, colour: str) -> None:
        """Lines around an area, outside of it, from its first pixel to the one after its last."""
        corners = (begin[0] - thick, begin[1] - thick, end[0] + thick - 1, end[1] + thick - 1)
        self.pen.rectangle(corners, None, colour, thick)

    def cut(self) -> Image.Image:
        """The page down to where it was filled."""
        return self.image.crop((0, 0, self.image.width, self.y + _MARGIN // 2))


def _part(look: Look, room: int) -> tuple[slice, slice]:
    """Rows and columns of the picture that are shown: all, but of a long and thin one those around the number."""
    height, width = look.grey.shape
    box = look.reading.box
    x, y = (box.x, box.y) if box else (width / 2, height / 2)
    rows = _around(int(y), int(y), height, width * _HIGHEST // _THINNEST)
    return rows, _around(int(x), int(x), width, height * room // _THINNEST)


def _around(first: int, last: int, side: int, longest: int) -> slice:
    """At most ``longest`` of the pixels of a side, in the middle of which those from first to last stand."""
    length = min(side, max(longest, last - first))
    start = min(max(0, (first + last - length) // 2), side - length)
    return slice(start, start + length)


def _fitted(grey: NDArray[np.uint8], room: int) -> Image.Image:
    """A grey picture ``uint8`` (H, W) as large as there is room; small ones at a whole multiple of their size."""
    height, width = grey.shape
    scale = min(room / width, _HIGHEST / height)
    if scale >= 1:
        times = min(int(scale), _ZOOM)
        return Image.fromarray(grey).resize((width * times, height * times), Image.Resampling.NEAREST)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return Image.fromarray(grey).resize(size, Image.Resampling.HAMMING, reducing_gap=2)


def _origin(look: Look) -> str:
    """What the picture was and what was read of it."""
    height, width = look.grey.shape
    size = f"{width:,} pixels wide, {height:,} high"
    row = look.view.row
    if row is None:
        return f"{size}; read as a whole"
    turned = "" if abs(row.angle) < _TURNED else f", turned by {np.degrees(row.angle):.0f}°"
    return f"{size}; a row {row.width:.0f} wide and {row.height:.0f} high was cut out{turned}"


def _answered(text: str, slots: int) -> list[int | None]:
    """The class that the answer has in each slot; none where there is no answer."""
    return [int(slot) for slot in text_to_slots(text, slots)] if text else [None] * slots


def _slot_line(slot: int, likely: NDArray[np.float32], answer: int | None) -> str:
    """The three likeliest classes of a slot, the first with a bar, and that of the answer where it is not the first."""
    best, *others = (int(index) for index in np.argsort(-likely, kind="stable")[:3])
    bar = ("█" * round(float(likely[best]) * _BARS)).ljust(_BARS)
    line = f"slot {slot + 1:<3} {_name(best)} {bar} {_percent(likely[best]):>5}"
    line += "".join(f"    {_name(index)} {_percent(likely[index]):>5}" for index in others)
    return line if answer in (None, best) else f"{line}    answer: {_name(answer)} {_percent(likely[answer])}"


def _name(index: int, blank: str = "–") -> str:
    return blank if index == BLANK else str(index)


def _percent(share: float, digits: int = 0) -> str:
    """A share of 1 in per cent; never rounded to nothing or to all."""
    least = 10.0**-digits
    value = 100 * float(share)
    if 0 < value < least / 2:
        return f"<{least:.{digits}f} %"
    if 100 - least / 2 <= value < 100:
        return f">{100 - least:.{digits}f} %"
    return f"{value:.{digits}f} %"


def _plain(text: str) -> str:
    """Text in the characters that Pillow's own font has."""
    bare = (each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return "".join(each if each.isascii() and each.isprintable() else "?" for each in bare)
