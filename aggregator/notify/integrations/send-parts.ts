/** What kinds that speak to chat services share: texts, secrets, answers that say it in the body. */

import { z } from "zod";
import { errorMessage, OperationalError } from "../../../shared/errors.ts";
import type { HttpAnswer } from "../../../shared/platform/http-client.ts";
import { httpConfigSchema } from "../config/http-config.ts";
import { checkedUrl, readSecret } from "../config/read-secret.ts";
import { answerOf, cutBytes, shownAnswer } from "./http-send.ts";
import type { Reading, SendAnswer } from "./integration.ts";
import type { Texts } from "./message-texts.ts";

/** When a service says that we are too fast, and not for how long. */
const LIMITED_MS = 60_000;

/** Fields of every kind that is spoken to over HTTP. */
export const sendFields = {
  send_resolved: z.boolean().default(true),
  http_config: httpConfigSchema.optional(),
};

export const text = z.string().optional();
export const file = z.string().min(1).optional();

/** A text of HTML, whose values are escaped. The others are read by readTexts. */
export function readHtml(reading: Reading, source: string, name: string): Texts<string> {
  const { receiver, templates, report } = reading;
  try {
    const template = templates.compile(source, "html");
    return (notification, { externalUrl, nowMs }) =>
      template(notification, { receiver, externalUrl, nowMs: nowMs() });
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    report(errorMessage(error), [name]);
    return () => "";
  }
}

/** A secret that the entry must have, inline or in a file. */
export function readNeeded<Raw extends object>(
  reading: Reading,
  raw: Raw,
  name: keyof Raw & string,
): string {
  const all = new Map<string, unknown>(Object.entries(raw));
  const [inline, path] = [all.get(name), all.get(`${name}_file`)];
  if (!inline && path === undefined) {
    reading.report(`one of ${name} or ${name}_file must be configured`);
  }
  const [own, ownPath] = [inline, path].map((one) => (typeof one === "string" ? one : undefined));
  return readSecret(reading, own, ownPath, name);
}

export function readNeededUrl<Raw extends object>(
  reading: Reading,
  raw: Raw,
  name: keyof Raw & string,
): string {
  const url = readNeeded(reading, raw, name);
  return url === "" ? url : checkedUrl(reading, url, name);
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
  { rejected, limited }: Codes,
): SendAnswer {
  if (typeof code !== "number") return unclearAnswer(answer);
  if (code === 0) return { outcome: "delivered", text: String(answer.status), retryAfterMs: null };
  const said = typeof message === "string" ? shownAnswer(message) : "";
  return {
    outcome: rejected.includes(code) ? "rejected" : "retry",
    text: said === "" ? String(code) : `${code}: ${said}`,
    retryAfterMs: limited.includes(code) ? LIMITED_MS : answer.retryAfterMs,
  };
}

/** Of a service that says all in its body: a 200 without it comes from something in between. */
export function unclearAnswer(answer: HttpAnswer): SendAnswer {
  const byStatus = answerOf(answer);
  if (byStatus.outcome !== "delivered") return byStatus;
  return { ...byStatus, outcome: "retry", text: `${answer.status}: ${shownAnswer(answer.text)}` };
}

/** Too fast, without a time. */
export function limitedAnswer(said: string): SendAnswer {
  return { outcome: "retry", text: shownAnswer(said), retryAfterMs: LIMITED_MS };
}

/** At most so many bytes as JSON writes it, with its quotes and escapes. */
export function cutJson(source: string, max: number): string {
  let limit = max;
  for (;;) {
    const cut = cutBytes(source, limit);
    const bytes = Buffer.byteLength(JSON.stringify(cut));
    if (bytes <= max) return cut;
    limit = Math.floor((limit * max) / bytes);
  }
}

const ENTITIES = new Map([
  ["lt", "<"],
  ["gt", ">"],
  ["amp", "&"],
  ["quot", '"'],
  ["apos", "'"],
]);

/** HTML without its tags. For a text that is cut, where a tag that stays open would be refused. */
export function plainOfHtml(html: string): string {
  return html.replace(/<[^<>]*>/g, "").replace(/&(#?\w{1,8});/g, (all, name: string) => {
    const [, hex, digits] = /^#(?:x([0-9a-f]+)|(\d+))$/i.exec(name) ?? [];
    const code = hex !== undefined ? Number.parseInt(hex, 16) : Number(digits);
    if (code <= 0x10ffff) return String.fromCodePoint(code);
    return ENTITIES.get(name) ?? all;
  });
}
