/** What filters get of what mailauth says, as JSON. */

import type { AuthenticateResult } from 'mailauth';

/** See AuthenticationResults in src/runner/guest/api-mail.ts; what is not known is left out. */
export interface ResultsJson {
  readonly spf: {
    readonly result: 'none' | 'pass' | 'fail' | 'softfail' | 'neutral' | 'temperror' | 'permerror';
    readonly domain?: string;
    readonly explanation?: string;
  };
  readonly dkim: readonly {
    readonly result: 'none' | 'pass' | 'fail' | 'policy' | 'neutral' | 'temperror' | 'permerror';
    readonly domain?: string;
    readonly selector?: string;
    readonly algorithm?: string;
    readonly aligned: boolean;
    readonly unsignedBytes: number;
    readonly comment?: string;
  }[];
  readonly dmarc: {
    readonly result: 'none' | 'pass' | 'fail' | 'temperror' | 'permerror';
    readonly policy?: 'none' | 'quarantine' | 'reject';
    readonly domain?: string;
    readonly alignment: { readonly spf: boolean; readonly dkim: boolean };
  };
  readonly arc: { readonly result: 'none' | 'pass' | 'fail' };
  readonly header: string;
}

/** Lines of the header are at most so long, where they have a space to fold at. */
const LINE_LENGTH = 76;

/** `hasClient`: there was an address to ask SPF about. */
export function resultsOf(mta: string, found: AuthenticateResult, hasClient: boolean): ResultsJson {
  const { spf, dkim, dmarc, arc } = found;
  const signatures = dkim.results.filter(({ status }) => status.result !== 'none');
  // Several domains in From: there is no answer that could be right (RFC 9989 section 5.3.1).
  const isAmbiguous = !dmarc && (dkim.headerFrom?.length ?? 0) > 0;
  const rows = [
    ...dkim.results.map(({ info }) => info),
    ...(spf && hasClient ? [spf.info] : []),
    ...(arc ? [arc.info] : []),
    ...(dmarc ? [dmarc.info] : []),
    ...(isAmbiguous ? ['dmarc=permerror'] : []),
  ];
  const results = {
    spf:
      spf && hasClient
        ? {
            result: spf.status.result,
            domain: spf.domain,
            explanation: spf.explanation,
          }
        : { result: 'none' },
    dkim: signatures.map(({ status, signingDomain, selector, algo }) => ({
      result: status.result,
      domain: signingDomain,
      selector,
      algorithm: algo,
      aligned: Boolean(status.aligned),
      unsignedBytes: status.underSized ?? 0,
      comment: status.comment || undefined,
    })),
    dmarc: dmarc
      ? {
          result: dmarc.status.result,
          policy: dmarc.policy,
          domain: dmarc.status.header?.from,
          alignment: {
            spf: Boolean(dmarc.alignment?.spf.result),
            dkim: Boolean(dmarc.alignment?.dkim.result),
          },
        }
      : { result: isAmbiguous ? 'permerror' : 'none', alignment: { spf: false, dkim: false } },
    arc: { result: arc ? arc.status.result : 'none' },
    header: [mta, ...rows.filter((row) => row !== undefined).map(folded)].join(';\n '),
  };
  return JSON.parse(JSON.stringify(results)) as ResultsJson;
}

/** Words of at most a line's length on each line. */
function folded(row: string): string {
  const lines: string[] = [];
  for (const word of row.replace(/\s+/g, ' ').split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > LINE_LENGTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join('\n  ');
}
