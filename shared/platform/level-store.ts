import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import type { ClassicLevel, Iterator } from "classic-level";
import { Level } from "level";
import { OperationalError, systemCode } from "../errors.ts";
import { SerialQueue } from "../time/serial-queue.ts";
import { inDirectory, storageError } from "./level-errors.ts";
import {
  countStart,
  DEATHS_MAX,
  endsLikeTable,
  forgetStarts,
  ownFiles,
  quarantine,
  requireUnlocked,
  salvageTables,
  tablesOf,
} from "./level-files.ts";
import { isTableWhole } from "./level-table.ts";
import type { BatchOperation, Entry, EntryRange, KeyRange, KeyValueStore } from "./ports.ts";

/** What LevelDB may use. Small: an agent has to live in some tens of megabytes. */
export type LevelLimits = {
  /** Bytes of blocks kept in memory. */
  readonly cacheBytes: number;
  /** Bytes written before they become a table file. */
  readonly writeBufferBytes: number;
  /** Whether blocks of tables are compressed with Snappy: for stores with many texts. */
  readonly compresses?: boolean;
};

type Database = ClassicLevel<Uint8Array, Uint8Array>;
type Entries = Iterator<Database, Uint8Array, Uint8Array>;

/** On Node `level` is classic-level; its own types leave out `repair` and `compactRange`. */
const LevelDb = Level as unknown as typeof ClassicLevel;

/** What was done about a damaged store: LevelDB's own repair, or all of it set aside. */
export type StoreDamage = {
  readonly directory: string;
  readonly outcome: "repaired" | "set aside";
  /** Where the files lie now that could not be used; null when there are none. */
  readonly quarantine: string | null;
};

/**
 * From so many operations on they are handed over one by one: in a list each takes ten times as long.
 * The memory of what was handed over so is free only when garbage is collected.
 */
const CHAINED_MIN = 16;
/** Keys that are deleted in one turn. */
const CLEAR_KEYS = 4096;
/** Free space below which a store whose write failed is not opened anew. */
const FREE_BYTES_MIN = 4 * 1024 ** 2;

/**
 * Tables are read through before LevelDB does when there are no more bytes of them than this, or
 * when the last processes died in a row: a damaged block may be why.
 */
const CHECKED_BYTES_MAX = 8 * 1024 ** 2;

/**
 * Opens a directory as a store, makes it where it is missing, and hands it to `load`. Damage never
 * stops a start: what can still be read is kept, block by block of the tables; files that cannot be
 * used, and if the repaired store cannot be loaded either all of them, are put into a folder in the
 * directory, `quarantine-` and the time. `load` may be called again after a repair.
 * @throws OperationalError IN_USE when another process holds it, STORAGE when it cannot be made
 */
export async function openLevelStore<T>(
  directory: string,
  limits: LevelLimits,
  report: (damage: StoreDamage) => void,
  load: (store: KeyValueStore) => Promise<T>,
): Promise<T> {
  inDirectory(directory, () => mkdirSync(directory, { recursive: true }));
  const deaths = countStart(directory);
  if (!(await isDamaged(directory, limits, deaths))) {
    const result = await tryLoad(directory, limits, load);
    if ("value" in result) return result.value;
  }
  const kept = salvageTables(directory);
  await LevelDb.repair(directory).catch(() => undefined); // the next open tells
  const lost = existsSync(join(directory, "lost")) ? quarantine(directory, ["lost"]) : null;
  report({ directory, outcome: "repaired", quarantine: lost ?? kept });
  const repaired = await tryLoad(directory, limits, load);
  if ("value" in repaired) return repaired.value;
  const aside = quarantine(directory, ownFiles(directory));
  report({ directory, outcome: "set aside", quarantine: aside });
  const fresh = await tryLoad(directory, limits, load);
  if ("value" in fresh) return fresh.value;
  throw fresh.damage;
}

/** @throws OperationalError STORAGE when the directory's disk does not answer */
export async function freeBytes(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch (error) {
    throw storageError(directory, error);
  }
}

/**
 * Whether a file is missing, cut off or changed that LevelDB would only miss when it reads it. A
 * process that runs may be writing a table at this moment: what looks unfinished is looked at again
 * under the lock.
 */
async function isDamaged(directory: string, limits: LevelLimits, deaths: number): Promise<boolean> {
  const names = readdirSync(directory);
  const tables = tablesOf(directory);
  // Opened without the file that says which tables there are, LevelDB would delete them all.
  if (tables.length > 0 && !names.includes("CURRENT")) return true;
  const bytes = tables.reduce((sum, path) => sum + statSync(path).size, 0);
  const isChecked = bytes <= CHECKED_BYTES_MAX || deaths >= DEATHS_MAX;
  const isWhole = (path: string) => !endsLikeTable(path) || isTableWhole(readFileSync(path));
  if (isChecked && !tables.every(isWhole)) {
    requireUnlocked(directory);
    return true;
  }
  if (tables.every(endsLikeTable)) return false;
  const probe = await tryLoad(directory, limits, (store) => store.close());
  return "damage" in probe || !tablesOf(directory).every(endsLikeTable);
}

/** Damage is an outcome, everything else is thrown. */
async function tryLoad<T>(
  directory: string,
  limits: LevelLimits,
  load: (store: KeyValueStore) => Promise<T>,
): Promise<{ readonly value: T } | { readonly damage: OperationalError }> {
  const db: Database = new LevelDb(directory, {
    keyEncoding: "view",
    valueEncoding: "view",
    compression: limits.compresses ?? false,
    cacheSize: limits.cacheBytes,
    writeBufferSize: limits.writeBufferBytes,
    maxOpenFiles: 64,
  });
  try {
    await db.open();
    return { value: await load(new LevelStore(directory, db)) };
  } catch (error) {
    await db.close().catch(() => undefined); // what matters is why it could not be read
    const told = error instanceof OperationalError ? error : storageError(directory, error);
    if (told.code === "STORAGE" && isDamage(told)) return { damage: told };
    throw told;
  }
}

/** Not a full disk or a missing permission: those go by themselves, and a repair makes them worse. */
function isDamage({ cause, message }: OperationalError): boolean {
  return systemCode(cause) === "LEVEL_CORRUPTION" || /No such file or directory/.test(message);
}

/**
 * LevelDB behind the port. After a write that failed, its log may end in half a record that would
 * hide all that follows at the next start: nothing more is written before it was opened anew. A
 * batch whose sync failed may then be there after all, so it is undone: who was told that it failed
 * goes on as if it had never been.
 */
class LevelStore implements KeyValueStore {
  readonly #directory: string;
  readonly #db: Database;
  readonly #writes = new SerialQueue();
  #hasFailed = false;
  /** Keys of the batch that failed. */
  #doubtful: readonly Uint8Array[] = [];
  /** What puts back what was there before it. */
  #undo: readonly BatchOperation[] | null = null;
  #reopening: Promise<void> | null = null;

  constructor(directory: string, db: Database) {
    this.#directory = directory;
    this.#db = db;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    await this.#reopening;
    return await this.#guard(this.#db.get(key));
  }

  async batch(
    operations: readonly BatchOperation[],
    { sync }: { readonly sync: boolean },
  ): Promise<void> {
    await this.#write(operations, async () => {
      if (operations.length < CHAINED_MIN) return await this.#db.batch([...operations], { sync });
      const batch = this.#db.batch();
      for (const operation of operations) {
        if (operation.type === "put") batch.put(operation.key, operation.value);
        else batch.del(operation.key);
      }
      return await batch.write({ sync });
    });
  }

  entries(range: EntryRange): AsyncIterable<Entry> {
    // Made now, not at the first step: the entries are those of the call.
    const isOpen = this.#reopening === null && this.#db.status === "open";
    const iterator = isOpen ? this.#iterator(range) : null;
    return this.#entriesOf(() => iterator ?? this.#iterator(range));
  }

  async clear(range: KeyRange): Promise<void> {
    // In parts, so that a commit need not wait for all of a long range.
    const keys = this.#db.keys({ ...range, fillCache: false });
    try {
      for (;;) {
        const part = await this.#guard(keys.nextv(CLEAR_KEYS));
        const [gte, lte] = [part[0], part.at(-1)];
        if (gte === undefined || lte === undefined) return;
        await this.#write([], () => this.#db.clear({ gte, lte })); // half done it does no harm
      }
    } finally {
      await keys.close();
    }
  }

  async compact(range: { readonly gte: Uint8Array; readonly lt: Uint8Array }): Promise<void> {
    await this.#reopening;
    const compact = () => this.#db.compactRange(range.gte, range.lt, { keyEncoding: "view" });
    await this.#guard(compact());
    // LevelDB leaves the lowest tables as they are, and what was deleted before it was ever in a table
    // lies there, too. Below a table from one end of the range to the other they are written anew.
    const [last] = await this.#guard(this.#db.keys({ ...range, reverse: true, limit: 1 }).all());
    if (last === undefined) return;
    const ends = [range.gte, last].map((key) => Uint8Array.of(...key, 0));
    const known = await this.#guard(this.#db.getMany(ends));
    if (known.some((value) => value !== undefined)) return;
    await this.#write([], () => this.#db.batch(ends.map((key) => ({ type: "del", key }))));
    await this.#guard(compact());
  }

  async close(): Promise<void> {
    await this.#writes.settled();
    await this.#db.close();
    forgetStarts(this.#directory);
  }

  async *#entriesOf(open: () => Entries): AsyncIterable<Entry> {
    await this.#reopening;
    const iterator = open();
    try {
      for (;;) {
        const entries = await this.#guard(iterator.nextv(256));
        if (entries.length === 0) return;
        yield* entries;
      }
    } finally {
      await iterator.close();
    }
  }

  /** @throws OperationalError STORAGE when it is closed */
  #iterator(range: EntryRange) {
    return inDirectory(this.#directory, () => this.#db.iterator({ ...range, fillCache: false }));
  }

  /** One after the other: what lies behind half a record would be lost with it. */
  async #write(operations: readonly BatchOperation[], work: () => Promise<void>): Promise<void> {
    await this.#writes.run(async () => {
      if (this.#hasFailed) {
        this.#reopening = this.#reopen().finally(() => {
          this.#reopening = null;
        });
        await this.#reopening;
      }
      try {
        await this.#guard(work());
      } catch (error) {
        this.#hasFailed = true;
        this.#doubtful = operations.map(({ key }) => key);
        throw error;
      }
    });
  }

  /** Only where there is room: LevelDB writes when it opens, and until then it can still be read. */
  async #reopen(): Promise<void> {
    const bytes = await freeBytes(this.#directory);
    if (bytes < FREE_BYTES_MIN) {
      const message = `${this.#directory}: the disk is full, ${bytes} bytes are left`;
      throw new OperationalError("STORAGE", message);
    }
    const undo = this.#undo ?? (await this.#undoOf(this.#doubtful));
    this.#undo = undo; // once: what is found after the next open may be what failed
    await this.#guard(this.#db.close());
    await this.#guard(this.#db.open());
    if (undo.length > 0) await this.#guard(this.#db.batch([...undo], { sync: true }));
    this.#undo = null;
    this.#hasFailed = false;
  }

  async #undoOf(keys: readonly Uint8Array[]): Promise<BatchOperation[]> {
    const values = await this.#guard(this.#db.getMany([...keys]));
    return keys.map((key, index): BatchOperation => {
      const value = values[index];
      return value === undefined ? { type: "del", key } : { type: "put", key, value };
    });
  }

  async #guard<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw storageError(this.#directory, error);
    }
  }
}
