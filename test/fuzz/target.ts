/**
 * What is fuzzed: inputs that can be written down as JSON, and a check that throws when the code
 * under test does what it must not. Needs no test framework: the tests and scripts/fuzz.js use it.
 */

import fc from 'fast-check';

export interface SearchOptions {
  readonly seed: number;
  /** How many inputs; by default as many as the time allows. */
  readonly runs?: number;
  readonly milliseconds?: number;
}

/** An input that failed, as small as could be found. */
export interface Crash {
  readonly target: string;
  readonly why: string;
  readonly input: unknown;
}

export interface Search {
  readonly runs: number;
  readonly crash: Crash | undefined;
}

export interface FuzzTarget {
  readonly name: string;
  /** Tries inputs until one fails, or time or runs are used up. */
  search(options: SearchOptions): Promise<Search>;
  /** Throws if the input fails. */
  replay(input: unknown): Promise<void>;
}

/** One input that takes longer than this hangs. */
const HANGS_MS = 10_000;

export function fuzzTarget<Input>(
  name: string,
  inputs: fc.Arbitrary<Input>,
  check: (input: Input) => void | Promise<void>,
): FuzzTarget {
  return {
    name,
    async search({ seed, runs = Number.MAX_SAFE_INTEGER, milliseconds }) {
      const property = fc.asyncProperty(inputs, async (input) => check(asStored(input)));
      const { failed, counterexample, errorInstance, numRuns } = await fc.check(property, {
        seed,
        numRuns: runs,
        timeout: HANGS_MS,
        ...(milliseconds !== undefined && { interruptAfterTimeLimit: milliseconds }),
      });
      if (!failed || counterexample === null) return { runs: numRuns, crash: undefined };
      const [input] = counterexample;
      return { runs: numRuns, crash: { target: name, why: whyOf(errorInstance), input } };
    },
    replay: async (input) => check(input as Input),
  };
}

/** As it would come back from a file: what is not JSON would fail here only and not there. */
function asStored<Input>(input: Input): Input {
  return JSON.parse(JSON.stringify(input)) as Input;
}

function whyOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
