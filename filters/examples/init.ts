// Prepares what its other handlers need, before the first client is served. Should it fail, the
// server does not start: better no filter than one without its list.

import { log, reject, type Session, settings } from 'postern';

const refused = new Set<string>();

export function init() {
  for (const name of settings.refused ?? ['localhost', 'localhost.localdomain']) {
    if (typeof name !== 'string') throw new TypeError('settings.refused: expected names');
    refused.add(name.toLowerCase());
  }
  log.info('ready', { refused: [...refused] });
}

export function helo(session: Session) {
  if (refused.has((session.helo ?? '').toLowerCase())) return reject('5.7.1 That is our own name');
}
