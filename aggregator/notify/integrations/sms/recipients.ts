import { z } from "zod";
import type { Notification } from "../../../model/notification.ts";
import { cutText, oneLine } from "../cut-text.ts";
import { httpFields } from "../http-kind.ts";
import type { SendAnswer } from "../integration.ts";
import { joinedAnswer } from "../send-answer.ts";

const TEXT_MAX = 300;
const NUMBERS_MAX = 100;
/** Whose numbers are remembered; those of older ones may get a text twice. */
const NOTIFICATIONS_MAX = 1000;

/** Fields of every provider that is given the numbers apart from the text. */
export const smsFields = {
  ...httpFields,
  /** Numbers with their country, as E.164 has them. */
  to: z
    .array(z.string().regex(/^\+?\d{5,15}$/, "must be a phone number such as +14155550100"))
    .min(1)
    .max(NUMBERS_MAX),
};

export const TEXT_DEFAULT = '{{ template "sms.default.text" . }}';

/** One line that a short message has room for. */
export function shortText(text: string): string {
  return cutText(oneLine(text), TEXT_MAX);
}

/** What became of the message to one number. */
export type Sent = { readonly number: string; readonly answer: SendAnswer };

/**
 * The numbers of an entry, and for each notification that is being sent those that need no further
 * attempt: they got it, or never will. A restart forgets it.
 */
export class Recipients {
  readonly #numbers: readonly string[];
  /** Several may be under way at once. */
  readonly #settled = new Map<string, Set<string>>();

  constructor(numbers: readonly string[]) {
    this.#numbers = [...new Set(numbers)];
  }

  /**
   * Tried again while one number waits; rejected when all are.
   * @param send gives an answer for each of the numbers; those before a failure count
   */
  async send(
    { groupKey, timeMs }: Notification,
    send: (numbers: readonly string[]) => AsyncIterable<Sent>,
  ): Promise<SendAnswer> {
    const notification = `${timeMs} ${groupKey}`;
    const settled = this.#settledOf(notification);
    const answers: SendAnswer[] = [];
    const waiting = this.#numbers.filter((number) => !settled.has(number));
    for await (const { number, answer } of send(waiting)) {
      if (answer.outcome !== "retry") settled.add(number);
      answers.push(answer);
    }
    const joined = joinedAnswer(answers, "retry");
    if (joined.outcome !== "retry") this.#settled.delete(notification);
    return joined;
  }

  #settledOf(notification: string): Set<string> {
    const settled = this.#settled.get(notification) ?? new Set();
    this.#settled.set(notification, settled);
    const [oldest] = this.#settled.keys();
    if (oldest !== undefined && this.#settled.size > NOTIFICATIONS_MAX) {
      this.#settled.delete(oldest);
    }
    return settled;
  }
}
