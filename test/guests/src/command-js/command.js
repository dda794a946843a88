// A command by the functions of wasi:cli. Its first argument says what to do.
import { getArguments, getEnvironment, initialCwd } from 'wasi:cli/environment@0.2.10';
import { exit } from 'wasi:cli/exit@0.2.10';
import { getStdin } from 'wasi:cli/stdin@0.2.10';
import { getStdout } from 'wasi:cli/stdout@0.2.10';
import { getDirectories } from 'wasi:filesystem/preopens@0.2.10';
import { now } from 'wasi:clocks/wall-clock@0.2.10';

const encoder = new TextEncoder();

function print(line) {
  const bytes = encoder.encode(`${line}\n`);
  const out = getStdout();
  for (let at = 0; at < bytes.length; at += 4096) out.blockingWriteAndFlush(bytes.subarray(at, at + 4096));
}

function* chunks(stream) {
  try {
    for (;;) yield stream.blockingRead(4096n);
  } catch (error) {
    if (error.payload?.tag !== 'closed') throw error;
  }
}

function readAll(stream) {
  const decoder = new TextDecoder();
  let text = '';
  for (const chunk of chunks(stream)) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

// at is the granted folder and the path below it.
function at(path) {
  for (const [folder, name] of getDirectories()) {
    const prefix = name.endsWith('/') ? name : `${name}/`;
    if (path.startsWith(prefix)) return [folder, path.slice(prefix.length)];
  }
  throw new Error(`no folder grants ${path}`);
}

const commands = {
  args: (...args) => print(JSON.stringify(args)),
  env: (name) => print(JSON.stringify(getEnvironment().filter(([n]) => n === name))),
  cwd: () => print(JSON.stringify(initialCwd() ?? null)),
  lines: () => print(readAll(getStdin()).split('\n').length),
  cat(path) {
    const [folder, name] = at(path);
    const file = folder.openAt({ symlinkFollow: true }, name, {}, { read: true });
    print(readAll(file.readViaStream(0n)));
  },
  list(path) {
    const [folder, name] = at(path);
    const names = [];
    const entries = folder.openAt({}, name, { directory: true }, { read: true }).readDirectory();
    for (let e = entries.readDirectoryEntry(); e !== undefined; e = entries.readDirectoryEntry()) names.push(`${e.name} ${e.type}`);
    print(names.sort().join('\n'));
  },
  write(path, text) {
    const [folder, name] = at(path);
    const file = folder.openAt({}, name, { create: true, truncate: true }, { write: true });
    print(`${file.write(encoder.encode(text), 0n)}`);
  },
  year: () => print(new Date(Number(now().seconds) * 1000).getUTCFullYear() >= 2024),
  async wait(ms) {
    const started = Date.now();
    await new Promise((resolve) => setTimeout(resolve, Number(ms)));
    print(Date.now() - started >= Number(ms));
  },
  exit: (code) => exit({ tag: code === '0' ? 'ok' : 'err' }),
  fail() { throw 'failing on request'; },
  throw() { throw new TypeError('on request'); },
  loop() { for (;;); },
};

export const run = {
  async run() {
    const [, name, ...args] = getArguments();
    try {
      await commands[name](...args);
    } catch (error) {
      console.error(`${error.payload ?? error}`);
      throw undefined; // what the result's type has room for
    }
  },
};
