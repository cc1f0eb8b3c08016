import { createHash, createPrivateKey, webcrypto, X509Certificate } from "node:crypto";
import {
  type ConnectionOptions,
  connect,
  createSecureContext,
  type DetailedPeerCertificate,
  type TLSSocket,
} from "node:tls";
import { cryptoProvider, PemConverter, Pkcs10CertificateRequestGenerator } from "@peculiar/x509";
import { OperationalError } from "../../shared/errors.ts";
import { parseAddress } from "../../shared/model/address.ts";
import { isRenewalDue } from "../../shared/model/certificate-life.ts";
import type { Certificate__Output } from "../../shared/wire/generated/telltale/v1/Certificate.ts";
import type { IdentityClient } from "../../shared/wire/generated/telltale/v1/Identity.ts";
import { askOnce } from "../../shared/wire/grpc-ask.ts";
import { fromGrpcError } from "../../shared/wire/grpc-status.ts";
import { parseJoinToken } from "../../shared/wire/join-token.ts";
import { loadTelltale } from "../../shared/wire/proto.ts";
import {
  AGGREGATOR_NAME,
  type ChannelSecurity,
  secureChannel,
  TLS_VERSION,
} from "../../shared/wire/tls.ts";
import { channelSecurity, tlsOf } from "./held-identity.ts";
import { type Membership, putMembership, readMemberships } from "./identity-file.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const TIMEOUT_MS = 20_000;
/** CA certificates of the chain that are looked at for the one the token names. */
const CHAIN_LENGTH_MAX = 4;
const ANSWER_BYTES_MAX = 64 * 1024;

/** Who is to be known to which aggregator. */
type Name = Pick<Membership, "aggregator" | "node">;
/** Where the identity lies, and the time. */
type Place = { readonly dataDirectory: string; readonly nowMs: number };
type Ask = (client: IdentityClient, certificateRequest: Uint8Array) => Promise<Certificate__Output>;

/**
 * Joins an aggregator: the CA is believed because its fingerprint stands in the token, and only then
 * is the token shown. The key never leaves this machine.
 * @throws OperationalError USAGE, UNAVAILABLE, FORBIDDEN with the aggregator's reason, STORAGE
 */
export async function join(name: Name, token: string, place: Place): Promise<Membership> {
  const { secret: tokenSecret, fingerprint } = parseJoinToken(token);
  const { aggregator, node } = name;
  const channel = secureChannel({ ca: await fetchAuthority(aggregator, fingerprint) });
  return await enrol(name, place, channel, (client, certificateRequest) =>
    askOnce(client, client.join, { tokenSecret, node, certificateRequest }, deadlineOf(place)),
  );
}

/**
 * New certificates, for new keys, for what is due.
 * @throws OperationalError as `join`; the first that fails, when all were tried
 */
export async function renewDue(place: Place): Promise<void> {
  let fault: unknown = null;
  for (const due of readMemberships(place.dataDirectory)) {
    if (!isRenewalDue(due, place.nowMs)) continue;
    try {
      await enrol(due, place, channelSecurity(due), (client, certificateRequest) =>
        askOnce(client, client.renew, { certificateRequest }, deadlineOf(place)),
      );
    } catch (error) {
      fault ??= error;
    }
  }
  if (fault !== null) throw fault;
}

function deadlineOf({ nowMs }: Place): { readonly deadline: number } {
  return { deadline: nowMs + TIMEOUT_MS };
}

/** Gets a certificate for a new key and keeps both. */
async function enrol(
  name: Name,
  { dataDirectory, nowMs }: Place,
  channel: ChannelSecurity,
  ask: Ask,
): Promise<Membership> {
  const { Identity } = loadTelltale().v1;
  const client = new Identity(name.aggregator, channel.credentials, {
    ...channel.options,
    "grpc.max_receive_message_length": ANSWER_BYTES_MAX,
    "grpc.enable_http_proxy": 0,
  });
  try {
    const membership = await putMembership(dataDirectory, nowMs, async () => {
      const { privateKeyPem, request } = await newKeyAndRequest();
      const answer = await ask(client, request).catch((error) => {
        throw fromGrpcError(error, name.aggregator);
      });
      return membershipOf(name, privateKeyPem, answer, nowMs);
    });
    await show(membership);
    return membership;
  } finally {
    client.close();
  }
}

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

/** @throws OperationalError PROTOCOL when it is not what was asked for */
function membershipOf(
  { aggregator, node }: Name,
  privateKeyPem: string,
  answer: Certificate__Output,
  nowMs: number,
): Membership {
  try {
    const certificate = new X509Certificate(answer.certificate);
    const isOurs = certificate.checkPrivateKey(createPrivateKey(privateKeyPem));
    createSecureContext({ ca: answer.authorities });
    if (!isOurs || answer.node !== node) throw new Error("it is for another key or node");
    return {
      aggregator,
      node,
      privateKeyPem,
      certificatePem: answer.certificate,
      authoritiesPem: answer.authorities,
      issuedMs: nowMs,
      // biome-ignore lint/style/noRestrictedGlobals: a conversion, reads no clock
      notAfterMs: Date.parse(certificate.validTo),
    };
  } catch (error) {
    const why = `${aggregator} answers with a certificate that is of no use`;
    throw new OperationalError("PROTOCOL", why, { cause: error });
  }
}

/** The CA certificate with this fingerprint, PEM, from the chain that the aggregator presents. */
async function fetchAuthority(aggregator: string, fingerprint: Uint8Array): Promise<string> {
  const socket = await openTls(aggregator, { rejectUnauthorized: false });
  try {
    let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
    for (let i = 0; i < CHAIN_LENGTH_MAX && certificate?.raw !== undefined; i += 1) {
      const hash = createHash("sha256").update(certificate.raw).digest();
      if (hash.equals(fingerprint)) return new X509Certificate(certificate.raw).toString();
      certificate = certificate.issuerCertificate;
    }
  } finally {
    socket.destroy();
  }
  throw new OperationalError(
    "UNAUTHENTICATED",
    `${aggregator} is not the aggregator that made the join token, or its CA is another by now: ask for a new token there`,
  );
}

/** Connects once with what was got: so the aggregator knows that it arrived. */
async function show(membership: Membership): Promise<void> {
  const tls = { ...tlsOf(membership), servername: AGGREGATOR_NAME };
  const socket = await openTls(membership.aggregator, tls);
  // The server checks the certificate after the handshake, and greets only then.
  await new Promise<void>((resolve) => {
    socket.once("data", () => resolve());
    socket.once("close", () => resolve());
  });
  socket.destroy();
}

function openTls(aggregator: string, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...parseAddress(aggregator),
      minVersion: TLS_VERSION,
      ALPNProtocols: ["h2"],
      timeout: TIMEOUT_MS,
      ...options,
    });
    socket.once("secureConnect", () => resolve(socket));
    socket.once("timeout", () => socket.destroy(new Error("no answer in time")));
    socket.on("error", (error) => {
      const why = `${aggregator}: ${error.message} (is TLS on there?)`;
      reject(new OperationalError("UNAVAILABLE", why, { cause: error }));
    });
  });
}
