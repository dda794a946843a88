"""The resources of the interface values: the toolchain looks for them in a module of its name."""


class Counter:
    def __init__(self, step):
        self.step = step
        self.sum = 0

    def add(self):
        self.sum += self.step
        return self.sum

    @classmethod
    def merged(cls, a, b):
        both = cls(a.step + b.step)
        both.sum = a.sum + b.sum
        return both
