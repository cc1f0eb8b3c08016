import { RE2JS } from "re2js";
import { z } from "zod";
import { errorMessage } from "../../../shared/errors.ts";
import type { IpChoice } from "./probe-config.ts";

const TEXT_LENGTH_MAX = 65_536;
const PATTERN_LENGTH_MAX = 4096;
export const LIST_MAX = 1000;

export const text = z.string().max(TEXT_LENGTH_MAX);

const GO_UNITS_MS: ReadonlyMap<string, number> = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3],
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);
const GO_DURATION = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/;

/** As Go reads one (`1.5s`, `1m30s`), over 0, as milliseconds. */
export const goDuration = z.string().transform((given, context) => {
  let ms = 0;
  if (GO_DURATION.test(given)) {
    for (const [, digits, unit] of given.matchAll(/([\d.]+)([a-zµ]+)/g)) {
      ms += Number(digits) * (GO_UNITS_MS.get(unit ?? "") ?? 0);
    }
  }
  if (ms > 0 && Number.isFinite(ms)) return ms;
  const message = `not a duration over 0: "${given.slice(0, 50)}" (write it as 5s or 1m30s)`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

/** A regular expression of RE2: its time is linear in the text. */
export const pattern = z
  .string()
  .max(PATTERN_LENGTH_MAX)
  .superRefine((given, context) => {
    try {
      RE2JS.compile(given);
    } catch (error) {
      const message = `not a regular expression: ${errorMessage(error)}`;
      context.addIssue({ code: "custom", message });
    }
  });
export const patterns = z.array(pattern).max(LIST_MAX).default([]);

/** The two keys that every prober has. */
export const ipFields = {
  preferred_ip_protocol: z.enum(["", "ip4", "ip6"], { error: "must be ip4 or ip6" }).optional(),
  ip_protocol_fallback: z.boolean().optional(),
};

export function ipChoice(raw: z.infer<z.ZodObject<typeof ipFields>>): IpChoice {
  return {
    preferred: raw.preferred_ip_protocol || "ip6",
    fallsBack: raw.ip_protocol_fallback ?? true,
  };
}
