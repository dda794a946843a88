// A library in TypeScript: the builder strips the types, the engine checks values
// against the world's.

type Point = { x: number; y: number };
type Person = { name: string; age: number; tags: string[]; home?: Point };
type Shape = { tag: 'circle'; val: number } | { tag: 'box'; val: [number, number] } | { tag: 'nothing' };
type Colour = 'red' | 'green' | 'blue';
type Permissions = { read?: boolean; write?: boolean; execute?: boolean };
type Option<T> = { tag: 'some'; val: T } | { tag: 'none' };

class Counter {
  private sum = 0n;

  constructor(private readonly step: bigint) {}

  add(): bigint {
    this.sum += this.step;
    return this.sum;
  }

  static merged(a: Counter, b: Counter): Counter {
    const merged = new Counter(a.step + b.step);
    merged.sum = a.sum + b.sum;
    return merged;
  }
}

export const values = {
  Counter,

  integers: (...all: (number | bigint)[]): string[] => all.map((n) => `${typeof n} ${n}`),

  extremes: () => [255, -128, 65535, -32768, 4294967295, -2147483648, 18446744073709551615n, -9223372036854775808n],

  floats: (a: number, b: number): [number, number] => [a / 3, b / 3],

  not: (b: boolean): boolean => !b,

  nextChar: (c: string): string => String.fromCodePoint(c.codePointAt(0)! + 1),

  join: (parts: string[], between: string): string => parts.join(between),

  older: (p: Person, by: number): Person => ({ ...p, age: p.age + by, tags: [...p.tags, 'older'] }),

  area(s: Shape): number {
    switch (s.tag) {
      case 'circle': return Math.PI * s.val ** 2;
      case 'box': return s.val[0] * s.val[1];
      default: throw 'no area for nothing';
    }
  },

  next: (c: Colour): Colour => ({ red: 'green', green: 'blue', blue: 'red' } as const)[c],

  invert: (p: Permissions): Permissions => ({ read: !p.read, write: !p.write, execute: !p.execute }),

  flatten: (lists: Uint32Array[]): Uint32Array => Uint32Array.from(lists.flatMap((list) => [...list])),

  first: (list: (string | undefined)[]): Option<string | undefined> =>
    list.length > 0 ? { tag: 'some', val: list[0] } : { tag: 'none' },

  reverse: (bytes: Uint8Array): Uint8Array => bytes.slice().reverse(),

  parse(text: string): bigint {
    if (!/^\d+$/.test(text)) throw { tag: 'circle', val: text.length } satisfies Shape;
    return BigInt(text);
  },

  promised: async (n: number): Promise<number> => {
    const parts = await Promise.all([1, 2, 3].map(async (i) => i * n));
    return parts.reduce((a, b) => a + b, 0);
  },

  broken(): void {
    throw new Error('on request');
  },

  depth: (n: number): number => (n === 0 ? 0 : 1 + values.depth(n - 1)),
};
