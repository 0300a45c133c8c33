/** SMTP replies as they come from a server. */

/** A whole reply, which may have several lines. */
export type Reply = {
  readonly code: number;
  /** What each line says after its code. */
  readonly lines: readonly string[];
  /** The reply as it was sent, with codes; lines joined by `\n`. */
  readonly text: string;
};

/** Puts replies together from text that comes in pieces. */
export class ReplyParser {
  #unfinished = '';
  #lines: string[] = [];

  /** The replies that are complete with this piece. */
  push(text: string): readonly Reply[] {
    const lines = (this.#unfinished + text).split('\r\n');
    this.#unfinished = lines.pop() ?? '';
    return lines.map((line) => this.#take(line)).filter((reply) => reply !== undefined);
  }

  #take(line: string): Reply | undefined {
    const match = /^(\d{3})(?:([ -]).*)?$/s.exec(line);
    if (!match) throw new Error(`expected an SMTP reply, got ${JSON.stringify(line)}`);
    this.#lines.push(line);
    if (match[2] === '-') return undefined;
    const lines = this.#lines;
    this.#lines = [];
    return {
      code: Number(match[1]),
      lines: lines.map((each) => each.slice(4)),
      text: lines.join('\n'),
    };
  }
}
