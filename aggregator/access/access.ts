import { randomBytes } from "node:crypto";
import { OperationalError } from "../../shared/errors.ts";
import { isRenewalDue } from "../../shared/model/certificate-life.ts";
import type { Role } from "../../shared/model/role.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { Secret } from "../../shared/secret.ts";
import { certificateGauges } from "../../shared/telemetry/certificate-gauges.ts";
import type { Counter } from "../../shared/telemetry/metrics.ts";
import type { StoredPartDeps } from "../../shared/telemetry/part-deps.ts";
import { formatJoinToken, TOKEN_SECRET_BYTES } from "../../shared/wire/join-token.ts";
import type { Person, ServerTls, Standing } from "../model/access.ts";
import { finishedAuthorities, joinFault, newestByNode, standingOf } from "./access-state.ts";
import { createAuthority, issueAgent, issueServer } from "./authority.ts";
import {
  AccessRecords,
  type AgentRecord,
  type AuthorityRecord,
  type Change,
  type JoinTokenRecord,
  type UserRecord,
} from "./records.ts";
import { checkedNode, checkedTtl, checkedUserName } from "./requests.ts";
import { secretHash } from "./secret-hash.ts";
import { Sessions } from "./sessions.ts";

export type AccessOptions = {
  /** Names and addresses the aggregator is reached by. */
  readonly names: readonly string[];
  /** How long an agent's certificate is good. */
  readonly certificateLifeMs: number;
};

type Issued = { readonly certificate: string; readonly authorities: string; readonly node: string };

const SERVER_LIFE_MS = 30 * 86_400_000;
const JOIN_TOKENS_MAX = 10_000;
const USERS_MAX = 1000;
const CERTIFICATES_MAX = 100_000;
/** A used or expired token is remembered so long, to say which of the two it is. */
const TOKEN_REMEMBERED_MS = 7 * 86_400_000;
/** So long one that ended is refused as ended, not as unknown. */
const CERTIFICATE_REMEMBERED_MS = 3_600_000;
const USER_TOKEN_BYTES = 32;

/** The aggregator's CA, join tokens, agents' certificates and users. */
export class Access {
  readonly #records: AccessRecords;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #options: AccessOptions;
  readonly #joins: Counter;
  readonly sessions: Sessions;
  readonly #measure: ReturnType<typeof certificateGauges>;
  #userByHash = new Map<string, UserRecord>();
  #server: { tls: ServerTls; signer: string; issuedMs: number; notAfterMs: number } | null = null;

  private constructor(records: AccessRecords, deps: StoredPartDeps, options: AccessOptions) {
    this.#records = records;
    this.sessions = new Sessions(records, deps);
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#options = options;
    this.#measure = certificateGauges(deps.metrics);
    this.#joins = deps.metrics.counter(
      "telltale_access_joins_total",
      "Agents that asked for a first certificate, by outcome.",
    );
    this.#joins.add(0, { outcome: "joined" });
    this.#indexUsers();
  }

  /** Makes the CA where there is none yet. @throws OperationalError STORAGE */
  static async open(deps: StoredPartDeps, options: AccessOptions): Promise<Access> {
    const access = new Access(await AccessRecords.load(deps.store), deps, options);
    if (access.#authorities().length === 0) await access.#addAuthority(0);
    await access.upkeep();
    return access;
  }

  /** Changes its identity when there is something new to present or to believe. */
  get serverTls(): ServerTls {
    if (this.#server === null) throw new Error("upkeep has not run yet");
    return this.#server.tls;
  }

  /** To be called every few seconds: forgets what has ended, renews what is due. */
  async upkeep(): Promise<void> {
    const nowMs = this.#clock.nowMs();
    let finished: readonly AuthorityRecord[] = [];
    await this.#records.change(() => {
      const agents = this.#records.all("agent");
      finished = finishedAuthorities(this.#authorities(), agents, nowMs);
      const tokens = this.#records.all("join-token");
      return [
        ...finished.map(({ fingerprint }) => gone("authority", fingerprint)),
        ...agents
          .filter(({ notAfterMs }) => nowMs > notAfterMs + CERTIFICATE_REMEMBERED_MS)
          .map(({ fingerprint }) => gone("agent", fingerprint)),
        ...tokens
          .filter(({ expiresMs }) => nowMs > expiresMs + TOKEN_REMEMBERED_MS)
          .map(({ hash }) => gone("join-token", hash)),
        ...this.sessions.expired(nowMs),
      ];
    });
    for (const { fingerprint } of finished)
      this.#logger.info({ fingerprint }, "an old CA has gone");
    await this.#refreshServer(nowMs, finished.length > 0);
    if (this.#server !== null) this.#measure("server", this.#server);
    const signer = this.#authorities().at(-1);
    if (signer === undefined) return;
    this.#measure("authority", { issuedMs: signer.createdMs, notAfterMs: signer.notAfterMs });
  }

  /** How the certificate with this SHA-256 stands; that our CA signed it, TLS has checked. */
  standing(fingerprint: string): Standing {
    return standingOf(this.#records.of("agent").get(fingerprint), this.#clock.nowMs());
  }

  /** The node has connected with the certificate. */
  async seen(fingerprint: string): Promise<void> {
    await this.#records.change(() => {
      const record = this.#records.of("agent").get(fingerprint);
      if (record === undefined || record.seenMs > 0) return [];
      const value = { ...record, seenMs: this.#clock.nowMs() };
      return [{ kind: "agent", key: fingerprint, value }];
    });
  }

  /** Whom a bearer token stands for; null: nobody. */
  personOf(token: Secret): Person | null {
    const user = this.#userByHash.get(secretHash(token.reveal()));
    return user === undefined ? null : { name: user.name, role: user.role };
  }

  /** @throws OperationalError USAGE, LIMIT, STORAGE */
  async createJoinToken(
    node: string,
    ttlMs: number,
  ): Promise<{ readonly token: Secret; readonly expiresMs: number }> {
    if (node !== "") checkedNode(node);
    const expiresMs = this.#clock.nowMs() + checkedTtl(ttlMs);
    requireRoom(this.#records.of("join-token").size, JOIN_TOKENS_MAX, "join tokens");
    const secret = randomBytes(TOKEN_SECRET_BYTES);
    const hash = secretHash(secret);
    const value = { hash, node, expiresMs, usedMs: 0, usedBy: "" };
    await this.#records.change(() => [{ kind: "join-token", key: hash, value }]);
    const fingerprint = Buffer.from(this.#server?.signer ?? "", "hex");
    return { token: new Secret(formatJoinToken({ secret, fingerprint })), expiresMs };
  }

  /**
   * A first certificate. The token is used up, on the disk, before the certificate is given.
   * @throws OperationalError FORBIDDEN naming why the token or the name does not do, PARSE for the
   * certificate request
   */
  async join(secret: Uint8Array, node: string, request: Uint8Array): Promise<Issued> {
    checkedNode(node);
    const hash = secretHash(secret);
    this.#redeemed(hash, node); // before a stranger makes us sign anything
    const issued = await this.#issue(node, request, () => {
      return [{ kind: "join-token", key: hash, value: this.#redeemed(hash, node) }];
    });
    this.#joins.add(1, { outcome: "joined" });
    this.#logger.info({ node }, "an agent joined");
    return issued;
  }

  /** The token's record once the node has joined with it. @throws OperationalError FORBIDDEN */
  #redeemed(hash: string, node: string): JoinTokenRecord {
    const record = this.#records.of("join-token").get(hash);
    const nowMs = this.#clock.nowMs();
    const fault = joinFault(record, node, this.#hasCertificate(node), nowMs);
    if (fault === null && record !== undefined) return { ...record, usedMs: nowMs, usedBy: node };
    const { reason, text } = fault ?? { reason: "unknown", text: "" };
    this.#joins.add(1, { outcome: reason });
    this.#logger.warn({ node, reason }, "an agent's join was refused");
    throw new OperationalError("FORBIDDEN", text);
  }

  /**
   * A new certificate for the node whose certificate this is.
   * @throws OperationalError FORBIDDEN when that was revoked meanwhile
   */
  async renew(fingerprint: string, request: Uint8Array): Promise<Issued> {
    const node = this.#nodeOf(fingerprint);
    const issued = await this.#issue(node, request, () => {
      this.#nodeOf(fingerprint);
      return [];
    });
    this.#logger.info({ node }, "an agent's certificate was renewed");
    return issued;
  }

  /** Each node's newest certificate. */
  agents(): AgentRecord[] {
    const newest = newestByNode(this.#records.all("agent"));
    return newest.sort((a, b) => a.node.localeCompare(b.node, "en"));
  }

  /** @returns the number of certificates that were ended @throws OperationalError NOT_FOUND */
  async revoke(node: string): Promise<number> {
    const nowMs = this.#clock.nowMs();
    let count = 0;
    await this.#records.change(() => {
      const agents = this.#records.all("agent").filter((one) => one.node === node);
      if (agents.length === 0) {
        throw new OperationalError("NOT_FOUND", `No certificate of node ${JSON.stringify(node)}`);
      }
      const inForce = agents.filter((one) => standingOf(one, nowMs).kind === "good");
      count = inForce.length;
      return inForce.map((one) => {
        return { kind: "agent", key: one.fingerprint, value: { ...one, revokedMs: nowMs } };
      });
    });
    this.#logger.warn({ node, certificates: count }, "a node was revoked");
    return count;
  }

  /** @throws OperationalError USAGE, IN_USE, LIMIT, STORAGE */
  async addUser(name: string, role: Role): Promise<Secret> {
    checkedUserName(name);
    const token = `ttu_${randomBytes(USER_TOKEN_BYTES).toString("base64url")}`;
    await this.#records.change(() => {
      if (this.#records.of("user").has(name)) {
        throw new OperationalError("IN_USE", `There is a user ${name} already`);
      }
      requireRoom(this.#records.of("user").size, USERS_MAX, "users");
      const value = { name, role, hash: secretHash(token), createdMs: this.#clock.nowMs() };
      return [{ kind: "user", key: name, value }];
    });
    this.#indexUsers();
    this.#logger.info({ user: name, role }, "a user was added");
    return new Secret(token);
  }

  /** @throws OperationalError NOT_FOUND, STORAGE */
  async removeUser(name: string): Promise<void> {
    await this.#records.change(() => {
      if (this.#records.of("user").has(name)) {
        return [gone("user", name), ...this.sessions.endedOf(name)];
      }
      throw new OperationalError("NOT_FOUND", `No user ${JSON.stringify(name)}`);
    });
    this.#indexUsers();
    this.#logger.info({ user: name }, "a user was removed");
  }

  users(): UserRecord[] {
    return this.#records.all("user").sort((a, b) => a.name.localeCompare(b.name, "en"));
  }

  /** A new CA beside the one in force: it signs agents' certificates from now on. */
  async rotate(): Promise<void> {
    await this.#addAuthority(1);
    await this.#refreshServer(this.#clock.nowMs(), true);
  }

  /** Oldest first, with the number of nodes whose newest certificate each has signed. */
  authorities(): { readonly authority: AuthorityRecord; readonly agents: number }[] {
    const nowMs = this.#clock.nowMs();
    const inForce = this.agents().filter((one) => standingOf(one, nowMs).kind === "good");
    return this.#authorities().map((authority) => ({
      authority,
      agents: inForce.filter((one) => one.authority === authority.fingerprint).length,
    }));
  }

  #authorities(): AuthorityRecord[] {
    const all = this.#records.all("authority");
    return all.sort((a, b) => a.createdMs - b.createdMs);
  }

  /** @throws OperationalError IN_USE when there are more than `beside` already */
  async #addAuthority(beside: number): Promise<void> {
    const value = await createAuthority(this.#clock.nowMs());
    await this.#records.change(() => {
      if (this.#records.of("authority").size <= beside) {
        return [{ kind: "authority", key: value.fingerprint, value }];
      }
      throw new OperationalError(
        "IN_USE",
        "A rotation is under way: it ends when every agent has renewed its certificate (telltale-aggregator ca list)",
      );
    });
    this.#logger.info({ fingerprint: value.fingerprint }, "a CA was made");
  }

  /**
   * The aggregator proves itself by its oldest CA, which every agent believes; agents learn of a new
   * one when they renew.
   */
  async #refreshServer(nowMs: number, isTrustChanged: boolean): Promise<void> {
    const isDue = this.#server === null || isRenewalDue(this.#server, nowMs);
    if (!isDue && !isTrustChanged) return;
    const authorities = this.#authorities();
    const signer = authorities[0];
    if (signer === undefined) throw new Error("there is always a CA");
    const notAfterMs = Math.min(nowMs + SERVER_LIFE_MS, signer.notAfterMs);
    const own = await issueServer(signer, this.#options.names, { nowMs, notAfterMs });
    const tls = {
      key: own.privateKeyPem,
      cert: `${own.certificatePem}\n${signer.certificatePem}\n`,
      ca: authorities.map(({ certificatePem }) => certificatePem),
    };
    this.#server = { tls, signer: signer.fingerprint, issuedMs: nowMs, notAfterMs };
  }

  /** @param also decided on and written together with the certificate's record */
  async #issue(node: string, request: Uint8Array, also: () => readonly Change[]): Promise<Issued> {
    const nowMs = this.#clock.nowMs();
    requireRoom(this.#records.of("agent").size, CERTIFICATES_MAX, "certificates");
    const authorities = this.#authorities();
    const signer = authorities.at(-1);
    if (signer === undefined) throw new Error("there is always a CA");
    const notAfterMs = Math.min(nowMs + this.#options.certificateLifeMs, signer.notAfterMs);
    const issued = await issueAgent(signer, node, request, { nowMs, notAfterMs });
    const value: AgentRecord = {
      fingerprint: issued.fingerprint,
      node,
      authority: signer.fingerprint,
      issuedMs: nowMs,
      notAfterMs,
      revokedMs: 0,
      seenMs: 0,
    };
    await this.#records.change(() => {
      return [...also(), { kind: "agent", key: issued.fingerprint, value }];
    });
    const trusted = authorities.map(({ certificatePem }) => `${certificatePem}\n`).join("");
    return { certificate: issued.pem, authorities: trusted, node };
  }

  /** @throws OperationalError FORBIDDEN */
  #nodeOf(fingerprint: string): string {
    const standing = this.standing(fingerprint);
    if (standing.kind === "good") return standing.node;
    throw new OperationalError("FORBIDDEN", standing.text);
  }

  #hasCertificate(node: string): boolean {
    const nowMs = this.#clock.nowMs();
    const agents = this.#records.all("agent");
    return agents.some((one) => one.node === node && standingOf(one, nowMs).kind === "good");
  }

  #indexUsers(): void {
    this.#userByHash = new Map(this.#records.all("user").map((one) => [one.hash, one]));
  }
}

function gone(kind: Change["kind"], key: string): Change {
  return { kind, key, value: null };
}

function requireRoom(count: number, max: number, what: string): void {
  if (count < max) return;
  throw new OperationalError("LIMIT", `There are ${max} ${what} already`);
}
