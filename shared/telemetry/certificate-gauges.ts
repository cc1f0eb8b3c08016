import type { CertificateLife } from "../model/certificate-life.ts";
import type { Metrics } from "./metrics.ts";

/** Whose certificate it is: a node's, the aggregator's own, or the CA's that signs for nodes. */
type Holder = "node" | "server" | "authority";

/** @returns what tells from when and until when a certificate is good */
export function certificateGauges(
  metrics: Metrics,
): (holder: Holder, life: CertificateLife) => void {
  const notBefore = metrics.gauge(
    "telltale_certificate_not_before_timestamp_seconds",
    "Since when the certificate is good, Unix time.",
  );
  const notAfter = metrics.gauge(
    "telltale_certificate_not_after_timestamp_seconds",
    "Until when the certificate is good, Unix time.",
  );
  return (holder, { issuedMs, notAfterMs }) => {
    notBefore.set(issuedMs / 1000, { holder });
    notAfter.set(notAfterMs / 1000, { holder });
  };
}
