import { SaxesParser } from 'saxes';

/** What hears of the elements of a document, by their names without prefixes. */
export interface XmlListener {
  open?(name: string, attributes: Record<string, string>): void;
  text?(text: string): void;
  close?(name: string): void;
}

const localName = (name: string) => name.slice(name.indexOf(':') + 1);

/**
 * Reads XML in UTF-8 as it comes. Entities that a document declares are refused, so it cannot grow.
 * @returns a generator that stops after each piece, so that the caller can take what was heard.
 * @throws Error for what is not XML.
 */
export async function* readXml(
  bytes: AsyncIterable<Buffer>,
  listener: XmlListener,
): AsyncGenerator<void> {
  const parser = new SaxesParser({ position: false, xmlns: false });
  const { open, text, close } = listener;
  if (open)
    parser.on('opentag', ({ name, attributes }) =>
      open.call(listener, localName(name), attributes),
    );
  if (text) parser.on('text', (found) => text.call(listener, found));
  if (text) parser.on('cdata', (found) => text.call(listener, found));
  if (close) parser.on('closetag', ({ name }) => close.call(listener, localName(name)));
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const chunk of bytes) {
    parser.write(decoder.decode(chunk, { stream: true }));
    yield;
  }
  parser.close();
}
