// oracle.mjs EXAMPLES NAME…: runs guests under jco on Node and compares their answers
// with EXAMPLES/NAME/cases.json, the file that our own tests read. Prints a line a
// guest, NAME: N passed, N failed, N skipped, and exits 1 after a failure.
import { transpile } from '@bytecodealliance/jco';
import { HTTPServer } from '@bytecodealliance/preview2-shim/http';
import { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeHost } from './host.mjs';

const [examples, ...names] = process.argv.slice(2);
const scratch = mkdtempSync(join(import.meta.dirname, 'run-'));
let failures = 0;

async function load(file, config) {
  const dir = mkdtempSync(join(scratch, 'guest-'));
  const options = { name: 'guest', instantiation: { tag: 'sync' }, noTypescript: true, base64Cutoff: 0 };
  const { files } = await transpile(readFileSync(file), options);
  for (const [name, bytes] of Array.isArray(files) ? files : Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), bytes);
  }
  const guest = await import(join(dir, 'guest.js'));
  const modules = new Map();
  const core = (path) => {
    if (!modules.has(path)) modules.set(path, new WebAssembly.Module(readFileSync(join(dir, path))));
    return modules.get(path);
  };
  const host = makeHost(config);
  return () => guest.instantiate(core, { ...new WASIShim().getImportObject(), ...host });
}

// expand turns "x*3" into "xxx".
function expand(text) {
  const m = /^(.)\*(\d+)$/.exec(text ?? '');
  return m ? m[1].repeat(Number(m[2])) : text;
}

function compare(what, got, want, problems) {
  if (got !== want) problems.push(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

async function runHTTP(file, suite, port, report) {
  const instantiate = await load(file, suite.config);
  const handler = (exports) => exports.incomingHandler
    ?? Object.entries(exports).find(([name]) => name.startsWith('wasi:http/incoming-handler'))[1];
  const server = new HTTPServer({ handle: (request, out) => handler(instantiate()).handle(request, out) });
  server.listen(port, '127.0.0.1');
  for (const c of suite.cases) {
    const response = await fetch(`http://127.0.0.1:${port}${c.path}`, {
      method: c.method, headers: c.send, body: expand(c.body), signal: AbortSignal.timeout(60000),
    });
    const body = await response.text(), problems = [];
    compare('status', response.status, c.status, problems);
    for (const [name, value] of Object.entries(c.headers ?? {})) compare(name, response.headers.get(name), value, problems);
    if (c.response !== undefined) compare('body', body, expand(c.response), problems);
    report(`${c.method} ${c.path}`, problems);
  }
  server.stop();
}

function runCommand(file, suite, report) {
  for (const c of suite.cases) {
    const run = spawnSync(process.execPath, [join(import.meta.dirname, 'command.mjs'), file, ...c.args],
      { input: c.stdin ?? '', env: { PATH: process.env.PATH, ORACLE_ENV: JSON.stringify(c.env ?? {}) } });
    const problems = [];
    compare('stdout', run.stdout.toString(), c.stdout, problems);
    if (c.stderr !== undefined) compare('stderr', run.stderr.toString(), c.stderr, problems);
    compare('ok', run.status === 0, c.ok, problems);
    compare('code', run.status, c.code ?? 0, problems);
    report(c.args.join(' '), problems);
  }
}

// A call has a path through the exports, arguments, and a result or an error.
async function runCalls(file, suite, report) {
  const exports = (await load(file, suite.config))();
  const plain = (v) => JSON.parse(JSON.stringify(v, (_, x) => (typeof x === 'bigint' ? Number(x) : x)));
  for (const c of suite.cases) {
    const name = Object.keys(exports).find((k) => k === c.interface || k.startsWith(c.interface + '@'));
    const problems = [];
    let got;
    try {
      got = { result: plain(exports[name][c.function](...c.arguments)) };
    } catch (e) {
      got = { error: e.payload === undefined ? String(e) : plain(e.payload) };
    }
    compare('answer', JSON.stringify(got), JSON.stringify(c.result !== undefined ? { result: c.result } : { error: c.error }), problems);
    report(`${c.function}(${c.wave ?? ''})`, problems);
  }
}

let port = 18640;
for (const name of names) {
  const dir = join(examples, name), cases = join(dir, 'cases.json');
  const wasm = readdirSync(dir).find((f) => f.endsWith('.wasm'));
  if (!wasm || !existsSync(cases)) {
    console.log(`${name}: 0 passed, 0 failed, 1 skipped (${wasm ? 'no cases.json' : 'not built: make guests'})`);
    continue;
  }
  const suite = JSON.parse(readFileSync(cases)), file = join(dir, wasm);
  let passed = 0, failed = 0;
  const report = (title, problems) => {
    if (problems.length === 0) { passed++; return; }
    failed++;
    for (const p of problems) console.log(`  ${name}: ${title}: ${p}`);
  };
  try {
    if (suite.kind === 'http') await runHTTP(file, suite, port++, report);
    else if (suite.kind === 'command') runCommand(file, suite, report);
    else await runCalls(file, suite, report);
  } catch (e) {
    report('run', [String(e.stack ?? e)]);
  }
  failures += failed;
  console.log(`${name}: ${passed} passed, ${failed} failed, 0 skipped`);
}
rmSync(scratch, { recursive: true });
process.exit(failures > 0 ? 1 : 0);
