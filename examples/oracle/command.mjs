// command.mjs COMPONENT ARG…: runs a wasi:cli command on jco; the guest's
// environment is the JSON in ORACLE_ENV.
import { transpile } from '@bytecodealliance/jco';
import { WASIShim } from '@bytecodealliance/preview2-shim/instantiation';
import { _setArgs, _setEnv } from '@bytecodealliance/preview2-shim/cli';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [file, ...args] = process.argv.slice(2);
_setEnv(JSON.parse(process.env.ORACLE_ENV ?? '{}'));
_setArgs(['command', ...args]);
const dir = mkdtempSync(join(import.meta.dirname, 'command-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
const { files } = await transpile(readFileSync(file), { name: 'guest', instantiation: { tag: 'sync' }, noTypescript: true, base64Cutoff: 0 });
for (const [name, bytes] of Array.isArray(files) ? files : Object.entries(files)) {
  mkdirSync(dirname(join(dir, name)), { recursive: true });
  writeFileSync(join(dir, name), bytes);
}
const guest = await import(join(dir, 'guest.js'));
const exports = guest.instantiate((path) => new WebAssembly.Module(readFileSync(join(dir, path))), new WASIShim().getImportObject());
const run = exports.run ?? Object.entries(exports).find(([name]) => name.startsWith('wasi:cli/run'))[1];
try {
  run.run();
} catch (e) {
  if (e?.payload !== undefined || e?.constructor?.name === 'ComponentError') process.exitCode = 1;
  else throw e;
}
