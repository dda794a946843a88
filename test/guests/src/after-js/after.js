// A handler that answers before its work is done: /start answers at once, and
// notes in a bucket that it worked when it waited afterwards; every other path
// answers what is noted.
import { waitFor } from 'wasi:clocks/monotonic-clock@0.3.0';
import { Fields, Response } from 'wasi:http/types@0.3.0';
import { open } from 'wasi:keyvalue/store@0.2.0-draft';

const bytes = (s) => Uint8Array.from(s, (c) => c.charCodeAt(0));
const text = (b) => String.fromCharCode(...b);
const trailers = Object.keys(wit.Future.types).find((name) => /RESULT_OPTION/.test(name));

async function work() {
  await waitFor(1_000_000_000);
  open('').set('worked', bytes('yes'));
}

export const handler = {
  async handle(request) {
    let answer = 'started';
    if (request.getPathWithQuery() === '/start') {
      work();
    } else {
      const noted = open('').get('worked');
      answer = noted == null ? 'nothing' : text(noted);
    }
    const none = wit.Future(wit.Future[trailers]);
    const body = (async function* () { yield bytes(answer); })();
    const [response] = Response.new(new Fields(), body, none.readable);
    none.writable.write({ tag: 'ok', val: null });
    return response;
  },
};
