/**
 * mailparser with limits, on one message. It runs in a thread of its own (see thread.ts): some
 * messages keep it busy for minutes, and nothing but the thread's end stops that.
 */

import { MailParser, type MailParserOptions } from 'mailparser';
import { beyond, ParseError, type ParseLimits } from './limits.ts';

/** What mailparser and the splitter beneath it take and its types do not tell. */
interface Options extends MailParserOptions {
  readonly ignoreEmbedded: boolean;
  readonly maxChildNodes: number;
  readonly maxHeadSize: number;
}

/** A part of the message, as the splitter tells of it. */
interface MimeNode {
  readonly contentType: string | false;
  readonly disposition: string | false;
  readonly parentNode: MimeNode | false;
}

/** What the splitter hands to the parser. */
interface Chunk {
  readonly type: 'node' | 'data' | 'body';
  readonly node?: MimeNode;
  readonly value?: Uint8Array;
}

type Done = (error?: Error) => void;

/** The splitter's own limits have this code: too many parts, too long a head of one. */
const TOO_LONG = 'EMAXLEN';

/** The head of one part; those of whole messages have their own limit, limits.headerBytes. */
const MAX_HEAD_BYTES = 4 * 1024 ** 2;

/** A character of text takes at most so many bytes of a message (`=0A` in quoted-printable). */
const BYTES_A_CHARACTER = 3;

const TEXT_TYPE = /^text\/(?:plain|html)$|^message\/delivery-status$/;

/** The step that every part and every run of body bytes passes on its way through mailparser. */
const { processChunk } = MailParser.prototype as unknown as {
  processChunk(this: MailParser, chunk: Chunk, done: Done): void;
};

export class LimitedParser extends MailParser {
  readonly #limits: ParseLimits;
  #parts = 0;
  #textBytes = 0;

  constructor(limits: ParseLimits) {
    const options: Options = {
      // Each of these costs time, or invents what the message does not say.
      skipHtmlToText: true,
      skipTextToHtml: true,
      skipTextLinks: true,
      skipImageLinks: true,
      checksumAlgo: 'sha256',
      // A message in a message is an attachment, whatever its disposition: no nesting without end.
      ignoreEmbedded: true,
      maxChildNodes: limits.parts,
      maxHeadSize: MAX_HEAD_BYTES,
    };
    super(options);
    this.#limits = limits;
  }

  /** Overrides mailparser's method of this name. */
  processChunk(chunk: Chunk, done: Done): void {
    const error = this.#excess(chunk);
    if (error) {
      done(error);
      return;
    }
    try {
      processChunk.call(this, chunk, done);
    } catch (thrown) {
      done(thrown as Error);
    }
  }

  #excess(chunk: Chunk): ParseError | undefined {
    const { parts, depth, textLength } = this.#limits;
    switch (chunk.type) {
      case 'node': {
        this.#parts += 1;
        if (this.#parts > parts) return tooManyParts(this.#limits);
        const found = depthOf(chunk as unknown as MimeNode);
        if (found > depth) return beyond(this.#limits, 'depth', `has parts at depth ${found}`);
        return undefined;
      }
      case 'body': {
        if (!isInlineText(chunk.node)) return undefined;
        this.#textBytes += chunk.value?.length ?? 0;
        if (this.#textBytes > textLength * BYTES_A_CHARACTER)
          return beyond(this.#limits, 'textLength', `has ${this.#textBytes} bytes of text`);
        return undefined;
      }
      case 'data':
        return undefined;
      default:
        return chunk.type satisfies never;
    }
  }
}

function tooManyParts(limits: ParseLimits): ParseError {
  return beyond(limits, 'parts', `has at least ${limits.parts + 1} parts`);
}

/** Whether mailparser takes this part for text and not for an attachment. */
function isInlineText(node: MimeNode | undefined): boolean {
  const isText = TEXT_TYPE.test(node?.contentType || 'text/plain');
  return isText && (!node?.disposition || node.disposition === 'inline');
}

/** The error of this parser as a filter gets it; a text of a message never gets into it. */
export function parseErrorOf(error: unknown, limits: ParseLimits): ParseError {
  if (error instanceof ParseError) return error;
  const { code, name, message } = error as Error & { code?: unknown };
  if (code === TOO_LONG && /header/.test(message)) {
    const most = `${MAX_HEAD_BYTES} bytes, which is fixed`;
    return new ParseError('ERR_PARSE_LIMIT', `parse: the headers of a part have more than ${most}`);
  }
  if (code === TOO_LONG) return tooManyParts(limits);
  return new ParseError('ERR_PARSE', `parse: the message cannot be parsed (${name})`);
}

/** 1 for the message itself. */
function depthOf(node: MimeNode): number {
  let depth = 1;
  for (let above = node.parentNode; above; above = above.parentNode) depth += 1;
  return depth;
}
