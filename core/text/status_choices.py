"""Status choices: text choices with a colour and a shape beside value and label."""

from typing import Self

from django.db.models import TextChoices

# Symbol of each colour, and the same shape as Chart.js calls it: a status is seen without colour too.
STATUS_SYMBOLS = {"green": "●", "yellow": "▲", "red": "■", "grey": "○", "blue": "◆"}
STATUS_SHAPES = {"green": "circle", "yellow": "triangle", "red": "rect", "grey": "circle", "blue": "rectRot"}


class StatusChoices(TextChoices):
    """Text choices with a colour, declared as `NAME = value, colour, label` or `NAME = value, colour, shape, label`.

    Tables, tags and charts read colour and shape from the member. Style sheets and scripts have the same names.
    """

    colour: str
    shape: str

    def __new__(cls, value: str, colour: str = "grey", shape: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.colour = colour
        member.shape = shape or STATUS_SHAPES[colour]
        return member
