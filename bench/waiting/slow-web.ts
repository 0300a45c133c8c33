/** A web server that answers after a second, on several ports: a worker keeps 64 connections to each. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WebAnswer } from './messages.ts';

const PORTS = 10;
const ANSWER_MS = 1000;

const servers = Array.from({ length: PORTS }, () =>
  createServer((_, response) => setTimeout(() => response.end('late'), ANSWER_MS)).listen(
    0,
    '127.0.0.1',
  ),
);
await Promise.all(servers.map((server) => once(server, 'listening')));
const answer: WebAnswer = {
  ports: servers.map((server) => (server.address() as AddressInfo).port),
};
process.send?.(answer);
process.on('disconnect', () => process.exit(0));
