import { type Command, CommandDecoder, type Reply, ReplyDecoder } from '../src/index.ts';
import { bytes } from './wire.ts';

/** The packet with this code and data, with its length. */
function packet(wire: string): Buffer {
  const body = bytes(wire);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

// A second packet follows in the same memory: a string without its NUL must not run into it.
const NEXT = packet('"Q"');

/** The command with this code and data. */
export function readCommand(wire: string): Command | undefined {
  const decoder = new CommandDecoder();
  decoder.push(Buffer.concat([packet(wire), NEXT]));
  return decoder.next();
}

/** The reply with this code and data. */
export function readReply(wire: string): Reply | undefined {
  const decoder = new ReplyDecoder();
  decoder.push(Buffer.concat([packet(wire), NEXT]));
  return decoder.next();
}
