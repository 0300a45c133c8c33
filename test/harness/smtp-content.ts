/** Message content on its way through the DATA command. */

/**
 * What follows a 354 reply: the message with its dots doubled and the end mark.
 *
 * In a string every line end becomes CRLF. A Buffer goes out byte by byte as it is; only a
 * missing last line end is added.
 */
export function dataContent(message: string | Buffer): Buffer {
  const bytes =
    typeof message === 'string'
      ? Buffer.from(message.replace(/\r?\n/g, '\r\n')).toString('latin1')
      : message.toString('latin1');
  // After a lone LF too: Postfix ends a line there, and takes away the dot that follows.
  const stuffed = bytes.replace(/(^|\n)\./g, '$1..');
  const lastLineEnd = stuffed === '' || stuffed.endsWith('\r\n') ? '' : '\r\n';
  return Buffer.from(`${stuffed}${lastLineEnd}.\r\n`, 'latin1');
}
