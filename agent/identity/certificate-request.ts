import { webcrypto } from "node:crypto";
import { cryptoProvider, PemConverter, Pkcs10CertificateRequestGenerator } from "@peculiar/x509";

/** Only the identity's own process loads this: the library is large. */
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** A new key, PEM, and a request for a certificate for it, DER. */
export async function newKeyAndRequest(): Promise<{ privateKeyPem: string; request: Uint8Array }> {
  cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: "CN=Telltale agent",
    keys,
    signingAlgorithm: ALGORITHM,
  });
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    privateKeyPem: PemConverter.encode(pkcs8, "PRIVATE KEY"),
    request: new Uint8Array(request.rawData),
  };
}
