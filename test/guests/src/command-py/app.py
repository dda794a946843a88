"""A command by Python's own library. Its first argument says what to do."""

import json
import os
import random
import sys
import time
import traceback
import uuid

from componentize_py_types import Err

commands = {}


def command(f):
    commands[f.__name__] = f


@command
def args(*given):
    print(json.dumps(given, ensure_ascii=False))


@command
def env(name):
    print(os.environ.get(name))


@command
def cwd():
    print(os.getcwd())


@command
def lines():
    print(sum(1 for _ in sys.stdin))


@command
def echo():
    sys.stdout.write(sys.stdin.read().upper())


@command
def cat(path):
    with open(path, encoding="utf-8") as file:
        print(file.read(), end="")


@command
def list(path):
    for name in sorted(os.listdir(path)):
        print(name, "folder" if os.path.isdir(os.path.join(path, name)) else "file")


@command
def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        print(file.write(text))
    os.rename(path, path + ".done")


@command
def year():
    print(time.gmtime().tm_year >= 2024)


@command
def wait(ms):
    started = time.monotonic()
    time.sleep(int(ms) / 1000)
    print(time.monotonic() - started >= int(ms) / 1000)


@command
def draw():
    print(uuid.uuid4(), random.random(), os.urandom(8).hex())


@command
def exit(code):
    sys.exit(int(code))


@command
def fail():
    print("failing on request", file=sys.stderr)
    raise Err(None)


@command
def throw():
    raise TypeError("on request")


@command
def loop():
    while True:
        pass


class Run:
    def run(self):
        _, name, *rest = sys.argv
        try:
            commands[name](*rest)
        except Err:
            raise
        except Exception as e:
            traceback.print_exc()
            raise Err(None) from e
        finally:
            sys.stdout.flush()
