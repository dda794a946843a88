"""Calls a library of another toolchain, with values of each kind."""

import wit_world
from componentize_py_types import Err
from wit_world.imports import values
from wit_world.imports.values import (
    Colour, Counter, Permissions, Person, Point, Shape_Box, Shape_Circle, Shape_Nothing,
)


def calls():
    yield values.extremes()
    yield values.floats(3.0, -1.5)
    yield values.not_(False), values.next_char("🌍")
    yield values.join(["a", "", "ß🌍"] * 2, "-")
    yield values.older(Person("Ada", 37, ["x"], Point(-1, 2**31 - 1)), 1)
    yield values.older(Person("", 255, [], None), 0)
    yield values.area(Shape_Circle(1.0)), values.area(Shape_Box((2.0, 3.5)))
    yield values.next(Colour.BLUE), values.invert(Permissions.READ | Permissions.EXECUTE)
    yield values.flatten([[1, 2**32 - 1], [], [3]])
    yield values.first(["a", None]), values.first([None]), values.first([])
    yield values.reverse(bytes(range(200))) == bytes(reversed(range(200)))
    yield len(values.join(["ß" * 100] * 30, ""))
    yield values.parse(str(2**64 - 1))
    for f, argument in (values.parse, "x"), (values.area, Shape_Nothing()):
        try:
            f(argument)
        except Err as e:
            yield e
    with Counter(3) as a, Counter(2**40) as b:
        yield a.add(), b.add(), a.add()
    a, b = Counter(1), Counter(10)
    a.add(), b.add()
    with Counter.merged(a, b) as both:
        yield both.add(), both.add()


class WitWorld(wit_world.WitWorld):
    def answers(self):
        return [repr(answer) for answer in calls()]

    def broken(self):
        values.broken()
