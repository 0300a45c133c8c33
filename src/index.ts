/**
 * What `import ... from 'postern'` means. In a configuration: `defineConfig`. In a filter: everything
 * below, which Postern provides inside the sandbox; here are only its types.
 */

import type { PosternModule } from './runner/guest/api.ts';

export type { ConfigInput } from './config/define.ts';
export { defineConfig } from './config/define.ts';
export type {
  Client,
  EsmtpArgs,
  FilterHandlers,
  FilterVerdict,
  HandlerResult,
  Header,
  Headers,
  Kv,
  KvValue,
  Log,
  Message,
  Recipient,
  Sender,
  Session,
  SmtpAuth,
  Tls,
} from './runner/guest/api.ts';

export declare const accept: PosternModule['accept'];
export declare const reject: PosternModule['reject'];
export declare const tempfail: PosternModule['tempfail'];
export declare const discard: PosternModule['discard'];
export declare const skip: PosternModule['skip'];
export declare const delay: PosternModule['delay'];
export declare const kv: PosternModule['kv'];
export declare const log: PosternModule['log'];
export declare const sleep: PosternModule['sleep'];
export declare const settings: PosternModule['settings'];
