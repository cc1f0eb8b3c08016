import { errorMessage, OperationalError } from "../../../shared/errors.ts";
import { isKnown } from "./chain-state.ts";
import type { Cursor } from "./ports.ts";
import { markOf, type Position, parsePosition, positionCursor, positionKey } from "./position.ts";

/** Of one path: those that were read to the end are kept so that a compressed copy is known. */
const DONE_MAX_OF_PATH = 8;
/** Of all paths; beyond it the oldest that are done are forgotten. */
const POSITIONS_MAX = 20_000;
const SOURCE_PREFIX = "source/";
const HEAD_PREFIX = "head/";

/**
 * Where each file stands, in memory, and what has to be written of it.
 * Invariant: an id is in exactly one path's list, and the lists are sorted by id.
 */
export class Positions {
  readonly #byId = new Map<number, Position>();
  readonly #byPath = new Map<string, Position[]>();
  readonly #byInode = new Map<string, Set<number>>();
  /** The first bytes of each file, by its id. */
  readonly #heads = new Map<number, Buffer>();
  readonly #sources = new Set<string>();
  /** By key; null: to be forgotten. */
  readonly #unwritten = new Map<string, Position | Uint8Array | null>();
  #lastId = 0;

  /** @param onDamage called for each cursor that cannot be read, which is forgotten */
  constructor(cursors: Iterable<Cursor>, onDamage: (error: string) => void) {
    for (const cursor of cursors) {
      if (cursor.key.startsWith(SOURCE_PREFIX)) this.#sources.add(cursor.key);
      if (cursor.key.startsWith(HEAD_PREFIX) && cursor.value !== null) {
        const id = Number(cursor.key.slice(HEAD_PREFIX.length));
        this.#heads.set(id, Buffer.from(cursor.value));
      }
      try {
        const position = parsePosition(cursor);
        if (position === null) continue;
        this.#index(position);
        this.#lastId = Math.max(this.#lastId, position.id);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        onDamage(errorMessage(error));
        this.#unwritten.set(cursor.key, null);
      }
    }
    for (const list of this.#byPath.values()) list.sort((a, b) => a.id - b.id);
    for (const [id, head] of this.#heads) this.#dropUnlessOf(id, head);
  }

  /** When a file was last seen to be written, of all that were read. */
  get newestMtimeMs(): number {
    let newest = 0;
    for (const { mtimeMs } of this.#byId.values()) newest = Math.max(newest, mtimeMs);
    return newest;
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Oldest first. */
  ofPath(path: string): readonly Position[] {
    return this.#byPath.get(path) ?? [];
  }

  atInode(device: number, inode: number): readonly Position[] {
    const ids = this.#byInode.get(inodeKey(device, inode)) ?? [];
    return [...ids].flatMap((id) => this.#byId.get(id) ?? []);
  }

  /** Null: not known. */
  headOf(id: number): Buffer | null {
    return this.#heads.get(id) ?? null;
  }

  /** To be called when it has grown. */
  setHead(id: number, head: Buffer): void {
    const own = Buffer.from(head);
    this.#heads.set(id, own);
    this.#unwritten.set(`${HEAD_PREFIX}${id}`, own);
  }

  set(position: Position): void {
    const before = this.#byId.get(position.id);
    if (before !== undefined) this.#forgetIn(before);
    this.#index(position);
    this.#unwritten.set(positionKey(position.id), position);
    if (position.isDone) this.#forgetOld(position.path);
  }

  forget(position: Position): void {
    this.#forgetIn(position);
    this.#unwritten.set(positionKey(position.id), null);
    if (this.#heads.delete(position.id)) this.#unwritten.set(`${HEAD_PREFIX}${position.id}`, null);
  }

  /** Whether the source was followed before. */
  knowsSource(name: string): boolean {
    return this.#sources.has(SOURCE_PREFIX + name);
  }

  addSource(name: string): void {
    this.#sources.add(SOURCE_PREFIX + name);
    this.#unwritten.set(SOURCE_PREFIX + name, Buffer.from("1"));
  }

  /** What is to be written, with what was set since the last call. */
  takeUnwritten(): readonly Cursor[] {
    const cursors = [...this.#unwritten].map(([key, value]) =>
      value === null || value instanceof Uint8Array ? { key, value } : positionCursor(value),
    );
    this.#unwritten.clear();
    return cursors;
  }

  get hasUnwritten(): boolean {
    return this.#unwritten.size > 0;
  }

  /** One that is damaged, or of no position. */
  #dropUnlessOf(id: number, head: Buffer): void {
    const position = this.#byId.get(id);
    const isOf = position !== undefined && markOf(head, 0).hash === position.head.hash;
    if (isOf) return;
    this.#heads.delete(id);
    this.#unwritten.set(`${HEAD_PREFIX}${id}`, null);
  }

  #index(position: Position): void {
    this.#byId.set(position.id, position);
    const list = this.#byPath.get(position.path) ?? [];
    const after = list.findIndex(({ id }) => id > position.id);
    list.splice(after < 0 ? list.length : after, 0, position);
    this.#byPath.set(position.path, list);
    const key = inodeKey(position.device, position.inode);
    const ids = this.#byInode.get(key) ?? new Set();
    this.#byInode.set(key, ids.add(position.id));
  }

  #forgetIn(position: Position): void {
    this.#byId.delete(position.id);
    const list = this.ofPath(position.path).filter(({ id }) => id !== position.id);
    if (list.length > 0) this.#byPath.set(position.path, list);
    else this.#byPath.delete(position.path);
    const key = inodeKey(position.device, position.inode);
    const ids = this.#byInode.get(key);
    ids?.delete(position.id);
    if (ids?.size === 0) this.#byInode.delete(key);
  }

  #forgetOld(path: string): void {
    const done = this.ofPath(path).filter(({ isDone }) => isDone);
    for (const position of done.slice(0, -1)) if (!isKnown(position)) this.forget(position);
    for (const position of done.slice(0, -DONE_MAX_OF_PATH)) this.forget(position);
    if (this.#byId.size <= POSITIONS_MAX) return;
    for (const position of this.#byId.values()) {
      if (!position.isDone) continue;
      this.forget(position);
      return;
    }
  }
}

export function inodeKey(device: number, inode: number): string {
  return `${device}:${inode}`;
}
