import { type Dirent, readdirSync, type Stats, statSync } from "node:fs";
import { systemCode } from "../../../shared/errors.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import {
  type CgroupKind,
  cgroupKind,
  kindIn,
  mayWrapContainer,
  WRAPPED_CONTAINER,
} from "./cgroup-kind.ts";

/** Deeper cgroups than this, and longer paths, are not looked at. */
const DEPTH_MAX = 16;
const PATH_CHARACTERS_MAX = 1024;

export type CgroupNode = {
  /** From the root of its hierarchy: `/system.slice/ssh.service`. */
  readonly path: string;
  readonly directory: string;
  readonly kind: CgroupKind;
  readonly parent: CgroupNode | null;
  readonly depth: number;
  readonly children: Map<string, CgroupNode>;
  /** Has series. Not: a monitor, the scope around a container, a directory inside a unit. */
  isWanted: boolean;
  /** Somebody reads its files every tick and would notice its end. */
  isWatched: boolean;
  /** Processes that it and those below it list, as last counted; ABSENT: unknown. */
  processes: number;
  /** As its directory was when it was last listed. */
  links: number;
  modifiedMs: number;
  /** List it again whatever its directory says. */
  isDirty: boolean;
  isGone: boolean;
};

export type CgroupTreeEvents = {
  found(node: CgroupNode): void;
  lost(node: CgroupNode): void;
};

/**
 * The cgroups of one hierarchy. `scan` finds what is new without walking the tree: the kernel keeps
 * the number of children in a directory's link count, so one stat tells whether to list it again. A
 * count that is the same though one came and one went shows too, because whoever reads the one that
 * went reports it (`markGone`), and what nobody reads is asked for by a stat of its own.
 */
export class CgroupTree {
  readonly #events: CgroupTreeEvents;
  readonly #root: CgroupNode;
  readonly #nodes = new Set<CgroupNode>();
  #scans = 0;

  constructor(directory: string, events: CgroupTreeEvents) {
    this.#events = events;
    this.#root = nodeOf(directory, "", null);
  }

  /** Looks for new cgroups and lost ones; a leaf in every second scan only. */
  scan(): void {
    this.#scans += 1;
    if (this.#nodes.size === 0) this.#add(this.#root);
    let turn = this.#scans;
    for (const node of this.#nodes) {
      turn += 1;
      if (!isLookedAt(node, turn % 2 === 0)) continue;
      const stats = statSync(node.directory, { throwIfNoEntry: false });
      if (stats === undefined) this.#remove(node);
      else if (isChanged(node, stats)) this.#list(node, stats);
    }
  }

  /** To be told by whoever reads the node's files and finds that it is gone. */
  markGone(node: CgroupNode): void {
    if (node.parent !== null) node.parent.isDirty = true;
    this.#remove(node);
  }

  #list(node: CgroupNode, stats: Stats): void {
    const entries = entriesOf(node.directory);
    if (entries === null) {
      this.#remove(node);
      return;
    }
    node.links = stats.nlink;
    node.modifiedMs = stats.mtimeMs;
    node.isDirty = false;
    const names = new Set<string>();
    for (const entry of entries) if (entry.isDirectory()) names.add(entry.name);
    if (mayWrapContainer(node.kind)) this.#unwrap(node, names);
    for (const [name, child] of node.children) if (!names.has(name)) this.#remove(child);
    for (const name of names) {
      if (node.children.has(name) || !isTaken(node, name)) continue;
      const child = nodeOf(node.directory, name, node);
      node.children.set(name, child);
      this.#add(child);
    }
  }

  /** The scope around a container is none itself. */
  #unwrap(scope: CgroupNode, names: ReadonlySet<string>): void {
    const isWanted = !names.has(WRAPPED_CONTAINER);
    if (isWanted === scope.isWanted) return;
    scope.isWanted = isWanted;
    if (isWanted) this.#events.found(scope);
    else this.#events.lost(scope);
  }

  #add(node: CgroupNode): void {
    this.#nodes.add(node);
    // Whether a scope is a container depends on what is in it: #list finds out.
    if (mayWrapContainer(node.kind)) node.isWanted = false;
    else if (node.isWanted) this.#events.found(node);
    node.isDirty = hasChildrenOfInterest(node);
    if (!node.isDirty) return;
    const stats = statSync(node.directory, { throwIfNoEntry: false });
    if (stats === undefined) this.#remove(node);
    else this.#list(node, stats);
  }

  #remove(node: CgroupNode): void {
    if (node.isGone) return;
    node.isGone = true;
    for (const child of node.children.values()) this.#remove(child);
    node.parent?.children.delete(node.path.slice(node.path.lastIndexOf("/") + 1));
    this.#nodes.delete(node);
    if (node.isWanted) this.#events.lost(node);
    // The root does not go; where it cannot be read it is found again when it can.
    if (node.parent === null) Object.assign(node, { isGone: false, isDirty: true });
  }
}

function nodeOf(parentDirectory: string, name: string, parent: CgroupNode | null): CgroupNode {
  const parentPath = parent === null || parent.path === "/" ? "" : parent.path;
  const path = `${parentPath}/${name}`;
  const kind = parent === null ? cgroupKind(name) : kindIn(parent.kind, path);
  return {
    path,
    directory: name === "" ? parentDirectory : `${parentDirectory}/${name}`,
    kind,
    parent,
    depth: parent === null ? 0 : parent.depth + 1,
    children: new Map(),
    isWanted: kind.kind !== "monitor" && !(kind.kind === "group" && isInsideUnit(parent)),
    isWatched: false,
    processes: ABSENT,
    links: -1,
    modifiedMs: -1,
    isDirty: true,
    isGone: false,
  };
}

/** A unit may divide itself (`docker.service/init`): that is its own affair, unless it is a unit. */
function isInsideUnit(parent: CgroupNode | null): boolean {
  for (let node = parent; node !== null; node = node.parent) {
    if (node.kind.kind === "unit") return true;
  }
  return false;
}

function hasChildrenOfInterest(node: CgroupNode): boolean {
  const { kind } = node.kind;
  return kind === "group" || kind === "unit" || mayWrapContainer(node.kind);
}

/** Its `children` are all that is right below it. */
export function isListed({ kind, depth }: CgroupNode): boolean {
  return (kind.kind === "group" || kind.kind === "unit") && depth < DEPTH_MAX;
}

function isTaken(node: CgroupNode, name: string): boolean {
  if (mayWrapContainer(node.kind)) return name === WRAPPED_CONTAINER;
  return node.depth < DEPTH_MAX && node.path.length + name.length < PATH_CHARACTERS_MAX;
}

function isLookedAt(node: CgroupNode, isTurn: boolean): boolean {
  if (node.isDirty || node.children.size > 0) return true;
  // What nobody watches could go without notice: a monitor, a cgroup that was left out.
  if (!node.isWatched || mayWrapContainer(node.kind)) return true;
  return isTurn && hasChildrenOfInterest(node);
}

function isChanged(node: CgroupNode, stats: Stats): boolean {
  if (!hasChildrenOfInterest(node)) return false;
  return node.isDirty || stats.nlink !== node.links || stats.mtimeMs !== node.modifiedMs;
}

function entriesOf(directory: string): Dirent[] | null {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ENODEV" || code === "ENOTDIR") return null;
    throw error;
  }
}
