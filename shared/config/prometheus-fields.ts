/** Fields that the configuration files of Prometheus and its exporters have in common. */

import { z } from "zod";
import { type Report, reportTo } from "./report.ts";

/** A key, a certificate, a password: never repeated in an error. */
export const secret = z.string().max(65_536);

const SIZE = /^(\d+(?:\.\d+)?)([KMGTPE]?)i?B$/;
const POWERS = ["", "K", "M", "G", "T", "P", "E"];

/** 10MB is as much as 10MiB. As bytes; 0 needs no unit. */
export const bytes = z.string().transform((given, context) => {
  const [, digits, unit = ""] = SIZE.exec(given) ?? [];
  const size = given === "0" ? 0 : Math.floor(Number(digits) * 1024 ** POWERS.indexOf(unit));
  if (Number.isSafeInteger(size)) return size;
  reportTo(context)(`not a size: "${given.slice(0, 50)}" (write it as 10MB)`);
  return z.NEVER;
});

const TLS_VERSIONS = {
  TLS10: "TLSv1",
  TLS11: "TLSv1.1",
  TLS12: "TLSv1.2",
  TLS13: "TLSv1.3",
} as const;
const NAMES = ["TLS10", "TLS11", "TLS12", "TLS13"] as const;

const tlsVersion = z
  .enum(NAMES, { error: `must be one of ${NAMES.join(", ")}` })
  .transform((name) => TLS_VERSIONS[name]);

/** Keys of `tls_config` besides those that name files. */
export const tlsFields = {
  server_name: z.string().max(65_536).optional(),
  insecure_skip_verify: z.boolean().optional(),
  min_version: tlsVersion.optional(),
  max_version: tlsVersion.optional(),
};

type RawTls = z.infer<z.ZodObject<typeof tlsFields>>;

/** What these keys say. A minimum over the maximum is a fault. */
export function readTlsFields(raw: RawTls, report: Report) {
  const [minVersion, maxVersion] = [raw.min_version ?? null, raw.max_version ?? null];
  if (minVersion !== null && maxVersion !== null && minVersion > maxVersion) {
    report("must not be over max_version", ["min_version"]);
  }
  const skipsVerification = raw.insecure_skip_verify ?? false;
  return { serverName: raw.server_name || null, skipsVerification, minVersion, maxVersion };
}
