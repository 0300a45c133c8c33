/**
 * `kv` of a filter on the stores of the server: one of them, or a group. Each filter's keys
 * lie below its namespace: `greylist/192.0.2.1`.
 */

import { z } from 'zod';
import type { Store } from '../../kv/store.ts';
import type { Stores } from '../../kv/stores.ts';
import { CapabilityFailure, failureOf } from '../failure.ts';
import { checkAnswerSize, type KvCall, type LeasePort, readKvCall } from './operations.ts';

/** As in the configuration; a longer one is no name, and is not worth looking for. */
const Name = z.string().transform((name) => name.slice(0, 64));

/** On which store, or stores, a call is performed; `null`: the default one. */
const Target = z
  .union([z.strictObject({ store: Name }), z.strictObject({ group: Name })])
  .nullable();

type Target = z.infer<typeof Target>;

/** A policy decision is a handful of calls. */
const MAX_BATCH = 100;

const Batch = z.array(z.tuple([z.string()], z.unknown())).max(MAX_BATCH);

/** The first of `args` is the target, the others are those of the call. */
export async function performKv(
  stores: Stores,
  operation: string,
  args: readonly unknown[],
  namespace: string,
  leases: LeasePort,
): Promise<unknown> {
  const target = Target.safeParse(args[0]);
  if (!target.success)
    throw new CapabilityFailure('ERR_ARGUMENT', `kv.${operation}: expected a store or a group`);
  if (operation === 'members') return members(stores, target.data);
  const task = readTask(operation, args.slice(1), namespace, leases);
  return onTarget(stores, target.data, task);
}

type Task = (store: Store) => Promise<unknown>;

function readTask(
  operation: string,
  args: readonly unknown[],
  namespace: string,
  leases: LeasePort,
): Task {
  if (operation !== 'batch') {
    const call = readKvCall(operation, args, namespace);
    return (store) => call.run({ store, leases });
  }
  const list = Batch.safeParse(args[0]);
  if (!list.success)
    throw new CapabilityFailure(
      'ERR_ARGUMENT',
      `kv.batch: expected a list of at most ${MAX_BATCH} calls`,
    );
  const calls = list.data.map(([name, ...rest]) => readKvCall(name, rest, namespace));
  return (store) => runBatch(calls, store, leases);
}

/**
 * All at once, which the clients of the stores make one round trip of; calls on the same key
 * one after the other. All are tried; the first that failed says so for the whole.
 */
async function runBatch(
  calls: readonly KvCall[],
  store: Store,
  leases: LeasePort,
): Promise<unknown> {
  const lastOf = new Map<string, Promise<unknown>>();
  const answers = calls.map((call) => {
    const before = lastOf.get(call.key);
    const run = () => call.run({ store, leases });
    const answer = before ? before.then(run, run) : run();
    lastOf.set(call.key, answer);
    return answer;
  });
  const settled = await Promise.allSettled(answers);
  const results = settled.map((result, index) => {
    if (result.status === 'fulfilled') return result.value;
    const { code, message } = failureOf(result.reason);
    throw new CapabilityFailure(code, `call ${index + 1} of the batch: ${message}`);
  });
  checkAnswerSize('batch', results);
  return results;
}

function members(stores: Stores, target: Target): readonly string[] {
  if (target !== null && 'group' in target) return [...stores.group(target.group).keys()];
  throw new CapabilityFailure('ERR_ARGUMENT', 'kv.members: expected a group');
}

async function onTarget(stores: Stores, target: Target, task: Task): Promise<unknown> {
  if (target === null) return task(stores.store());
  if ('store' in target) return task(stores.store(target.store));
  const results = await Promise.all(
    [...stores.group(target.group)].map(async ([name, store]) => [
      name,
      await resultOf(task, store),
    ]),
  );
  return Object.fromEntries(results);
}

/** What came of it on one store of a group: an error of one is not one of the others. */
async function resultOf(task: Task, store: Store): Promise<object> {
  try {
    return { value: await task(store) };
  } catch (error) {
    return { error: failureOf(error) };
  }
}
