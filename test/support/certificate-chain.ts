import { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;

/** Somebody who signs: an authority, or one in between. */
export type Signer = {
  readonly cert: string;
  readonly name: string;
  readonly privateKey: webcrypto.CryptoKey;
};

export type ChainOptions = {
  readonly subject: string;
  /** Names and addresses; none: it is an authority. */
  readonly names?: readonly string[];
  readonly days: number;
};

/** A certificate by `signer`, or by itself; PEM texts. */
export async function signedCertificate(
  { subject, names, days }: ChainOptions,
  signer: Signer | null,
): Promise<Signer & { readonly key: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const extensions =
    names === undefined
      ? [new BasicConstraintsExtension(true, 3, true)]
      : [
          new SubjectAlternativeNameExtension(
            names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
          ),
        ];
  const certificate: X509Certificate = await X509CertificateGenerator.create({
    subject,
    issuer: signer?.name ?? subject,
    notBefore: new Date(Date.now() - 40 * DAY_MS),
    notAfter: new Date(Date.now() + days * DAY_MS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: signer?.privateKey ?? keys.privateKey,
    extensions,
  });
  const der = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  const base64 = Buffer.from(der).toString("base64");
  return {
    cert: certificate.toString("pem"),
    name: subject,
    privateKey: keys.privateKey,
    key: `-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n`,
  };
}
