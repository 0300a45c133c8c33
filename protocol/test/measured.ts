/** Runs `run` and counts what it copies and allocates in bytes. */
export function measured(run: () => void): { copied: number; allocated: number } {
  const count = { copied: 0, allocated: 0 };
  const { copy } = Buffer.prototype;
  const { allocUnsafe, alloc, concat, from } = Buffer;
  const { set } = Uint8Array.prototype;
  Buffer.prototype.copy = function (this: Buffer, ...args: Parameters<typeof copy>) {
    const copied = copy.apply(this, args);
    count.copied += copied;
    return copied;
  } as typeof copy;
  Uint8Array.prototype.set = function (this: Uint8Array, ...args: Parameters<typeof set>) {
    count.copied += args[0].length;
    set.apply(this, args);
  };
  const counting =
    <A extends unknown[]>(allocate: (...args: A) => Buffer) =>
    (...args: A) => {
      const buffer = allocate(...args);
      count.allocated += buffer.length;
      return buffer;
    };
  Object.assign(Buffer, {
    allocUnsafe: counting(allocUnsafe),
    alloc: counting(alloc),
    concat: counting(concat),
    from: counting(from as (...args: unknown[]) => Buffer),
  });
  try {
    run();
  } finally {
    Buffer.prototype.copy = copy;
    Uint8Array.prototype.set = set;
    Object.assign(Buffer, { allocUnsafe, alloc, concat, from });
  }
  return count;
}
