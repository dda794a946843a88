// An HTTP component in JavaScript: the functions of wasi:http as they are.
import { Fields, OutgoingBody, OutgoingResponse, ResponseOutparam } from 'wasi:http/types@0.2.12';

const encoder = new TextEncoder();
const utf8 = (text) => encoder.encode(text);

export const incomingHandler = {
  handle(request, out) {
    const path = request.pathWithQuery() ?? '/';
    const headers = Fields.fromList([['content-type', utf8('text/plain; charset=utf-8')]]);
    const response = new OutgoingResponse(headers);
    const body = response.body();
    ResponseOutparam.set(out, { tag: 'ok', val: response });
    const stream = body.write();
    stream.blockingWriteAndFlush(utf8(`Hello from JavaScript, ${path}\n`));
    stream[Symbol.dispose]();
    OutgoingBody.finish(body, undefined);
  },
};
