import { randomBytes } from "node:crypto";
import { OperationalError } from "../../shared/errors.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { Secret } from "../../shared/secret.ts";
import type { Person } from "../model/access.ts";
import { SESSION_LIFE_S } from "../model/session-cookie.ts";
import type { AccessRecords, Change, SessionRecord } from "./records.ts";
import { secretHash } from "./secret-hash.ts";

/** A session for its admin; nothing in it lets anybody in. Times are Unix milliseconds. */
export type ListedSession = {
  readonly id: string;
  readonly user: string;
  readonly createdMs: number;
  readonly expiresMs: number;
};

const SECRET_BYTES = 32;
/** Of one user; beyond it the oldest ends. */
const SESSIONS_MAX = 20;
/** Of the hash, which says nothing of the secret. */
const ID_LENGTH = 12;

type SessionDeps = { readonly clock: Pick<Clock, "nowMs">; readonly logger: Logger };

/** Who is signed in on the page. A session is a secret of its own: it ends, and the user's token stays. */
export class Sessions {
  readonly #records: AccessRecords;
  readonly #deps: SessionDeps;

  constructor(records: AccessRecords, deps: SessionDeps) {
    this.#records = records;
    this.#deps = deps;
  }

  /** @throws OperationalError NOT_FOUND when there is no such user any more, STORAGE */
  async begin(user: string): Promise<Secret> {
    const secret = `tts_${randomBytes(SECRET_BYTES).toString("base64url")}`;
    const hash = secretHash(secret);
    const createdMs = this.#deps.clock.nowMs();
    const value = { hash, user, createdMs, expiresMs: createdMs + SESSION_LIFE_S * 1000 };
    await this.#records.change(() => {
      if (!this.#records.of("user").has(user)) {
        throw new OperationalError("NOT_FOUND", `No user ${JSON.stringify(user)}`);
      }
      const own = this.#of(user).sort((a, b) => b.createdMs - a.createdMs);
      return [...own.slice(SESSIONS_MAX - 1).map(ended), { kind: "session", key: hash, value }];
    });
    this.#deps.logger.info({ user, session: idOf(value) }, "a user signed in");
    return new Secret(secret);
  }

  /** Who is signed in with the secret; null: nobody, or not any more. */
  personOf(secret: Secret): Person | null {
    const session = this.#records.of("session").get(secretHash(secret.reveal()));
    if (session === undefined || this.#deps.clock.nowMs() >= session.expiresMs) return null;
    const user = this.#records.of("user").get(session.user);
    return user === undefined ? null : { name: user.name, role: user.role };
  }

  /** One that is not there has ended already. @throws OperationalError STORAGE */
  async end(secret: Secret): Promise<void> {
    const hash = secretHash(secret.reveal());
    await this.#records.change(() => {
      const session = this.#records.of("session").get(hash);
      return session === undefined ? [] : [ended(session)];
    });
  }

  /** @throws OperationalError NOT_FOUND, STORAGE */
  async endOf(id: string): Promise<void> {
    await this.#records.change(() => {
      const found = this.#records.all("session").filter((one) => idOf(one) === id);
      if (found.length > 0) return found.map(ended);
      throw new OperationalError("NOT_FOUND", `No session ${JSON.stringify(id.slice(0, 100))}`);
    });
    this.#deps.logger.info({ session: id }, "a session was ended");
  }

  /** By user, newest first. */
  list(): ListedSession[] {
    const nowMs = this.#deps.clock.nowMs();
    return this.#records
      .all("session")
      .filter(({ expiresMs }) => nowMs < expiresMs)
      .sort((a, b) => a.user.localeCompare(b.user, "en") || b.createdMs - a.createdMs)
      .map((one) => {
        const { user, createdMs, expiresMs } = one;
        return { id: idOf(one), user, createdMs, expiresMs };
      });
  }

  /** What is to be written where a user goes. */
  endedOf(user: string): Change[] {
    return this.#of(user).map(ended);
  }

  /** What is to be written where time has passed. */
  expired(nowMs: number): Change[] {
    return this.#records
      .all("session")
      .filter(({ expiresMs }) => nowMs >= expiresMs)
      .map(ended);
  }

  #of(user: string): SessionRecord[] {
    return this.#records.all("session").filter((one) => one.user === user);
  }
}

function ended({ hash }: SessionRecord): Change {
  return { kind: "session", key: hash, value: null };
}

function idOf({ hash }: SessionRecord): string {
  return hash.slice(0, ID_LENGTH);
}
