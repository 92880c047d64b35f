import { isAscii } from 'node:buffer';
import { usageError } from '../../errors.ts';

export const ENCODINGS = ['utf-8', 'utf-16le', 'utf-16be', 'windows-1252'] as const;
export type Encoding = (typeof ENCODINGS)[number];

const BOMS: [Encoding, number[]][] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/**
 * The encoding that the beginning of a file shows: by its byte order mark, or by where the zero bytes
 * of UTF-16 stand. Undefined for ASCII so far: then the first other byte decides.
 */
export function detectEncoding(head: Buffer): Encoding | undefined {
  for (const [encoding, bom] of BOMS) {
    if (head.subarray(0, bom.length).equals(Buffer.from(bom))) return encoding;
  }
  let even = 0;
  let odd = 0;
  const sample = head.subarray(0, 4096);
  for (let i = 0; i < sample.length; i++) {
    if (sample[i] === 0) i % 2 === 0 ? even++ : odd++;
  }
  const many = sample.length / 8;
  // Text of Western languages has a zero in every other byte.
  if (odd > many && even === 0) return 'utf-16le';
  if (even > many && odd === 0) return 'utf-16be';
  if (isAscii(head)) return undefined;
  return isWholeUtf8(head) ? 'utf-8' : 'windows-1252';
}

/** True when all of it is UTF-8, save perhaps a character that is cut off at the end. */
function isWholeUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/**
 * Decodes a file as it is read. With no encoding stated, what begins as ASCII becomes UTF-8 or
 * Windows-1252 at the first byte that is not.
 * @throws UserError `usage`, with the line, for what is no text: a NUL, or bytes that the encoding has not.
 */
export async function* decode(
  bytes: AsyncIterable<Buffer>,
  stated: Encoding | undefined,
  name: string,
): AsyncGenerator<string> {
  let decoder = stated ? newDecoder(stated) : undefined;
  let encoding = stated;
  let line = 1;
  const decodeChunk = (chunk: Buffer): string => {
    if (!decoder) {
      if (isAscii(chunk)) return chunk.toString('latin1');
      encoding = isWholeUtf8(chunk) ? 'utf-8' : 'windows-1252';
      decoder = newDecoder(encoding);
    }
    return decoder.decode(chunk, { stream: true });
  };
  for await (const chunk of bytes) {
    let text: string;
    try {
      text = decodeChunk(chunk);
    } catch {
      throw usageError(
        `${name} is not ${encoding} after line ${line + countLines(chunk, brokenAt(chunk))}`,
        'Save it as UTF-8, or say what it is: --encoding windows-1252.',
      );
    }
    refuseNul(text, line, name);
    line += countNewlines(text);
    if (text !== '') yield text;
  }
  const rest = decoder?.decode() ?? '';
  if (rest !== '') yield rest;
}

// A byte order mark is removed by the decoder.
const newDecoder = (encoding: Encoding) =>
  new TextDecoder(encoding, { fatal: encoding !== 'windows-1252' });

function refuseNul(text: string, line: number, name: string): void {
  const at = text.indexOf('\0');
  if (at < 0) return;
  throw usageError(
    `${name} is not a text file: line ${line + countNewlines(text.slice(0, at))} has a NUL character`,
    'Export the gifts as CSV or .xlsx again.',
  );
}

function countNewlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

const countLines = (chunk: Buffer, end: number) => countNewlines(chunk.toString('latin1', 0, end));

/** Up to where a chunk is UTF-8. */
function brokenAt(chunk: Buffer): number {
  let [good, bad] = [0, chunk.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isWholeUtf8(chunk.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}
