import { createHash, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { AGGREGATOR_NAME } from "../../shared/wire/tls.ts";
import type { AuthorityRecord } from "./records.ts";

/**
 * The aggregator's own CA: ECDSA over P-256. It signs certificates of two kinds: for the aggregator
 * itself (server authentication) and for nodes (client authentication, the node's name in the URI
 * `telltale://node/NAME`). A node's certificate can thus not pose as the aggregator.
 */
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const AUTHORITY_LIFE_MS = 10 * 365 * 86_400_000;
/** A node's clock may be so far behind the aggregator's and still take a new certificate for good. */
const BACKDATED_MS = 3_600_000;
const REQUEST_BYTES_MAX = 4096;

/** When a certificate is made, and until when it is good. */
type Life = { readonly nowMs: number; readonly notAfterMs: number };

cryptoProvider.set(webcrypto);

export async function createAuthority(nowMs: number): Promise<AuthorityRecord> {
  const keys = await newKeys();
  const notAfterMs = nowMs + AUTHORITY_LIFE_MS;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: `CN=Telltale CA ${randomBytes(4).toString("hex")}`,
    notBefore: dateOf(nowMs - BACKDATED_MS),
    notAfter: dateOf(notAfterMs),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    fingerprint: fingerprintOf(certificate),
    certificatePem: certificate.toString("pem"),
    privateKeyPem: await privateKeyPem(keys.privateKey),
    createdMs: nowMs,
    notAfterMs,
  };
}

/** A key and a certificate for the aggregator itself, good for the names and addresses. */
export async function issueServer(
  authority: AuthorityRecord,
  names: readonly string[],
  life: Life,
): Promise<{ readonly privateKeyPem: string; readonly certificatePem: string }> {
  const keys = await newKeys();
  const all = [AGGREGATOR_NAME, ...names];
  const certificate = await sign(authority, {
    publicKey: keys.publicKey,
    ...life,
    commonName: "Telltale aggregator",
    usage: ExtendedKeyUsage.serverAuth,
    names: all.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
  });
  return {
    certificatePem: certificate.toString("pem"),
    privateKeyPem: await privateKeyPem(keys.privateKey),
  };
}

/**
 * A certificate for the node and the key of the request, of which nothing else is used.
 * @throws OperationalError PARSE when it is no request, or not signed with its own key
 */
export async function issueAgent(
  authority: AuthorityRecord,
  node: string,
  request: Uint8Array,
  life: Life,
): Promise<{ readonly pem: string; readonly fingerprint: string }> {
  const certificate = await sign(authority, {
    publicKey: await requestedKey(request),
    ...life,
    commonName: "Telltale agent",
    usage: ExtendedKeyUsage.clientAuth,
    names: [{ type: "url", value: `telltale://node/${encodeURIComponent(node)}` }],
  });
  return { pem: certificate.toString("pem"), fingerprint: fingerprintOf(certificate) };
}

async function requestedKey(bytes: Uint8Array) {
  if (bytes.length > REQUEST_BYTES_MAX) {
    throw new OperationalError(
      "LIMIT",
      `Certificate request of ${bytes.length} bytes, allowed are ${REQUEST_BYTES_MAX}`,
    );
  }
  try {
    const request = new Pkcs10CertificateRequest(new Uint8Array(bytes));
    const { namedCurve } = request.publicKey.algorithm as { readonly namedCurve?: string };
    if (namedCurve !== "P-256") throw new Error("its key is not ECDSA over P-256");
    if (!(await request.verify())) throw new Error("it is not signed with its own key");
    return request.publicKey;
  } catch (error) {
    const why = `Certificate request: ${errorMessage(error)}`;
    throw new OperationalError("PARSE", why, { cause: error });
  }
}

type Wanted = Life & {
  readonly publicKey: Parameters<typeof X509CertificateGenerator.create>[0]["publicKey"];
  readonly commonName: string;
  readonly usage: string;
  readonly names: JsonGeneralNames;
};

async function sign(authority: AuthorityRecord, wanted: Wanted): Promise<X509Certificate> {
  const issuer = new X509Certificate(authority.certificatePem);
  const der = PemConverter.decodeFirst(authority.privateKeyPem);
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([wanted.usage]),
    new SubjectAlternativeNameExtension(wanted.names),
  ];
  return await X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: `CN=${wanted.commonName}`,
    issuer: issuer.subject,
    notBefore: dateOf(wanted.nowMs - BACKDATED_MS),
    notAfter: dateOf(wanted.notAfterMs),
    signingAlgorithm: ALGORITHM,
    publicKey: wanted.publicKey,
    signingKey: await webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, false, ["sign"]),
    extensions,
  });
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ALGORITHM, true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

function dateOf(timeMs: number) {
  // biome-ignore lint/style/noRestrictedGlobals: a conversion, reads no clock
  return new Date(timeMs);
}

/** 16 random bytes; positive, as RFC 5280 wants it. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function fingerprintOf(certificate: X509Certificate): string {
  return createHash("sha256").update(new Uint8Array(certificate.rawData)).digest("hex");
}
