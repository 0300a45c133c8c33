/**
 * What the two sides agree on in OPTNEG: the version, the actions that the filter may
 * take and the shape of the dialogue. Keys are libmilter's names without their prefix.
 *
 * All flags are unsigned 32-bit numbers. JavaScript's `|` and `&` give signed ones, which
 * matters for bit 31 only: write `(flags | bit) >>> 0` there.
 */

/** The version that this package speaks, and the one of libmilter since 8.14. */
export const SMFI_PROT_VERSION = 6;

/** Older offers are refused: version 1 was never in a release of libmilter that filters use. */
export const SMFI_PROT_VERSION_MIN = 2;

/** Actions that a filter may take (SMFIF_*, mfapi.h). */
export const SMFIF = {
  ADDHDRS: 0x01, // add and insert headers
  CHGBODY: 0x02, // replace the body
  ADDRCPT: 0x04,
  DELRCPT: 0x08,
  CHGHDRS: 0x10, // change and delete headers
  QUARANTINE: 0x20,
  CHGFROM: 0x40,
  ADDRCPT_PAR: 0x80, // add recipients with ESMTP arguments
  SETSYMLIST: 0x100, // choose the macros of each stage
} as const;

/** Protocol flags (SMFIP_*, mfdef.h): events not to send, answers not to wait for, and other. */
export const SMFIP = {
  NOCONNECT: 0x1, // the MTA shall not send CONNECT, ...
  NOHELO: 0x2,
  NOMAIL: 0x4,
  NORCPT: 0x8,
  NOBODY: 0x10,
  NOHDRS: 0x20,
  NOEOH: 0x40,
  NR_HDR: 0x80, // the filter does not answer HEADER (older name: SMFIP_NOHREPL)
  NOUNKNOWN: 0x100,
  NODATA: 0x200,
  SKIP: 0x400, // the MTA understands SMFIR_SKIP
  RCPT_REJ: 0x800, // also send recipients that the MTA rejected
  NR_CONN: 0x1000, // the filter does not answer CONNECT, ...
  NR_HELO: 0x2000,
  NR_MAIL: 0x4000,
  NR_RCPT: 0x8000,
  NR_DATA: 0x10000,
  NR_UNKN: 0x20000,
  NR_EOH: 0x40000,
  NR_BODY: 0x80000,
  HDR_LEADSPC: 0x100000, // header values keep their leading space, in both directions
  MDS_256K: 0x10000000, // body chunks up to 262143 bytes
  MDS_1M: 0x20000000, // body chunks up to 1048575 bytes
  TEST: 0x80000000, // for experiments inside Sendmail
} as const;

/** Bits that libmilter keeps to itself (SMFI_INTERNAL): the two MDS bits and a reserved one. */
export const SMFI_INTERNAL = 0x70000000;

/** Stages of macro lists in an OPTNEG reply (SMFIM_*). Note that EOM comes before EOH. */
export const SMFIM = {
  CONNECT: 0,
  HELO: 1,
  ENVFROM: 2,
  ENVRCPT: 3,
  DATA: 4,
  EOM: 5,
  EOH: 6,
} as const;

/** Actions of version 1; also what an offer of 0 means (libmilter's engine.c). */
export const SMFI_V1_ACTS = 0x0f;
/** Actions of version 2: those of version 1, CHGHDRS and QUARANTINE. */
export const SMFI_V2_ACTS = 0x3f;
/** All actions of version 6. */
export const SMFI_CURR_ACTS = 0x1ff;

/** Protocol flags of version 1; also what an offer of 0 means (libmilter's engine.c). */
export const SMFI_V1_PROT = 0x3f;
/** Protocol flags of version 2: those of version 1 and NOEOH. */
export const SMFI_V2_PROT = 0x7f;
/** All protocol flags of version 6 without the MDS bits. */
export const SMFI_CURR_PROT = 0x1fffff;
