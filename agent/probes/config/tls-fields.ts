import { z } from "zod";
import type { TlsSettings } from "./probe-config.ts";
import { text } from "./scalar-fields.ts";

/** A path that is not absolute is one below the folder of the file that names it. */
export type ResolvePath = (path: string) => string;

const TLS_VERSIONS = {
  TLS10: "TLSv1",
  TLS11: "TLSv1.1",
  TLS12: "TLSv1.2",
  TLS13: "TLSv1.3",
} as const;
const NAMES = ["TLS10", "TLS11", "TLS12", "TLS13"] as const;
const version = z
  .enum(NAMES, { error: `must be one of ${NAMES.join(", ")}` })
  .transform((name) => TLS_VERSIONS[name]);

export function pathField(resolve: ResolvePath) {
  return z
    .string()
    .max(4096)
    .transform((path) => (path === "" ? null : resolve(path)));
}

/** `tls_config` */
export function tlsField(resolve: ResolvePath) {
  const path = pathField(resolve);
  return z
    .strictObject({
      ca_file: path.optional(),
      cert_file: path.optional(),
      key_file: path.optional(),
      server_name: text.optional(),
      insecure_skip_verify: z.boolean().optional(),
      min_version: version.optional(),
      max_version: version.optional(),
    })
    .prefault({})
    .transform((raw, context): TlsSettings => {
      const settings = {
        caFile: raw.ca_file ?? null,
        certFile: raw.cert_file ?? null,
        keyFile: raw.key_file ?? null,
        serverName: raw.server_name || null,
        skipsVerification: raw.insecure_skip_verify ?? false,
        minVersion: raw.min_version ?? null,
        maxVersion: raw.max_version ?? null,
      };
      const { certFile, keyFile, minVersion, maxVersion } = settings;
      if ((certFile === null) !== (keyFile === null)) {
        context.addIssue({ code: "custom", message: "cert_file and key_file are needed together" });
      }
      if (minVersion !== null && maxVersion !== null && minVersion > maxVersion) {
        context.addIssue({ code: "custom", message: "min_version is over max_version" });
      }
      return settings;
    });
}
