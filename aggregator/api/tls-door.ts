import { createServer, type Server, type TLSSocket } from "node:tls";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Address } from "../../shared/model/address.ts";
import { bindError } from "../../shared/platform/listen-error.ts";
import { Secret } from "../../shared/secret.ts";
import type { Counter } from "../../shared/telemetry/metrics.ts";
import type { PartDeps } from "../../shared/telemetry/part-deps.ts";
import { sleepUnlessAborted } from "../../shared/time/repeat.ts";
import { TLS_VERSION } from "../../shared/wire/tls.ts";
import type { ServerTls } from "../model/access.ts";
import type { Caller } from "./permission-state.ts";
import type { GatePort } from "./ports.ts";

/**
 * The gRPC port where TLS is on. Agents prove themselves by a certificate, people by a token, which
 * only comes with a call: so a certificate is asked for in the handshake and not demanded. What a
 * caller may do is decided call by call; a connection on which nobody has proved who calls is closed
 * after a few seconds, one that does not speak HTTP/2 at once.
 */
const HANDSHAKE_TIMEOUT_MS = 5000;
/** From the end of the handshake to the first call that is let through. */
const PROOF_TIMEOUT_MS = 5000;
const CONNECTIONS_MAX = 11_000;
/** Connections on which nobody has proved who calls. */
const UNPROVED_MAX = 1000;
/** How often what was revoked or ended meanwhile is looked for. */
const CHECK_EVERY_MS = 1000;
/** A call that is ended may take so long to tell the caller why. */
const FAREWELL_MS = 500;
/** Calls of one connection that its client may take back unanswered, in each window. */
const RESETS_MAX = 100;
const RESET_WINDOW_MS = 10_000;

/** An agent's connection. */
export type AgentPeer = {
  readonly node: string;
  readonly fingerprint: string;
  /** Aborted, with an OperationalError, when its certificate is no longer good. */
  readonly ended: AbortSignal;
};

/** What a connection showed: a certificate of our CA, or why nobody is known by it. */
type Certificate =
  | { readonly kind: "ours"; readonly fingerprint: string }
  | Extract<Caller, { readonly kind: "nobody" }>;

const NO_CERTIFICATE: Certificate = {
  kind: "nobody",
  reason: "no-credentials",
  text: "Neither a certificate nor a token: an agent joins first (telltale-agent join), a person needs --token-file",
};

type Connection = {
  readonly socket: TLSSocket;
  readonly certificate: Certificate;
  readonly openedMs: number;
  readonly end: AbortController;
  isProved: boolean;
  resets: number;
  resetsSinceMs: number;
};

export type DoorDeps = PartDeps & { readonly gate: GatePort };

export class TlsDoor implements AsyncDisposable {
  readonly #deps: DoorDeps;
  readonly #server: Server;
  /** By the peer's address, as grpc-js names it. */
  readonly #connections = new Map<string, Connection>();
  readonly #stop = new AbortController();
  readonly #refused: Counter;
  #tls: ServerTls;
  #unproved = 0;

  /** @param inject takes over a connection */
  constructor(deps: DoorDeps, inject: (socket: TLSSocket) => void) {
    this.#deps = deps;
    this.#tls = deps.gate.serverTls;
    this.#refused = deps.metrics.counter(
      "telltale_grpc_connections_refused_total",
      "Connections to the gRPC port that were refused or cut, by reason.",
    );
    this.#server = createServer({
      ...contextOf(this.#tls),
      minVersion: TLS_VERSION,
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ["h2"],
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    });
    this.#server.maxConnections = CONNECTIONS_MAX;
    this.#server.on("drop", () => this.#refused.add(1, { reason: "too-many" }));
    this.#server.on("tlsClientError", () => this.#refused.add(1, { reason: "handshake" }));
    this.#server.on("secureConnection", (socket) => this.#open(socket, inject));
  }

  /** @returns the port @throws OperationalError IN_USE, CONFIG */
  async listen({ host, port }: Address): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (error) => reject(bindError({ host, port }, error)));
      this.#server.listen(port, host, resolve);
    });
    this.#server.on("error", (error) => {
      this.#deps.logger.error({ error: errorMessage(error) }, "the gRPC port has a fault");
    });
    void this.#watch();
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  /** Who calls. `authorization`: the header of the call; a token goes before a certificate. */
  callerOf(peer: string, authorization: string | undefined): Caller {
    if (authorization !== undefined) return bearerOf(this.#deps.gate, authorization);
    const certificate = this.#connections.get(peer)?.certificate ?? NO_CERTIFICATE;
    if (certificate.kind === "nobody") return certificate;
    const standing = this.#deps.gate.standing(certificate.fingerprint);
    if (standing.kind === "good") return { kind: "agent", node: standing.node };
    return { kind: "nobody", reason: standing.reason, text: standing.text };
  }

  /** A call of the connection was let through. */
  proved(peer: string): void {
    const connection = this.#connections.get(peer);
    if (connection === undefined || connection.isProved) return;
    connection.isProved = true;
    this.#unproved -= 1;
  }

  /** A call was taken back unanswered: too often, and the connection is cut. */
  reset(peer: string): void {
    const connection = this.#connections.get(peer);
    if (connection === undefined) return;
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - connection.resetsSinceMs > RESET_WINDOW_MS) {
      connection.resets = 0;
      connection.resetsSinceMs = nowMs;
    }
    connection.resets += 1;
    if (connection.resets > RESETS_MAX) this.#cut(connection, "resets");
  }

  /** Null where the peer has no good certificate. */
  agentOf(peer: string): AgentPeer | null {
    const connection = this.#connections.get(peer);
    if (connection === undefined || connection.certificate.kind !== "ours") return null;
    const { fingerprint } = connection.certificate;
    const standing = this.#deps.gate.standing(fingerprint);
    if (standing.kind !== "good") return null;
    return { node: standing.node, fingerprint, ended: connection.end.signal };
  }

  /** Takes no more connections. */
  close(): void {
    this.#server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const { socket } of this.#connections.values()) socket.destroy();
    await closed;
  }

  #open(socket: TLSSocket, inject: (socket: TLSSocket) => void): void {
    socket.on("error", () => {}); // "close" follows
    if (socket.alpnProtocol !== "h2" || this.#unproved >= UNPROVED_MAX) {
      this.#refused.add(1, { reason: socket.alpnProtocol === "h2" ? "too-many" : "no-http2" });
      socket.destroy();
      return;
    }
    const { clock, gate, logger } = this.#deps;
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const openedMs = clock.monotonicMs();
    const connection: Connection = {
      socket,
      certificate: certificateOf(socket),
      openedMs,
      end: new AbortController(),
      isProved: false,
      resets: 0,
      resetsSinceMs: openedMs,
    };
    this.#connections.set(peer, connection);
    this.#unproved += 1;
    socket.once("close", () => {
      if (!connection.isProved) this.#unproved -= 1;
      if (this.#connections.get(peer) === connection) this.#connections.delete(peer);
    });
    const { certificate } = connection;
    if (certificate.kind === "ours" && gate.standing(certificate.fingerprint).kind === "good") {
      gate.seen(certificate.fingerprint).catch((error) => {
        logger.error({ error: errorMessage(error) }, "cannot note that a certificate is in use");
      });
    }
    inject(socket);
  }

  async #watch(): Promise<void> {
    const { clock, gate } = this.#deps;
    while (!this.#stop.signal.aborted) {
      if (gate.serverTls !== this.#tls) {
        this.#tls = gate.serverTls;
        this.#server.setSecureContext({ ...contextOf(this.#tls), minVersion: TLS_VERSION });
      }
      for (const connection of this.#connections.values()) this.#check(connection);
      await sleepUnlessAborted(clock, CHECK_EVERY_MS, this.#stop.signal);
    }
  }

  #check(connection: Connection): void {
    const { certificate, isProved, openedMs, end } = connection;
    if (!isProved && this.#deps.clock.monotonicMs() - openedMs >= PROOF_TIMEOUT_MS) {
      this.#cut(connection, "no-proof");
      return;
    }
    if (!isProved || certificate.kind !== "ours" || end.signal.aborted) return;
    const standing = this.#deps.gate.standing(certificate.fingerprint);
    if (standing.kind === "good") return;
    end.abort(new OperationalError("FORBIDDEN", standing.text));
    void this.#deps.clock.sleep(FAREWELL_MS).then(() => this.#cut(connection, standing.reason));
  }

  #cut({ socket, end }: Connection, reason: string): void {
    if (socket.destroyed) return;
    this.#refused.add(1, { reason });
    if (!end.signal.aborted) end.abort(new OperationalError("LIMIT", `Connection cut: ${reason}`));
    socket.destroy();
  }
}

/** Whom an `Authorization: Bearer TOKEN` header stands for. */
export function bearerOf(gate: Pick<GatePort, "personOf">, authorization: string): Caller {
  const [, token] = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization) ?? [];
  const person = token === undefined ? null : gate.personOf(new Secret(token));
  if (person !== null) return { kind: "person", ...person };
  const text = "The token stands for nobody: was the user removed? (telltale-aggregator user list)";
  return { kind: "nobody", reason: "unknown-token", text };
}

function contextOf({ key, cert, ca }: ServerTls) {
  return { key, cert, ca: [...ca] };
}

function certificateOf(socket: TLSSocket): Certificate {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return NO_CERTIFICATE;
  if (!socket.authorized) {
    const text = `The certificate is not one that this aggregator's CA stands for (${socket.authorizationError}): join again`;
    return { kind: "nobody", reason: "bad-certificate", text };
  }
  const fingerprint = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  return { kind: "ours", fingerprint };
}
