/** Plans as filters in TypeScript. What all of them do is in fixtures/libmilter/planned.ts. */

import { join } from 'node:path';
import type { planned } from '../../fixtures/libmilter/planned.ts';
import type { Plan } from './plan.ts';

/** One for each phase, or this does not compile. */
type Handler = keyof ReturnType<typeof planned>;

const PLANNED = join(__dirname, '..', '..', 'fixtures', 'libmilter', 'planned.ts');

export function planSource(plan: Plan): string {
  const { phases, rules = [], changes = [], macros = [], declares } = plan;
  // The machine may be busy with other tests: that is not what is tested here.
  const options = { cpu: '1s', wall: '20s', ...(declares && { macros: declares }) };
  const handlers = phases.map(
    (phase: Handler) =>
      `export function ${phase}(session: any, subject: any) { return on.${phase}(session, subject); }`,
  );
  return [
    `export const options = ${JSON.stringify(options)};`,
    `import { planned } from ${JSON.stringify(PLANNED)};`,
    `const on = planned(${JSON.stringify({ rules, changes, macros })});`,
    ...handlers,
    '',
  ].join('\n');
}
