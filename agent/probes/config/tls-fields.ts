import { z } from "zod";
import { readTlsFields, tlsFields } from "../../../shared/config/prometheus-fields.ts";
import { type ResolvePath, reportTo } from "../../../shared/config/report.ts";
import type { TlsSettings } from "./probe-config.ts";

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
      ...tlsFields,
    })
    .prefault({})
    .transform((raw, context): TlsSettings => {
      const report = reportTo(context);
      const caFile = raw.ca_file ?? null;
      const [certFile, keyFile] = [raw.cert_file ?? null, raw.key_file ?? null];
      if ((certFile === null) !== (keyFile === null)) {
        report("cert_file and key_file are needed together");
      }
      return { caFile, certFile, keyFile, ...readTlsFields(raw, report) };
    });
}
