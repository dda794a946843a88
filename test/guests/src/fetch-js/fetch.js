// A server by the web's own interfaces. Each path shows one of them, and answers
// with what a test can compare.

let requests = 0; // stays 1 as long as each request gets an instance of its own

const text = (body, init) => new Response(body, { headers: { 'content-type': 'text/plain; charset=utf-8' }, ...init });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const routes = {
  '/': () => text('Hello from the fetch event\n'),

  '/count': () => text(`${requests}`),

  '/headers': ({ request }) => {
    const names = [...request.headers].filter(([name]) => name.startsWith('x-')).map(([name, value]) => `${name}: ${value}`);
    const headers = new Headers({ 'x-method': request.method });
    headers.append('x-seen', `${names.length}`);
    return new Response(names.sort().join('\n'), { status: 203, headers });
  },

  '/nobody': () => new Response(null, { status: 204 }),

  // The whole body at once, and what it decodes to.
  '/length': async ({ request }) => {
    const bytes = new Uint8Array(await request.arrayBuffer());
    return Response.json({ bytes: bytes.length, characters: [...new TextDecoder().decode(bytes)].length });
  },

  '/json': async ({ request }) => Response.json({ got: await request.json() }),

  // The body on its way through: neither side holds all of it.
  '/echo': ({ request }) => new Response(request.body),

  '/upper': ({ request }) => {
    const upper = new TransformStream({
      transform(chunk, controller) {
        controller.enqueue(chunk.map((b) => (b >= 97 && b <= 122 ? b - 32 : b)));
      },
    });
    return new Response(request.body.pipeThrough(upper));
  },

  // A body made while it is sent: the parts come with a pause between them.
  '/parts': ({ url }) => {
    const encoder = new TextEncoder();
    const count = Number(url.searchParams.get('n') ?? 3);
    let i = 0;
    const body = new ReadableStream({
      async pull(controller) {
        if (i === count) return controller.close();
        if (i > 0) await sleep(5);
        controller.enqueue(encoder.encode(`part ${++i}\n`));
      },
    });
    return new Response(body);
  },

  '/large': ({ url }) => {
    let left = Number(url.searchParams.get('kib')) / 64;
    return new Response(new ReadableStream({
      async pull(controller) {
        if (left-- === 0) return controller.close();
        await sleep(0);
        controller.enqueue(new Uint8Array(64 << 10).fill(120));
      },
    }));
  },

  '/timers': async () => {
    const order = [];
    const later = (name, ms) => sleep(ms).then(() => order.push(name));
    const cancelled = setTimeout(() => order.push('cancelled'), 1);
    clearTimeout(cancelled);
    const started = performance.now();
    const all = Promise.all([later('slow', 400), later('fast', 200), later('now', 0)]);
    queueMicrotask(() => order.push('microtask'));
    await all;
    let ticks = 0;
    await new Promise((resolve) => {
      const interval = setInterval(() => { if (++ticks === 3) { clearInterval(interval); resolve(); } }, 1);
    });
    return Response.json({ order, ticks, waited: performance.now() - started >= 399 });
  },

  '/encoding': () => {
    const sample = 'aß漢🌍';
    const bytes = new TextEncoder().encode(sample);
    let refused = false;
    try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xc3, 0x28])); } catch { refused = true; }
    return Response.json({
      bytes: [...bytes], again: new TextDecoder().decode(bytes) === sample, refused,
      replaced: new TextDecoder().decode(new Uint8Array([0xc3, 0x28])), base64: btoa('latticework'), back: atob('bGF0dGljZQ=='),
    });
  },

  '/random': () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Response.json({ uuid: crypto.randomUUID(), bytes: [...bytes], math: Math.random() });
  },

  '/digest': async () => {
    const sum = await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc'));
    return text([...new Uint8Array(sum)].map((b) => b.toString(16).padStart(2, '0')).join(''));
  },

  '/url': ({ url }) => Response.json({ path: url.pathname, q: url.searchParams.getAll('q') }),

  // Outgoing requests: one passed on as it comes, several at once, one with a body.
  '/proxy': async ({ url }) => {
    const answer = await fetch(url.searchParams.get('to'), { headers: { 'x-from': 'guest' } });
    return new Response(answer.body, { status: answer.status, headers: { 'x-upstream': answer.headers.get('x-upstream') ?? '' } });
  },

  '/both': async ({ url }) => {
    const to = url.searchParams.get('to');
    const answers = await Promise.all(['a', 'b', 'c'].map(async (name) => (await fetch(`${to}/${name}`)).text()));
    return text(answers.join(','));
  },

  '/post': async ({ request, url }) => {
    const answer = await fetch(url.searchParams.get('to'), { method: 'POST', body: await request.text() });
    return text(await answer.text());
  },

  '/refused': async ({ url }) => {
    try {
      await fetch(url.searchParams.get('to'));
      return text('fetched');
    } catch (error) {
      return text(`caught ${error.constructor.name}`);
    }
  },

  '/throw': () => { throw new Error('on request'); },

  '/reject': () => Promise.reject(new Error('on request')),

  '/loop': () => { for (;;); },
};

addEventListener('fetch', (event) => {
  requests++;
  const url = new URL(event.request.url);
  const route = routes[url.pathname];
  if (route === undefined) return event.respondWith(text(`nothing at ${url.pathname}\n`, { status: 404 }));
  if (url.pathname === '/throw') return route();
  event.respondWith((async () => route({ request: event.request, url }))());
});
