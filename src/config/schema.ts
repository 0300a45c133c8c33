/** The shape of a configuration: which keys there are and what may stand in them. */

import { isIP } from 'node:net';
import { z } from 'zod';
import { count, duration, expectObject } from './fields.ts';
import { OVERRIDABLE_KEYS, overridableFields } from './filter-overrides.ts';
import { findJsonMisfit, type JsonObject } from './json.ts';
import { limitsSchema } from './limits.ts';

const text = (expected: string) => z.string({ error: expected }).min(1, { error: expected });

const LISTEN =
  "expected a place to listen such as 'inet:127.0.0.1:9900' or 'unix:/run/milter.sock'";
const FILTER = "expected a filter such as 'filters/greylist.ts' or { path, name, settings, ... }";
const NAME = "expected a name of letters, digits, '.', '_' and '-', 64 at most";
const USER = 'expected a name or a number';

/** `'a.ts'` stands for `{ path: 'a.ts' }`. */
function shorthand<Schema extends z.ZodType>(key: string, schema: Schema) {
  return z.preprocess((raw) => (typeof raw === 'string' ? { [key]: raw } : raw), schema);
}

const userSchema = z
  .union([z.string().min(1), z.number().int().min(0)], { error: USER })
  .optional();

export const listenerSchema = shorthand(
  'listen',
  z.strictObject(
    {
      listen: text(LISTEN),
      filters: z
        .array(text('expected the name of a filter'), { error: 'expected a list of filter names' })
        .min(1, { error: 'expected at least one filter name; without the key, all filters run' })
        .optional(),
      mode: z
        .unknown()
        .transform((value, context) => {
          if (typeof value === 'string' && /^0?[0-7]{3}$/.test(value))
            return Number.parseInt(value, 8);
          context.addIssue("expected permissions as an octal text such as '0660'");
          return z.NEVER;
        })
        .optional(),
      owner: userSchema,
      group: userSchema,
    },
    { error: (issue) => (issue.code === 'invalid_type' ? LISTEN : undefined) },
  ),
);

const jsonObject = z.unknown().transform((value, context): JsonObject => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    context.addIssue("expected an object such as { delay: '5m' }");
    return z.NEVER;
  }
  const misfit = findJsonMisfit(value);
  if (misfit) {
    context.addIssue(
      `expected only what JSON can carry, got ${misfit.what} at settings${misfit.path}`,
    );
  }
  return value as JsonObject;
});

export const filterSchema = shorthand(
  'path',
  z.strictObject(
    {
      path: text("expected the path of a filter such as 'filters/greylist.ts'"),
      name: z
        .string({ error: NAME })
        .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, { error: NAME })
        .optional(),
      settings: jsonObject.optional(),
      ...overridableFields,
    },
    { error: (issue) => (issue.code === 'invalid_type' ? FILTER : undefined) },
  ),
);

const GROUP = "expected a list of stores such as ['default', 'fleet']";

const DNS_SERVER = "expected an address such as '127.0.0.1', '127.0.0.1:5353' or '[::1]:53'";
const dnsServer = z.string({ error: DNS_SERVER }).refine(
  (server) => {
    const [, bracketed, plain, port = '53'] =
      /^(?:\[([^\]]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(server) ?? [];
    return isIP(bracketed ?? plain ?? server) !== 0 && Number(port) > 0 && Number(port) < 65536;
  },
  { error: DNS_SERVER },
);

/** A key of the full design that this version cannot serve. */
const notYet = (what: string) =>
  z.undefined({ error: `this version does not have ${what} yet; remove the key` }).optional();

const WORKERS = "expected 'auto' or a whole number, at least 1";

export const configSchema = z.strictObject(
  {
    milter: z
      .strictObject(
        {
          // One place to listen has become a list of one before it comes here.
          listen: z
            .array(listenerSchema)
            .min(1, { error: 'expected at least one place to listen' })
            .optional(),
        },
        expectObject("an object such as { listen: 'inet:127.0.0.1:9900' }"),
      )
      .optional(),
    filters: z
      .array(filterSchema, { error: "expected a list such as ['filters/greylist.ts']" })
      .optional(),
    kv: z
      .strictObject(
        {
          // Read by resolve.ts, which knows the folder that it is relative to.
          default: z.unknown().optional(),
          stores: z
            .record(z.string(), z.unknown(), {
              error: "expected an object such as { fleet: 'redis://127.0.0.1:6379/0' }",
            })
            .optional(),
          groups: z
            .record(
              z.string(),
              z
                .array(text('expected the name of a store'), { error: GROUP })
                .min(1, { error: GROUP }),
              { error: "expected an object such as { both: ['default', 'fleet'] }" },
            )
            .optional(),
        },
        expectObject("an object such as { default: 'lmdb:./data' }"),
      )
      .optional(),
    dns: z
      .strictObject(
        {
          servers: z
            .array(dnsServer, { error: "expected a list such as ['127.0.0.1', '[::1]:5353']" })
            .min(1, { error: 'expected at least one server' })
            .optional(),
          timeout: duration({ least: '10ms', most: '1m' }).optional(),
          tries: count().optional(),
        },
        expectObject("an object such as { servers: ['127.0.0.1'], timeout: '2s' }"),
      )
      .optional(),
    auth: z
      .strictObject(
        {
          policy: z
            .strictObject(
              {
                // One place to listen has become a list of one before it comes here.
                listen: z
                  .array(listenerSchema)
                  .min(1, { error: 'expected at least one place to listen' }),
              },
              expectObject("an object such as { listen: 'inet:127.0.0.1:9902' }"),
            )
            .optional(),
          listen: notYet('the login hooks over HTTP'),
          secret: notYet('the login hooks over HTTP'),
          dovecot: notYet('the login hooks over HTTP'),
          nginx: notYet('the login hooks over HTTP'),
        },
        expectObject("an object such as { policy: { listen: 'inet:127.0.0.1:9902' } }"),
      )
      .optional(),
    status: notYet('the status page'),
    workers: z.union([z.literal('auto'), count()], { error: WORKERS }).optional(),
    limits: limitsSchema.optional(),
  },
  expectObject('an object, such as defineConfig({ ... }) gives'),
);

/** A configuration of the right shape, before its paths and names are looked at. */
export type ParsedConfig = z.output<typeof configSchema>;

const FILTER_KEYS = ['path', 'name', 'settings', ...OVERRIDABLE_KEYS];
const LISTENER_KEYS = ['listen', 'filters', 'mode', 'owner', 'group'];

/** The keys that exist at a path, for suggestions. */
export function configKeys(path: readonly PropertyKey[]): readonly string[] {
  const [first, second] = path;
  if (first === undefined) return Object.keys(configSchema.shape);
  if (first === 'milter') return second === undefined ? ['listen'] : LISTENER_KEYS;
  if (first === 'auth') {
    if (second === undefined) return ['policy'];
    return path.length === 2 ? ['listen'] : LISTENER_KEYS;
  }
  if (first === 'filters') return FILTER_KEYS;
  if (first === 'kv') return second === undefined ? ['default', 'stores', 'groups'] : [];
  if (first === 'dns') return ['servers', 'timeout', 'tries'];
  if (first === 'limits') return Object.keys(limitsSchema.shape);
  return [];
}
