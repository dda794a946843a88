// The counter of examples/counter in JavaScript, with the same answers.
import { Fields, OutgoingBody, OutgoingResponse, ResponseOutparam } from 'wasi:http/types@0.2.12';
import { open } from 'wasi:keyvalue/store@0.2.0-draft';
import { increment } from 'wasi:keyvalue/atomics@0.2.0-draft';
import { get } from 'wasi:config/store@0.2.0-rc.1';

const prefix = 'count:';

const encoder = new TextEncoder();
const utf8 = (text) => encoder.encode(text);

function keys(bucket) {
  const all = [];
  let cursor;
  do {
    const page = bucket.listKeys(cursor);
    all.push(...page.keys);
    cursor = page.cursor;
  } while (cursor !== undefined && cursor !== null);
  return all;
}

function answer(method, path) {
  const bucket = open(get('bucket') ?? 'default');
  switch (method) {
    case 'get':
      if (path === '/keys') {
        const paths = keys(bucket).filter((k) => k.startsWith(prefix)).map((k) => k.slice(prefix.length));
        return [200, paths.sort()];
      }
    // falls through
    case 'head':
    case 'post': {
      const count = increment(bucket, prefix + path, 1n);
      return [200, { greeting: get('greeting') ?? 'hello', path, count: Number(count) }];
    }
    case 'delete':
      bucket.delete(prefix + path);
      return [200, { path, count: 0 }];
    default:
      return [405, { error: 'method not allowed' }];
  }
}

// The words for an error of wasi:keyvalue or wasi:config.
function reason(e) {
  const error = e?.payload ?? e;
  return error?.val ?? error?.tag?.replaceAll('-', ' ') ?? String(error);
}

export const incomingHandler = {
  handle(request, out) {
    const path = (request.pathWithQuery() ?? '/').split('?')[0];
    let status, value;
    try {
      [status, value] = answer(request.method().tag, path);
    } catch (e) {
      [status, value] = [500, { error: reason(e) }];
    }
    const bytes = utf8(JSON.stringify(value) + '\n');
    const response = new OutgoingResponse(Fields.fromList([
      ['content-type', utf8('application/json')],
      ['content-length', utf8(String(bytes.length))],
    ]));
    response.setStatusCode(status);
    const body = response.body();
    ResponseOutparam.set(out, { tag: 'ok', val: response });
    const stream = body.write();
    for (let i = 0; i < bytes.length; i += 4096) stream.blockingWriteAndFlush(bytes.subarray(i, i + 4096));
    stream[Symbol.dispose]();
    OutgoingBody.finish(body, undefined);
  },
};
