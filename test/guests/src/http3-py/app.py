"""A server of wasi:http 0.3 in Python's async functions. The path says what to do."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import wit_world
from componentize_py_async_support import spawn
from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import client, monotonic_clock
from wit_world.imports.wasi_http_types import ErrorCode_InternalError, Fields, Request, Response, Scheme_Http

MILLISECOND = 1_000_000


def trailers(pairs=()):
    """A future of trailers, which is resolved when somebody reads it."""
    writer, reader = wit_world.result_option_wasi_http_types_fields_wasi_http_types_error_code_future(lambda: Ok(None))
    spawn(writer.write(Ok(Fields.from_list(list(pairs)) if pairs else None)))
    return reader


def consumed():
    return wit_world.result_unit_wasi_http_types_error_code_future(lambda: Ok(None))[1]


def respond(pieces, status=200, headers=(), ending=()):
    """A response whose body is made, piece by piece, after the function returned."""
    writer, reader = wit_world.byte_stream()

    async def send():
        with writer:
            async for piece in pieces:
                await writer.write_all(piece)

    response = Response.new(Fields.from_list(list(headers)), reader, trailers(ending))[0]
    response.set_status_code(status)
    spawn(send())
    return response


async def text(*parts):
    for part in parts:
        yield part.encode()


async def body(message):
    stream, _ = type(message).consume_body(message, consumed())
    with stream:
        while not stream.writer_dropped:
            yield await stream.read(16 * 1024)


async def fetch(url):
    parts = urlsplit(url)
    request = Request.new(Fields.from_list([("x-from", b"python")]), None, trailers(), None)[0]
    request.set_scheme(Scheme_Http())
    request.set_authority(parts.netloc)
    request.set_path_with_query(parts.path or "/")
    response = await client.send(request)
    status = response.get_status_code()
    return status, b"".join([piece async for piece in body(response)])


async def upper(pieces):
    async for piece in pieces:
        yield piece.upper()


async def ticks(n):
    for i in range(n):
        yield f"tick {i}\n".encode()
        await monotonic_clock.wait_for(10 * MILLISECOND)


async def waits():
    """Three tasks, each of which waits for the clock and then for the next one."""
    order, middle, slow = [], asyncio.Event(), asyncio.Event()

    async def wait(name, after, before):
        if after:
            await after.wait()
        await monotonic_clock.wait_for(5 * MILLISECOND)
        order.append(name)
        if before:
            before.set()

    await asyncio.gather(wait("slow", slow, None), wait("fast", None, middle), wait("middle", middle, slow))
    return " ".join(order)


class Handler(exports.Handler):
    def __init__(self):
        self.served = self.here = 0

    async def handle(self, request):
        self.served += 1
        url = urlsplit(request.get_path_with_query() or "/")
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        match url.path:
            case "/":
                return respond(text("Hello from ", "asynchronous Python\n"), headers=[("content-type", b"text/plain")])
            case "/upper":
                return respond(upper(body(request)))
            case "/ticks":
                return respond(ticks(int(query["n"])), ending=[("x-ticks", query["n"].encode())])
            case "/waits":
                return respond(text(await waits()))
            case "/meet":
                self.here += 1
                while self.here < int(query["n"]):
                    await monotonic_clock.wait_for(MILLISECOND)
                return respond(text("met"))
            case "/large":
                return respond(text(*["x" * 1024] * int(query["kib"])))
            case "/fetch":
                status, got = await fetch(query["to"])
                return respond(text(got.decode()), status=status)
            case "/all":
                got = await asyncio.gather(*(fetch(query["to"] + path) for path in ("/a", "/b", "/c")))
                return respond(text(b" ".join(data for _, data in got).decode()))
            case "/served":
                return respond(text(str(self.served)))
            case "/fail":
                raise Err(ErrorCode_InternalError("on request"))
            case "/throw":
                raise ValueError("on request")
        return respond(text(f"nothing at {url.path}\n"), status=404)
