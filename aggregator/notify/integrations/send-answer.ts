/** What an answer means: by its status, or by a code in its body. */

import { errorMessage, OperationalError } from "../../../shared/errors.ts";
import type { HttpAnswer } from "../../../shared/platform/http-client.ts";
import { cutText, oneLine } from "./cut-text.ts";
import type { SendAnswer } from "./integration.ts";

/**
 * The message itself is bad, and will be. Any other answer may change: a token is put right, a proxy
 * comes back, a route is found.
 */
const FINAL: ReadonlySet<number> = new Set([400, 413, 422]);
const ANSWER_SHOWN_MAX = 200;
const ANSWERS_SHOWN_MAX = 300;
/** When a service says that we are too fast, and not for how long. */
const LIMITED_MS = 60_000;

export function delivered(text: string): SendAnswer {
  return { outcome: "delivered", text, retryAfterMs: null };
}

export function rejected(text: string): SendAnswer {
  return { outcome: "rejected", text, retryAfterMs: null };
}

/** By the status alone, for receivers whose body says no more. */
export function answerOf({ status, text, retryAfterMs }: HttpAnswer): SendAnswer {
  if (status >= 200 && status < 300) return delivered(String(status));
  const shown = shownAnswer(text);
  return {
    outcome: FINAL.has(status) ? "rejected" : "retry",
    text: shown === "" ? String(status) : `${status}: ${shown}`,
    retryAfterMs,
  };
}

/** How an answer begins, on one line. */
export function shownAnswer(text: string): string {
  return cutText(oneLine(text), ANSWER_SHOWN_MAX);
}

/** The members of an answer that is a JSON object; of any other, none. */
export function answerRecord(text: string): Readonly<Record<string, unknown>> {
  try {
    return recordOf(JSON.parse(text));
  } catch {
    return {};
  }
}

/** The members of a value that is an object; of any other, none. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** What a code in a body means; 0 is success, and any other than these may change. */
export type Codes = {
  /** The message itself is bad. */
  readonly rejected: readonly number[];
  /** We are too fast. */
  readonly limited: readonly number[];
};

/** By the code in the body, whatever the status; by the status where there is none. */
export function codeAnswer(
  answer: HttpAnswer,
  { code, message }: { readonly code: unknown; readonly message: unknown },
  codes: Codes,
): SendAnswer {
  if (typeof code !== "number") return unclearAnswer(answer);
  if (code === 0) return delivered(String(answer.status));
  const said = typeof message === "string" ? shownAnswer(message) : "";
  return {
    outcome: codes.rejected.includes(code) ? "rejected" : "retry",
    text: said === "" ? String(code) : `${code}: ${said}`,
    retryAfterMs: codes.limited.includes(code) ? LIMITED_MS : answer.retryAfterMs,
  };
}

/** Of a service that says all in its body: a 200 without it comes from something in between. */
export function unclearAnswer(answer: HttpAnswer): SendAnswer {
  const byStatus = answerOf(answer);
  if (byStatus.outcome !== "delivered") return byStatus;
  return { ...byStatus, outcome: "retry", text: `${answer.status}: ${shownAnswer(answer.text)}` };
}

/**
 * Of a service that answers 200 also when it failed, and says so in the body: with `false` as its member
 * `flag`, and an `error`.
 */
export function bodyErrorAnswer(
  answer: HttpAnswer,
  flag: string,
  final: ReadonlySet<unknown> = new Set(),
): SendAnswer {
  const { [flag]: isDone, error } = answerRecord(answer.text);
  if (answer.status !== 200 || isDone !== false) return answerOf(answer);
  const outcome = final.has(error) ? "rejected" : "retry";
  return { outcome, text: shownAnswer(`200: ${error}`), retryAfterMs: answer.retryAfterMs };
}

/** Too fast, without a time. */
export function limitedAnswer(said: string): SendAnswer {
  return { outcome: "retry", text: shownAnswer(said), retryAfterMs: LIMITED_MS };
}

/** No answer. Throws on what is not expected. */
export function failedAnswer(error: unknown): SendAnswer {
  if (!(error instanceof OperationalError)) throw error;
  return { outcome: "retry", text: errorMessage(error), retryAfterMs: null };
}

/**
 * Several answers as one, with the longest wait.
 * @param first the outcome that counts when only some have it; rejected is what all are
 */
export function joinedAnswer(
  answers: readonly SendAnswer[],
  first: "delivered" | "retry",
): SendAnswer {
  const outcomes = new Set(answers.map(({ outcome }) => outcome));
  const order = [first, "delivered", "retry"] as const;
  const waitsMs = answers.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  return {
    outcome: order.find((one) => outcomes.has(one)) ?? "rejected",
    text: cutText([...new Set(answers.map(({ text }) => text))].join("; "), ANSWERS_SHOWN_MAX),
    retryAfterMs: waitsMs.length === 0 ? null : Math.max(...waitsMs),
  };
}
