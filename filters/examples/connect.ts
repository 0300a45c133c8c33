// Logs who connected: the client's address and host name, and which daemon of the MTA took the
// connection.

import { log, type Session } from 'postern';

export function connect(session: Session) {
  const { client, daemon, phase } = session;
  log.info('a client connected', {
    phase,
    address: client.address,
    hostname: client.hostname,
    daemon: daemon.name,
  });
}
