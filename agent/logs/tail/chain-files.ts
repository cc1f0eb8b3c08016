import { OperationalError } from "../../../shared/errors.ts";
import type { OpenDeps, OpenFiles } from "./open-files.ts";
import type { FileStatus } from "./ports.ts";
import { inodeKey } from "./positions.ts";
import type { SiblingFile, Siblings, Sighting } from "./siblings.ts";

export type ChainDeps = OpenDeps & { readonly siblings: Siblings };

/** What is there now of the files that a path has and had. */
export class ChainFiles {
  readonly #deps: ChainDeps;
  readonly #path: string;
  readonly #open: OpenFiles;
  /** The file that has the path is read under another one. */
  #alias = "";

  constructor(deps: ChainDeps, path: string, open: OpenFiles) {
    this.#deps = deps;
    this.#path = path;
    this.#open = open;
  }

  isAlias(status: FileStatus | null): boolean {
    if (status === null) return false;
    const key = inodeKey(status.device, status.inode);
    return this.#alias === key && this.#deps.owners.has(key);
  }

  /** What was read of the path, for a file to be compared with. */
  sightings(): Sighting[] {
    return this.#deps.positions.ofPath(this.#path).map((position) => {
      const file = this.#open.byId(position.id);
      if (file === undefined) return { position, head: null };
      return { position: { ...file.sighting(), isDone: position.isDone }, head: file.head };
    });
  }

  /** What has the path, unless another follower reads it. */
  async current(sightings: Sighting[]): Promise<SiblingFile | null> {
    this.#alias = "";
    const status = this.#deps.files.status(this.#path);
    if (status === null || status.kind !== "file") return null;
    const key = inodeKey(status.device, status.inode);
    const owner = this.#deps.owners.get(key);
    if (owner !== undefined && owner !== this.#open) {
      this.#alias = key;
      return null;
    }
    await this.#adopt(status, sightings);
    const file = { ...status, path: this.#path, order: null, isCompressed: false };
    const kinship = await this.#deps.siblings.compare(file, sightings);
    if (kinship === null) throw new OperationalError("UNAVAILABLE", `Cannot open ${this.#path}`);
    return { ...file, kinship };
  }

  /** Changes when any file of the chain gets another name. */
  async namesNow(directory: string, name: string): Promise<string> {
    const status = this.#deps.files.status(this.#path);
    const own = status === null ? "" : inodeKey(status.device, status.inode);
    return `${own} ${await this.#deps.siblings.names(directory, name)}`;
  }

  /** Of what has the path: it is not truncated yet. */
  isBeingCopied(copy: SiblingFile, current: SiblingFile | null): boolean {
    if (copy.isCompressed || copy.size === 0 || current === null) return false;
    return this.#deps.siblings.beginsWith(current, copy);
  }

  /** It was read under another path, and renamed. */
  async #adopt(status: FileStatus, sightings: Sighting[]): Promise<void> {
    const { positions, siblings } = this.#deps;
    const elsewhere = positions
      .atInode(status.device, status.inode)
      .filter(({ path }) => path !== this.#path);
    if (elsewhere.length === 0) return;
    const file = { ...status, path: this.#path, isCompressed: false };
    const others = elsewhere.map((position) => ({ position, head: null }));
    const kinship = await siblings.compare(file, others);
    const found = elsewhere.find(({ id }) => kinship?.get(id) === "same");
    if (found === undefined) return;
    const position = { ...found, id: positions.nextId(), path: this.#path, isDone: false };
    positions.forget(found);
    positions.set(position);
    sightings.push({ position, head: null });
  }
}
