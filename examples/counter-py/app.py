"""The counter of examples/counter in Python, with the same answers."""

import json

from componentize_py_types import Err, Ok
from wit_world.imports import atomics
from wit_world.imports import wasi_config_store as config
from wit_world.imports import wasi_keyvalue_store as keyvalue
from wit_world.imports.types import (
    Fields, Method_Delete, Method_Get, Method_Head, Method_Post, OutgoingBody, OutgoingResponse, ResponseOutparam,
)

PREFIX = "count:"


def keys(bucket):
    cursor = None
    while True:
        page = bucket.list_keys(cursor)
        yield from page.keys
        cursor = page.cursor
        if cursor is None:
            return


def answer(method, path):
    with keyvalue.open(config.get("bucket") or "default") as bucket:
        match method:
            case Method_Get() if path == "/keys":
                return 200, sorted(key.removeprefix(PREFIX) for key in keys(bucket) if key.startswith(PREFIX))
            case Method_Get() | Method_Head() | Method_Post():
                count = atomics.increment(bucket, PREFIX + path, 1)
                return 200, {"greeting": config.get("greeting") or "hello", "path": path, "count": count}
            case Method_Delete():
                bucket.delete(PREFIX + path)
                return 200, {"path": path, "count": 0}
    return 405, {"error": "method not allowed"}


def reason(error):
    """The words for an error of wasi:keyvalue or wasi:config."""
    if hasattr(error, "value"):
        return error.value
    name = type(error).__name__.removeprefix("Error_")
    return "".join(" " + c.lower() if c.isupper() else c for c in name).strip()


class IncomingHandler:
    def handle(self, request, response_out):
        path = (request.path_with_query() or "/").partition("?")[0]
        try:
            status, value = answer(request.method(), path)
        except Err as e:
            status, value = 500, {"error": reason(e.value)}
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        response = OutgoingResponse(Fields.from_list([
            ("content-type", b"application/json"),
            ("content-length", str(len(data)).encode()),
        ]))
        response.set_status_code(status)
        body = response.body()
        ResponseOutparam.set(response_out, Ok(response))
        with body.write() as stream:
            for at in range(0, len(data), 4096):
                stream.blocking_write_and_flush(data[at:at + 4096])
        OutgoingBody.finish(body, None)
