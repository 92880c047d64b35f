import type { Key } from 'ink';

/** What came from the keyboard: keys, or text that was pasted. */
export type Typed = { key: string } | { text: string };

// Bracketed paste (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html#h2-Bracketed-Paste-Mode):
// what a terminal wraps in these was pasted, and is text, never keys.
const PASTE_BEGINS = '[200~';
const PASTE_ENDS = '[201~';

const NAMED: [keyof Key, string][] = [
  // First: of Esc and Enter Ink gives an input as well.
  ['escape', 'escape'],
  ['return', 'return'],
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pageup'],
  ['pageDown', 'pagedown'],
  ['home', 'home'],
  ['end', 'end'],
  ['backspace', 'backspace'],
  ['delete', 'delete'],
];

/** Names what Ink reads from the keyboard. */
export class KeyReader {
  #pasted: string | undefined;

  read(input: string, key: Key): Typed[] {
    if (input === PASTE_BEGINS) {
      this.#pasted = '';
      return [];
    }
    if (this.#pasted !== undefined) {
      if (input !== PASTE_ENDS) {
        this.#pasted += key.return ? '\n' : input;
        return [];
      }
      // One line is all that can be typed anywhere.
      const text = this.#pasted.replace(/\s+/g, ' ').trim();
      this.#pasted = undefined;
      return [{ text }];
    }
    if (key.eventType === 'release') return [];
    const named = NAMED.find(([name]) => key[name]);
    if (named) return [{ key: named[1] }];
    if (key.tab) return [{ key: key.shift ? 'shift+tab' : 'tab' }];
    if (key.ctrl) return input === '' ? [] : [{ key: `ctrl+${input}` }];
    if (key.meta) return [];
    // Keys that were pressed fast come as one text; an unknown sequence is ignored.
    if (/^[[O]/.test(input) && input.length > 1) return [];
    return [...input].map((letter) => ({ key: NAMES[letter] ?? letter }));
  }
}

const NAMES: Record<string, string> = {
  ' ': 'space',
  '\r': 'return',
  '\n': 'return',
  '\t': 'tab',
  '\u007f': 'backspace',
};
