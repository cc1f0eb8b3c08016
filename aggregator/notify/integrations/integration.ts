/** What every kind of receiver is: a schema of its part of the routing file, and a way to send. */

import type { z } from "zod";
import type { HttpAnswer, HttpRequest } from "../../../shared/platform/http-client.ts";
import type { Clock } from "../../../shared/platform/ports.ts";
import type { Mail } from "../../../shared/platform/send-mail.ts";
import type { Notification } from "../../model/notification.ts";
import type { Globals } from "../config/globals.ts";
import type { NotifyTemplates } from "../templates/notify-templates.ts";

/** What became of one attempt; whatever throws an OperationalError is tried again, too. */
export type SendAnswer = {
  /** `rejected`: the message itself is bad and always will be. */
  readonly outcome: "delivered" | "rejected" | "retry";
  /** For the log, such as `200` or `429: slow down`; without secrets. */
  readonly text: string;
  /** How long the receiver wants to be left alone; null: it does not say. */
  readonly retryAfterMs: number | null;
};

/** One HTTP request. The answer's body is cut at 64 KiB. @throws OperationalError UNAVAILABLE */
export type RequestFn = (request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>;

/**
 * One mail over SMTP. Gives the server's answer, for the log.
 * @throws OperationalError UNAVAILABLE, or PROTOCOL when it is refused for good
 */
export type MailFn = (mail: Mail, signal: AbortSignal) => Promise<string>;

export type SendPorts = {
  readonly request: RequestFn;
  readonly mail: MailFn;
  readonly clock: Clock;
  /** Where this aggregator is reached, without a slash at the end. */
  readonly externalUrl: string;
};

export type Sender = {
  readonly sendsResolved: boolean;
  /** Of one attempt. */
  readonly timeoutMs: number;
  /** Messages a minute that the receiver takes; over it those that wait become one. Null: no limit. */
  readonly perMinuteMax: number | null;
  readonly send: (
    notification: Notification,
    ports: SendPorts,
    signal: AbortSignal,
  ) => Promise<SendAnswer>;
};

/** One entry of a receiver's `…_configs`. */
export type Integration = Sender & {
  readonly receiver: string;
  /** Such as `webhook`. */
  readonly kind: string;
  /** Its entries in the outbox: `RECEIVER/KIND[INDEX]`. */
  readonly queue: string;
  /** Digest of all that it is made of: as long as it is the same, a reload leaves it at work. */
  readonly definition: string;
  /** Made anew with `<secret>` for each secret but URLs: for people who ask what it would send. */
  readonly withoutSecrets: () => Sender;
};

/** What a kind reads its part of the file with. */
export type Reading = {
  readonly receiver: string;
  readonly globals: Globals;
  readonly templates: NotifyTemplates;
  /** The text of a `…_file`. @throws OperationalError */
  readonly readText: (path: string) => string;
  /** A fault of the value at this path below the entry. */
  readonly report: (message: string, path?: readonly (string | number)[]) => void;
};

/** A kind of receiver. Each is one file of this folder. */
export type IntegrationKind<Raw = unknown> = {
  /** Such as `webhook`, of `webhook_configs`. */
  readonly name: string;
  readonly schema: z.ZodType<Raw>;
  /** After a fault that it reported the sender is not used. */
  readonly read: (raw: Raw, reading: Reading) => Sender;
};
