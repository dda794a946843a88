"""An HTTP component in Python: the functions of wasi:http as they are."""

from componentize_py_types import Ok
from wit_world.imports.types import Fields, OutgoingBody, OutgoingResponse, ResponseOutparam

TEXT = [("content-type", b"text/plain; charset=utf-8")]


class IncomingHandler:
    def handle(self, request, response_out):
        path = request.path_with_query() or "/"
        response = OutgoingResponse(Fields.from_list(TEXT))
        body = response.body()
        ResponseOutparam.set(response_out, Ok(response))
        with body.write() as stream:
            stream.blocking_write_and_flush(f"Hello from Python, {path}\n".encode())
        OutgoingBody.finish(body, None)
