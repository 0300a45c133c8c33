/**
 * Bytes in a notation for people: hex, and ASCII in quotes, as in `00000003 "M<>" 00`.
 */

/** What a packet is, its bytes, and what they mean. */
export type Vector<T> = readonly [title: string, wire: string, packet: T];

export function bytes(wire: string): Buffer {
  const tokens = wire.match(/"[^"]*"|[0-9a-f]{2}/g) ?? [];
  return Buffer.concat(
    tokens.map((token) =>
      token.startsWith('"') ? Buffer.from(token.slice(1, -1), 'latin1') : Buffer.from(token, 'hex'),
    ),
  );
}
