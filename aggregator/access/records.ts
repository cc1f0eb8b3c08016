import { OperationalError } from "../../shared/errors.ts";
import type { Role } from "../../shared/model/role.ts";
import { del, type KeyValueStore, put } from "../../shared/platform/ports.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";

/** Times are Unix milliseconds; 0 where there is none. Fingerprints and hashes are hex digits. */

export type AuthorityRecord = {
  /** SHA-256 of the certificate. */
  readonly fingerprint: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly createdMs: number;
  readonly notAfterMs: number;
};

/** One certificate of a node. */
export type AgentRecord = {
  /** SHA-256 of the certificate. */
  readonly fingerprint: string;
  readonly node: string;
  /** Fingerprint of the CA that signed it. */
  readonly authority: string;
  readonly issuedMs: number;
  readonly notAfterMs: number;
  readonly revokedMs: number;
  /** When the node first connected with it, and so is known to have it. */
  readonly seenMs: number;
};

export type JoinTokenRecord = {
  /** SHA-256 of the secret. */
  readonly hash: string;
  /** "": for any node that has not joined yet. */
  readonly node: string;
  readonly expiresMs: number;
  readonly usedMs: number;
  readonly usedBy: string;
};

export type UserRecord = {
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token: it is random and long, so that a slow hash would add nothing. */
  readonly hash: string;
  readonly createdMs: number;
};

/** Somebody who is signed in on the page. */
export type SessionRecord = {
  /** SHA-256 of the secret in the cookie. */
  readonly hash: string;
  /** Name of the user. */
  readonly user: string;
  readonly createdMs: number;
  readonly expiresMs: number;
};

type Kinds = {
  readonly authority: AuthorityRecord;
  readonly agent: AgentRecord;
  readonly "join-token": JoinTokenRecord;
  readonly user: UserRecord;
  readonly session: SessionRecord;
};
export type Kind = keyof Kinds;

export type Change<K extends Kind = Kind> = {
  [One in K]: { readonly kind: One; readonly key: string; readonly value: Kinds[One] | null };
}[K];

/** What the aggregator knows of who may speak to it: all of it in memory, every change on the disk. */
export class AccessRecords {
  readonly #store: KeyValueStore;
  readonly #turns = new SerialQueue();
  readonly #maps: { readonly [K in Kind]: Map<string, Kinds[K]> } = {
    authority: new Map(),
    agent: new Map(),
    "join-token": new Map(),
    user: new Map(),
    session: new Map(),
  };

  private constructor(store: KeyValueStore) {
    this.#store = store;
  }

  /** @throws OperationalError STORAGE */
  static async load(store: KeyValueStore): Promise<AccessRecords> {
    const records = new AccessRecords(store);
    for await (const [key, value] of store.entries({})) {
      const name = Buffer.from(key).toString("utf8");
      const [kind = ""] = name.split("/", 1);
      if (!Object.hasOwn(records.#maps, kind)) continue;
      const map = records.#maps[kind as Kind] as Map<string, unknown>;
      map.set(name.slice(kind.length + 1), parsed(kind, value));
    }
    return records;
  }

  of<K extends Kind>(kind: K): ReadonlyMap<string, Kinds[K]> {
    return this.#maps[kind];
  }

  all<K extends Kind>(kind: K): Kinds[K][] {
    return [...this.#maps[kind].values()];
  }

  /**
   * Writes what `decide` returns: all or nothing, and seen by nobody before it is on the disk. One
   * after the other, so that each decides on what those before it left.
   * @throws OperationalError STORAGE, and what `decide` throws
   */
  async change(decide: () => readonly Change[]): Promise<void> {
    await this.#turns.run(() => this.#write(decide()));
  }

  async #write(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    const operations = changes.map(({ kind, key, value }) => {
      const name = Buffer.from(`${kind}/${key}`);
      return value === null ? del(name) : put(name, Buffer.from(JSON.stringify(value)));
    });
    await this.#store.batch(operations, { sync: true });
    for (const { kind, key, value } of changes) {
      const map = this.#maps[kind] as Map<string, unknown>;
      if (value === null) map.delete(key);
      else map.set(key, value);
    }
  }
}

function parsed(kind: string, value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString("utf8"));
  } catch (error) {
    throw new OperationalError("STORAGE", `A record of kind ${kind} is damaged`, { cause: error });
  }
}
