/** How long a certificate is good. Times are Unix milliseconds. */
export type CertificateLife = { readonly issuedMs: number; readonly notAfterMs: number };

/** A certificate is renewed when less than this part of its life is left. */
const RENEWAL_PART = 1 / 3;

/** Whether a third of the life or less is left; so also when nothing is. */
export function isRenewalDue({ issuedMs, notAfterMs }: CertificateLife, nowMs: number): boolean {
  return notAfterMs - nowMs <= (notAfterMs - issuedMs) * RENEWAL_PART;
}
