"""A library in Python. The classes of the world's types come from the bindings."""

import collections
import datetime
import hashlib
import math
import re

from componentize_py_types import Err, Ok, Some
from wit_world.exports.values import Colour, Permissions, Person, Shape_Box, Shape_Circle


class Values:
    def integers(self, *args):
        return [f"{type(n).__name__} {n}" for n in args]

    def extremes(self):
        return (2**8 - 1, -2**7, 2**16 - 1, -2**15, 2**32 - 1, -2**31, 2**64 - 1, -2**63)

    def floats(self, a, b):
        return (a / 3, b / 3)

    def not_(self, b):
        return not b

    def next_char(self, c):
        return chr(ord(c) + 1)

    def join(self, parts, between):
        return between.join(parts)

    def older(self, p, by):
        return Person(p.name, p.age + by, [*p.tags, "older"], p.home)

    def area(self, s):
        match s:
            case Shape_Circle(radius):
                return math.pi * radius**2
            case Shape_Box((width, height)):
                return width * height
        raise Err("no area for nothing")

    def next(self, c):
        return Colour((c.value + 1) % len(Colour))

    def invert(self, p):
        return ~p & (Permissions.READ | Permissions.WRITE | Permissions.EXECUTE)

    def flatten(self, lists):
        return [n for part in lists for n in part]

    def first(self, of):
        return Some(of[0]) if of else None

    def reverse(self, data):
        return data[::-1]

    def parse(self, text):
        if not re.fullmatch(r"[0-9]+", text):
            raise Err(Shape_Circle(len(text)))
        return int(text)

    def parse_all(self, texts):
        return [Ok(int(t)) if t.isdecimal() else Err(f"no number: {t}") for t in texts]

    def too_large(self):
        return 256

    def broken(self):
        raise ValueError("on request")

    def depth(self, n):
        return 0 if n == 0 else 1 + self.depth(n - 1)

    def factorial(self, n):
        return str(math.factorial(n))

    def digest(self, text):
        return hashlib.sha256(text.encode()).hexdigest()

    def words(self, text):
        return collections.Counter(re.findall(r"\w+", text.lower())).most_common()

    def weekday(self, year, month, day):
        return datetime.date(year, month, day).strftime("%A")
