// What the guests import beside WASI: a key-value store in memory, config, logging.

// The names that transpiled code asks for differ by version of jco: with and
// without the version of the interface.
function named(name, version, implementation) {
  return { [name]: implementation, [`${name}@${version}`]: implementation };
}

export function makeHost(config = {}) {
  const stores = new Map();
  class Bucket {
    get(key) { return this.values.get(key); }
    set(key, value) { this.values.set(key, value.slice()); }
    delete(key) { this.values.delete(key); }
    exists(key) { return this.values.has(key); }
    listKeys() { return { keys: [...this.values.keys()], cursor: undefined }; }
  }
  const store = {
    Bucket,
    open(id) {
      if (!stores.has(id)) stores.set(id, new Map());
      return Object.assign(Object.create(Bucket.prototype), { values: stores.get(id) });
    },
  };
  const atomics = {
    increment(bucket, key, delta) {
      const old = bucket.values.get(key);
      const sum = (old ? BigInt(new TextDecoder().decode(old)) : 0n) + BigInt(delta);
      bucket.values.set(key, new TextEncoder().encode(String(sum)));
      return sum;
    },
  };
  const settings = { get: (key) => config[key], getAll: () => Object.entries(config) };
  return {
    ...named('wasi:keyvalue/store', '0.2.0-draft', store),
    ...named('wasi:keyvalue/atomics', '0.2.0-draft', atomics),
    ...named('wasi:config/store', '0.2.0-rc.1', settings),
    ...named('wasi:logging/logging', '0.1.0-draft', { log() {} }),
  };
}
