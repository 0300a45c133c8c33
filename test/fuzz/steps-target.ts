/**
 * Whatever a runner reports: a step that makes sense or a failure of its filter, and what is made
 * of it for the MTA can be sent. An isolate that was taken over gets no further than its own mail.
 */

import assert from 'node:assert/strict';
import { encodeReplies, foldedHeaderValue, type Reply, SMFI_CURR_ACTS } from 'net-milter-codec';
import { type CheckedStep, checkStep } from '../../src/engine/step.ts';
import { ModificationError } from '../../src/milter/modification-error.ts';
import { modificationReplies } from '../../src/milter/modifications.ts';
import { replyTo } from '../../src/milter/replies.ts';
import { faultOfStep, namesFilter } from './step-oracle.ts';
import { type StepInput, stepInputs } from './step-reports.ts';
import { fuzzTarget } from './target.ts';

export const stepsTarget = fuzzTarget('steps', stepInputs, ({ phase, json }: StepInput) => {
  const report: unknown = JSON.parse(json);
  const step = checked(report, phase);
  if (step === undefined) return;
  assert.ok(namesFilter(report), 'a report that names no filter was taken');
  assert.equal(faultOfStep(step, phase), undefined);
  encodeReplies([replyTo(step.verdict)]);
  for (const mta of ['postfix', 'other'] as const) checkReplies(step, mta);
});

/** Throws only where nobody knows whose failure it is. */
function checked(report: unknown, phase: StepInput['phase']): CheckedStep | undefined {
  try {
    return checkStep(report, phase);
  } catch (error) {
    if (namesFilter(report)) throw error;
    return undefined;
  }
}

function checkReplies({ modifications }: CheckedStep, mta: 'postfix' | 'other'): void {
  let replies: readonly Reply[];
  try {
    replies = modificationReplies(modifications, {
      headers: [
        { name: 'X-A', raw: ' one' },
        { name: 'Subject', raw: ' =?utf-8?q?x?=\n folded \xff' },
        { name: 'x-a', raw: ' two' },
        // As some client wrote it.
        { name: '', raw: ' without a name' },
      ],
      recipients: ['<a@example.com>'],
      smtputf8: mta === 'other',
      actions: SMFI_CURR_ACTS,
      leadingSpace: mta === 'postfix',
      mta,
    });
  } catch (error) {
    if (error instanceof ModificationError) return;
    throw error;
  }
  for (const reply of replies) if ('value' in reply) foldedHeaderValue(reply.value);
  encodeReplies(replies);
}
