/**
 * What `import ... from 'postern'` means. In a configuration: `defineConfig`. In a filter: everything
 * below, which Postern provides inside the sandbox; here are only its types.
 */

import type { PosternModule } from './runner/guest/api.ts';

export type { ConfigInput } from './config/define.ts';
export { defineConfig } from './config/define.ts';
export type {
  AccessRequest,
  ArcResult,
  Attachment,
  Attributes,
  AttributeValue,
  AuthenticationResult,
  AuthenticationResults,
  Client,
  DistinctOptions,
  DkimResult,
  DmarcResult,
  Dns,
  DnsListing,
  EsmtpArgs,
  FilterHandlers,
  FilterVerdict,
  GroupEntry,
  GroupFailure,
  GroupResult,
  HandlerResult,
  Hash,
  Header,
  Headers,
  Http,
  HttpHeaders,
  HttpInit,
  HttpResponse,
  Kv,
  KvGroup,
  KvOperation,
  KvOperationResult,
  KvStore,
  KvValue,
  Lease,
  LeaseOptions,
  LeaseResult,
  Log,
  LoginAttempt,
  LoginFailure,
  LoginOutcome,
  LoginTls,
  Message,
  Metrics,
  MxRecord,
  Net,
  ParsedAddress,
  ParsedMail,
  ParsedMailbox,
  RateOptions,
  RateResult,
  Recipient,
  Sender,
  ServerEvent,
  Session,
  SmtpAuth,
  SpfResult,
  Tls,
  TtlOption,
  WindowOptions,
} from './runner/guest/api.ts';

export declare const accept: PosternModule['accept'];
export declare const reject: PosternModule['reject'];
export declare const tempfail: PosternModule['tempfail'];
export declare const discard: PosternModule['discard'];
export declare const skip: PosternModule['skip'];
export declare const delay: PosternModule['delay'];
export declare const route: PosternModule['route'];
export declare const prepend: PosternModule['prepend'];
export declare const redirect: PosternModule['redirect'];
export declare const hold: PosternModule['hold'];
export declare const filter: PosternModule['filter'];
export declare const kv: PosternModule['kv'];
export declare const log: PosternModule['log'];
export declare const dns: PosternModule['dns'];
export declare const http: PosternModule['http'];
export declare const net: PosternModule['net'];
export declare const hash: PosternModule['hash'];
export declare const metrics: PosternModule['metrics'];
export declare const authenticate: PosternModule['authenticate'];
export declare const sleep: PosternModule['sleep'];
export declare const settings: PosternModule['settings'];
