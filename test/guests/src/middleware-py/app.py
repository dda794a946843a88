"""Middleware: all but /denied is answered by the handler behind it, whose bodies go
through without a look at them, with a header that says where the request came through."""

import wit_world
from componentize_py_types import Ok
from wit_world import exports
from wit_world.imports import handler
from wit_world.imports.wasi_http_types import Fields, Request, Response


def no_trailers():
    return wit_world.result_option_wasi_http_types_fields_wasi_http_types_error_code_future(lambda: Ok(None))[1]


def consumed():
    return wit_world.result_unit_wasi_http_types_error_code_future(lambda: Ok(None))[1]


class Handler(exports.Handler):
    async def handle(self, request):
        path = request.get_path_with_query()
        if path == "/denied":
            response = Response.new(Fields.from_list([]), None, no_trailers())[0]
            response.set_status_code(403)
            return response
        headers = request.get_headers().clone()
        headers.append("x-through", b"python")
        method, scheme, authority = request.get_method(), request.get_scheme(), request.get_authority()
        stream, trailers = Request.consume_body(request, consumed())
        onward = Request.new(headers, stream, trailers, None)[0]
        onward.set_method(method)
        onward.set_scheme(scheme)
        onward.set_authority(authority)
        onward.set_path_with_query(path)
        return await handler.handle(onward)
