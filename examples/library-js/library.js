// A component that is no server: functions that others call, by a link or with
// `lattice call`.
import { open } from 'wasi:keyvalue/store@0.2.0-draft';
import { increment } from 'wasi:keyvalue/atomics@0.2.0-draft';
import { log } from 'wasi:logging/logging@0.1.0-draft';

const longest = 10000;

// The words for an error of wasi:keyvalue.
function reason(e) {
  const error = e?.payload ?? e;
  return error?.val ?? error?.tag?.replaceAll('-', ' ') ?? String(error);
}

export const words = {
  count(text) {
    if (text.length > longest) throw { tag: 'too-long', val: text.length };
    const times = new Map();
    for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) times.set(word, (times.get(word) ?? 0) + 1);
    return [...times].map(([word, times]) => ({ word, times }))
      .sort((a, b) => b.times - a.times || (a.word < b.word ? -1 : 1));
  },
  remember(word) {
    log('info', 'words', `remember ${word}`);
    let times;
    try {
      times = increment(open('default'), `word:${word}`, 1);
    } catch (e) {
      throw { tag: 'store', val: reason(e) };
    }
    return times;
  },
};
