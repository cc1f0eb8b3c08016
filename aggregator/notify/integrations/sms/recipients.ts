import { z } from "zod";
import type { Notification } from "../../../model/notification.ts";
import { cutText } from "../http-send.ts";
import type { SendAnswer } from "../integration.ts";
import { sendFields } from "../send-parts.ts";

const TEXT_MAX = 300;
const ANSWER_MAX = 300;

/** Fields of every provider that is given the numbers apart from the text. */
export const smsFields = {
  ...sendFields,
  /** Numbers with their country, as E.164 has them. */
  to: z
    .array(z.string().regex(/^\+?\d{5,15}$/, "must be a phone number such as +14155550100"))
    .min(1)
    .max(100),
};

export const TEXT_DEFAULT = '{{ template "sms.default.text" . }}';

/** One line that a short message has room for. */
export function shortText(text: string): string {
  return cutText(text.replace(/[\p{Cc}\s]+/gu, " ").trim(), TEXT_MAX);
}

/** What became of the message to one number. */
export type Sent = { readonly number: string; readonly answer: SendAnswer };

/**
 * The numbers of an entry, and those that need no further attempt at the notification that is being
 * sent: they got it, or never will. A restart forgets it.
 */
export class Recipients {
  readonly #numbers: readonly string[];
  readonly #settled = new Set<string>();
  #notification = "";

  constructor(numbers: readonly string[]) {
    this.#numbers = [...new Set(numbers)];
  }

  /** @param send gives an answer for each of the numbers */
  async send(
    { groupKey, timeMs }: Notification,
    send: (numbers: readonly string[]) => Promise<readonly Sent[]>,
  ): Promise<SendAnswer> {
    const notification = `${timeMs} ${groupKey}`;
    if (notification !== this.#notification) this.#settled.clear();
    this.#notification = notification;
    const waiting = this.#numbers.filter((number) => !this.#settled.has(number));
    if (waiting.length === 0)
      return { outcome: "delivered", text: "sent before", retryAfterMs: null };
    const sent = await send(waiting);
    for (const { number, answer } of sent) {
      if (answer.outcome !== "retry") this.#settled.add(number);
    }
    return joined(sent.map(({ answer }) => answer));
  }
}

/** Tried again while one number waits; rejected when all are. */
function joined(answers: readonly SendAnswer[]): SendAnswer {
  const outcomes = new Set(answers.map(({ outcome }) => outcome));
  const outcome = (["retry", "delivered"] as const).find((one) => outcomes.has(one)) ?? "rejected";
  const texts = new Set(answers.map(({ text }) => text));
  const waits = answers.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  return {
    outcome,
    text: cutText([...texts].join("; "), ANSWER_MAX),
    retryAfterMs: waits.length === 0 ? null : Math.max(...waits),
  };
}
