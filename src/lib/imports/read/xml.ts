import { SaxesParser } from 'saxes';

/** More than any cell holds. The limit bounds memory. */
const MOST_BYTES = 4 * 1024 * 1024;

/** Called for the elements of a document, with their names without prefixes. */
export interface XmlListener {
  open?(name: string, attributes: Record<string, string>): void;
  text?(text: string): void;
  close?(name: string): void;
}

const localName = (name: string) => name.slice(name.indexOf(':') + 1);

/**
 * Reads XML in UTF-8 piece by piece. Declared entities are refused, so a document cannot expand.
 * @returns a generator that stops after each piece, so that the caller can use what was read.
 * @throws Error when it is not XML.
 */
export async function* readXml(
  bytes: AsyncIterable<Buffer>,
  listener: XmlListener,
): AsyncGenerator<void> {
  const parser = new SaxesParser({ position: false, xmlns: false });
  let unheard = 0;
  const heard = () => {
    unheard = 0;
  };
  parser.on('opentag', ({ name, attributes }) => {
    heard();
    listener.open?.(localName(name), attributes);
  });
  parser.on('text', (text) => listener.text?.(text));
  parser.on('cdata', (text) => listener.text?.(text));
  parser.on('closetag', ({ name }) => {
    heard();
    listener.close?.(localName(name));
  });
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const chunk of bytes) {
    unheard += chunk.length;
    parser.write(decoder.decode(chunk, { stream: true }));
    if (unheard > MOST_BYTES) throw new Error('it has a text of more than 4 MB');
    yield;
  }
  parser.close();
}
