import { randomUUID } from 'node:crypto';
import { Etcd3 } from 'etcd3';
import type { EtcdUrl } from '../../../src/kv/etcd/cluster.ts';

/** The URL of an empty store on the server. */
export function etcdUrl({ port }: { readonly port: number }): EtcdUrl {
  const hosts = [{ host: '127.0.0.1', port }];
  return { scheme: 'etcd', hosts, tls: false, prefix: `${randomUUID()}/` };
}

/** Asks the server past the store. */
export async function ask<Answer>(
  { port }: { readonly port: number },
  question: (etcd: Etcd3) => Promise<Answer>,
): Promise<Answer> {
  const etcd = new Etcd3({ hosts: `http://127.0.0.1:${port}` });
  try {
    return await question(etcd);
  } finally {
    etcd.close();
  }
}
