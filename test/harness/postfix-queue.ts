/** What Postfix has in its queues. */

/** One message in a queue. */
export type QueueEntry = {
  /** `active`, `deferred`, `hold`, `incoming` or `maildrop`. */
  readonly queueName: string;
  readonly queueId: string;
  readonly arrivalTime: Date;
  readonly messageSize: number;
  readonly sender: string;
  readonly recipients: readonly QueuedRecipient[];
};

/** Somebody who still has to get the message. */
export type QueuedRecipient = {
  readonly address: string;
  /** Why it was not delivered, in the deferred queue. */
  readonly delayReason: string | undefined;
};

/** Reads the output of `postqueue -j`: a JSON object a line, in no order that is promised. */
export function parseQueue(output: string): readonly QueueEntry[] {
  const lines = output.split('\n').filter((line) => line !== '');
  return lines.map((line) => queueEntry(JSON.parse(line)));
}

type PostqueueEntry = {
  readonly queue_name: string;
  readonly queue_id: string;
  readonly arrival_time: number;
  readonly message_size: number;
  readonly sender: string;
  readonly recipients: readonly { readonly address: string; readonly delay_reason?: string }[];
};

function queueEntry(entry: PostqueueEntry): QueueEntry {
  return {
    queueName: entry.queue_name,
    queueId: entry.queue_id,
    arrivalTime: new Date(entry.arrival_time * 1000),
    messageSize: entry.message_size,
    sender: entry.sender,
    recipients: entry.recipients.map(({ address, delay_reason }) => ({
      address,
      delayReason: delay_reason,
    })),
  };
}
