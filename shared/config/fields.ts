import { z } from "zod";
import { errorMessage } from "../errors.ts";
import { type Address, parseAddress } from "../model/address.ts";
import { parseDuration } from "../model/duration.ts";

/** A duration such as `30s`, as milliseconds. */
export const duration = z.union([z.string(), z.literal(0)]).transform((text, context) => {
  try {
    return parseDuration(String(text));
  } catch (error) {
    context.addIssue({ code: "custom", message: errorMessage(error) });
    return z.NEVER;
  }
});

const SIZE_UNITS = new Map([
  ["", 1],
  ["B", 1],
  ["KiB", 1024],
  ["MiB", 1024 ** 2],
  ["GiB", 1024 ** 3],
  ["kB", 1000],
  ["MB", 1000 ** 2],
  ["GB", 1000 ** 3],
]);

/** A size such as `512MiB`, as bytes. */
export const size = z
  .union([z.string(), z.number().int().nonnegative()])
  .transform((text, context) => {
    const [, digits = "", unit = ""] = /^(\d+) ?([A-Za-z]*)$/.exec(String(text)) ?? [];
    const factor = SIZE_UNITS.get(unit);
    if (digits === "" || factor === undefined) {
      context.addIssue({ code: "custom", message: `Not a size: "${text}" (write it as 512MiB)` });
      return z.NEVER;
    }
    return Number(digits) * factor;
  });

/** `HOST:PORT`; an IPv6 host in brackets. */
export const address = z.string().transform((text, context): Address => {
  const parsed = parseAddress(text);
  if (parsed !== null) return parsed;
  context.addIssue({ code: "custom", message: `Not HOST:PORT: "${text}"` });
  return z.NEVER;
});

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
