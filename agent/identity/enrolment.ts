import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import {
  type ConnectionOptions,
  connect,
  createSecureContext,
  type DetailedPeerCertificate,
  type TLSSocket,
} from "node:tls";
import {
  type CallOptions,
  type ClientUnaryCall,
  credentials,
  type requestCallback,
} from "@grpc/grpc-js";
import { OperationalError } from "../../shared/errors.ts";
import { type Address, formatAddress } from "../../shared/model/address.ts";
import { isRenewalDue } from "../../shared/model/certificate-life.ts";
import type { Certificate__Output } from "../../shared/wire/generated/telltale/v1/Certificate.ts";
import type { IdentityClient } from "../../shared/wire/generated/telltale/v1/Identity.ts";
import { fromGrpcError } from "../../shared/wire/grpc-status.ts";
import { parseJoinToken } from "../../shared/wire/join-token.ts";
import { loadTelltale } from "../../shared/wire/proto.ts";
import { AGGREGATOR_NAME, TLS_CHANNEL_OPTIONS, TLS_VERSION } from "../../shared/wire/tls.ts";
import { newKeyAndRequest } from "./certificate-request.ts";
import { type ChannelSecurity, channelSecurity } from "./held-identity.ts";
import { changeMemberships, type Membership, readMemberships } from "./identity-file.ts";

const TIMEOUT_MS = 20_000;
/** CA certificates of the chain that are looked at for the one the token names. */
const CHAIN_LENGTH_MAX = 4;
const ANSWER_BYTES_MAX = 64 * 1024;

/**
 * Joins an aggregator: the CA is believed because its fingerprint stands in the token, and only then
 * is the token shown. The key never leaves this machine.
 * @throws OperationalError USAGE, UNAVAILABLE, FORBIDDEN with the aggregator's reason, STORAGE
 */
export async function join(
  aggregator: Address,
  token: string,
  node: string,
  place: { readonly dataDirectory: string; readonly nowMs: number },
): Promise<Membership> {
  const { secret, fingerprint } = parseJoinToken(token);
  const name = formatAddress(aggregator);
  const authority = await fetchAuthority(aggregator, fingerprint);
  let joined: Membership | null = null;
  await changeMemberships(place.dataDirectory, place.nowMs, async (before) => {
    const { privateKeyPem, request } = await newKeyAndRequest();
    const context = createSecureContext({ ca: authority, minVersion: TLS_VERSION });
    const security = {
      credentials: credentials.createFromSecureContext(context),
      options: TLS_CHANNEL_OPTIONS,
    };
    const answer = await ask(name, security, place.nowMs, (client) => client.join, {
      tokenSecret: secret,
      node,
      certificateRequest: request,
    });
    joined = membershipOf(name, node, privateKeyPem, answer, place.nowMs);
    return [...before.filter((one) => one.aggregator !== name), joined];
  });
  if (joined === null) throw new Error("the change ran");
  await show(joined, aggregator);
  return joined;
}

/**
 * New certificates, for new keys, for what is due.
 * @throws OperationalError as `join`; the first that fails, when all were tried
 */
export async function renewDue(dataDirectory: string, nowMs: number): Promise<void> {
  let fault: unknown = null;
  for (const due of readMemberships(dataDirectory).filter((one) => isRenewalDue(one, nowMs))) {
    try {
      await renew(due, dataDirectory, nowMs);
    } catch (error) {
      fault ??= error;
    }
  }
  if (fault !== null) throw fault;
}

async function renew(due: Membership, dataDirectory: string, nowMs: number): Promise<void> {
  let renewed = due;
  await changeMemberships(dataDirectory, nowMs, async (before) => {
    const { privateKeyPem, request } = await newKeyAndRequest();
    const { aggregator, node } = due;
    const answer = await ask(aggregator, channelSecurity(due), nowMs, (client) => client.renew, {
      certificateRequest: request,
    });
    renewed = membershipOf(aggregator, node, privateKeyPem, answer, nowMs);
    return before.map((one) => (one.aggregator === aggregator ? renewed : one));
  });
  const [, host = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(renewed.aggregator) ?? [];
  await show(renewed, { host, port: Number(port) });
}

type Method<In, Out> = (request: In, callback: requestCallback<Out>) => ClientUnaryCall;
type MethodWithOptions<In, Out> = (
  request: In,
  options: CallOptions,
  callback: requestCallback<Out>,
) => ClientUnaryCall;

async function ask<In>(
  aggregator: string,
  security: ChannelSecurity,
  nowMs: number,
  methodOf: (client: IdentityClient) => Method<In, Certificate__Output>,
  request: In,
): Promise<Certificate__Output> {
  const { Identity } = loadTelltale().v1;
  const client = new Identity(aggregator, security.credentials, {
    ...security.options,
    "grpc.max_receive_message_length": ANSWER_BYTES_MAX,
    "grpc.enable_http_proxy": 0,
  });
  const method = methodOf(client) as unknown as MethodWithOptions<In, Certificate__Output>;
  try {
    return await new Promise((resolve, reject) => {
      method.call(client, request, { deadline: nowMs + TIMEOUT_MS }, (error, answer) => {
        if (error !== null) reject(fromGrpcError(error, aggregator));
        else if (answer !== undefined) resolve(answer);
      });
    });
  } finally {
    client.close();
  }
}

/** @throws OperationalError PROTOCOL when it is not what was asked for */
function membershipOf(
  aggregator: string,
  node: string,
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
async function fetchAuthority(aggregator: Address, fingerprint: Uint8Array): Promise<string> {
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
    `${formatAddress(aggregator)} is not the aggregator that made the join token, or its CA is another by now: ask for a new token there`,
  );
}

/** Connects once with what was got: so the aggregator knows that it arrived. */
async function show(membership: Membership, aggregator: Address): Promise<void> {
  const socket = await openTls(aggregator, {
    key: membership.privateKeyPem,
    cert: membership.certificatePem,
    ca: membership.authoritiesPem,
    servername: AGGREGATOR_NAME,
  });
  // The server checks the certificate after the handshake, and greets only then.
  await new Promise<void>((resolve) => {
    socket.once("data", () => resolve());
    socket.once("close", () => resolve());
  });
  socket.destroy();
}

function openTls({ host, port }: Address, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      minVersion: TLS_VERSION,
      ALPNProtocols: ["h2"],
      timeout: TIMEOUT_MS,
      ...options,
    });
    socket.once("secureConnect", () => resolve(socket));
    socket.once("timeout", () => socket.destroy(new Error("no answer in time")));
    socket.on("error", (error) => {
      const why = `${formatAddress({ host, port })}: ${error.message} (is TLS on there?)`;
      reject(new OperationalError("UNAVAILABLE", why, { cause: error }));
    });
  });
}
