/**
 * Where Postern differs from libmilter on purpose, and why. A test that meets a difference names
 * it here and says what either side does; docs/reference/libmilter.md has the same names.
 */
export const DIFFERENCES = {
  'discard at rcpt ends the message':
    'Postern takes DISCARD for the end of the message, as it is for the MTA. libmilter goes on with it, so that the ABORT of the MTA reaches the abort callback.',
  'content is judged at its end':
    'What header, eoh and body handlers decide is the reply to the end of the message, and the MTA is told to go on until then, or to skip the rest of the body: the SMTP client hears of nothing earlier in any case. A message that is given up in between is followed by abort.',
  'one write for the end of a message':
    'Changes and the last reply leave together. libmilter writes each packet by itself, which costs 40 ms on TCP.',
  'misplaced verdicts fail the filter':
    'A verdict that no MTA understands in that phase is an error of the author: logged, and answered with onError. libmilter sends it as it is.',
  'no changes to what is refused':
    'What a filter changed in a message that it refuses or discards is of no use to the MTA and is not sent.',
  'changes in one order':
    'Envelope, headers, quarantine, body, whatever the order of the calls: Postfix does not take anything between the parts of a body, and several filters make one list.',
  'the last one counts':
    'Of several senders or bodies the MTA gets the last one; it would append one body to the other. Reasons of quarantine are joined, since the MTA keeps one.',
  'signs of life are rare': 'PROGRESS restarts a timer of minutes: one a second is enough.',
  'header plan':
    'The MTA is told the way from the headers that came to those that shall be, in steps that mean the same on every MTA.',
  'no accidents with headers':
    'An empty value leaves an empty header, a line break cannot begin another header, folds are LF, long lines are folded, text beyond ASCII is encoded unless the message allows UTF-8.',
  'arguments outlive the sender':
    'A new sender with arguments keeps BODY, RET and ENVID of the old one. With libmilter that depends on the MTA: Sendmail forgets them.',
  'addresses as the MTA knows them':
    'Addresses have their brackets, and a recipient is deleted by the very string of its RCPT command.',
  'macros end with their message':
    'Outside of a message, and in the next one, session.macro() does not find what concerned the last one. libmilter forgets only when the next MAIL or RCPT comes and the MTA sends new macros with it.',
  'macros belong to their command':
    'A recipient without macros has none. libmilter shows it those of the recipient before, and shows abort those of the HELO that gives the message up.',
  'what is empty is undefined': 'session.macro() never gives an empty text.',
  'headers come together':
    'The header handlers run when all headers are there, in one crossing to the runner: headers of a message that is given up before are not shown.',
  'abort is for messages':
    'The abort handler runs once for a message that has begun and has not ended. libmilter also runs it where there is none, after UNKNOWN or where MAIL is not sent.',
  'an unknown command ends nothing':
    'UNKNOWN concerns itself. For libmilter it ends a message whose DATA has come, and hides one that has just begun from the end of the stream.',
  'texts are texts':
    'Names and addresses are strings: UTF-8 where the bytes are UTF-8, else Latin-1. The bytes of a header are in header.raw, and go back to the MTA as they were.',
  'asks for less':
    'Content is not waited for, and what a filter may only look at (client, greeting, envelope, headers) comes without replies. libmilter waits for each event that has a callback and switches off the others.',
  'DATA is answered':
    'DATA is answered even if no filter handles it: without a reply between envelope and content TCP holds the content of a message back for 40 ms.',
  'works with what is offered':
    'A change that the MTA did not offer fails when a filter asks for it, and events that cannot be switched off are answered. libmilter closes the connection.',
  'no session, no close':
    'Where nothing was negotiated no filter hears of it; libmilter runs the close callback.',
  'answers instead of ignoring':
    'A command out of its order is taken for what it says, or answered CONTINUE. libmilter ignores it without a reply, and an MTA that waits for one is stuck.',
  'satisfied is satisfied':
    'A filter that accepted the connection hears of nothing but its end, even if the MTA goes on.',
  'QUIT_NC in every state':
    'QUIT_NC ends the SMTP connection whenever it comes. libmilter ignores it but after a finished message or UNKNOWN, and then the next CONNECT as well.',
  'closes instead of ignoring':
    'A command that shows that both ends no longer agree where they are closes the connection, so that the MTA applies its policy at once.',
  'lenient where nothing is lost':
    'What an MTA gets slightly wrong, or longer than libmilter takes it, is understood.',
} as const satisfies Readonly<Record<string, string>>;

export type DifferenceName = keyof typeof DIFFERENCES;

/** What either side does where they differ; what is not said here has to be the same. */
export interface Difference {
  readonly name: DifferenceName;
  /** A step of the script, or several, and the replies that it gets. */
  readonly at?: string | readonly string[];
  readonly libmilter?: readonly string[];
  readonly postern?: readonly string[];
  /** Lines of the filters' journals that only one of them has, in order. */
  readonly onlyLibmilter?: readonly string[];
  readonly onlyPostern?: readonly string[];
  /** In lines of libmilter's journal that begin so, macros that Postern's filter does not find. */
  readonly forgets?: { readonly lines: readonly string[]; readonly macros: readonly string[] };
  /** With these offers only. */
  readonly offers?: readonly string[];
}
