import type { AgentMessage } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import {
  TARGETS_LENGTH_MAX,
  TARGETS_MAX,
  TARGETS_OF_MESSAGE_MAX,
} from "../../shared/wire/target-limits.ts";
import type { TargetBook } from "../model/target-book.ts";
import { notesMessage, type TargetMessage, targetMessage } from "./target-message.ts";

/** Changes are told at most so often. */
const PAUSE_MS = 2000;
/** Of the texts in one message, about. */
const MESSAGE_LENGTH_MAX = 256 * 1024;

/** What was told of a target. `length`: of its texts. */
type Told = { readonly version: number; readonly length: number };

/** What a session says of the agent's targets: all of them at first, and then what has changed. */
export class TargetReports {
  readonly #book: TargetBook;
  readonly #told = new Map<number, Told>();
  #toldNotes = "";
  #toldChanges: number | null = null;
  #toldAtMs = 0;

  constructor(book: TargetBook) {
    this.#book = book;
  }

  /** The messages that are due. @param nowMs monotonic */
  due(nowMs: number): AgentMessage[] {
    const { changes, lists } = this.#book;
    const isFirst = this.#toldChanges === null;
    if (changes === this.#toldChanges || (!isFirst && nowMs - this.#toldAtMs < PAUSE_MS)) return [];
    this.#toldChanges = changes;
    this.#toldAtMs = nowMs;
    const { changed, gone, leftOut } = this.#look();
    const notes = notesMessage(lists, leftOut);
    const text = JSON.stringify(notes);
    const isNew = text !== this.#toldNotes;
    this.#toldNotes = text;
    if (!isFirst && !isNew && changed.length + gone.length === 0) return [];
    // What is gone goes first, so that there is room for the others.
    const first = { isFirst, gone, notes: isNew ? notes : null };
    return inParts(changed).map((part, index) => {
      const target = part.map((one) => one.target);
      return { targets: index === 0 ? { ...first, target } : { target } };
    });
  }

  #look() {
    const changed: TargetMessage[] = [];
    const ids = new Set<number>();
    let length = 0;
    let leftOut = 0;
    for (const list of this.#book.lists) {
      for (const entry of list.entries) {
        const told = this.#told.get(entry.id);
        const message = told?.version === entry.version ? null : targetMessage(entry, list.own);
        const ownLength = message?.length ?? told?.length ?? 0;
        if (ids.size === TARGETS_MAX || length + ownLength > TARGETS_LENGTH_MAX) {
          leftOut += 1;
          continue;
        }
        length += ownLength;
        ids.add(entry.id);
        if (message === null) continue;
        changed.push(message);
        this.#told.set(entry.id, { version: entry.version, length: ownLength });
      }
    }
    const gone = [...this.#told.keys()].filter((id) => !ids.has(id));
    for (const id of gone) this.#told.delete(id);
    return { changed, gone, leftOut };
  }
}

/** At least one, which may be empty. */
function inParts(messages: readonly TargetMessage[]): TargetMessage[][] {
  let part: TargetMessage[] = [];
  const parts = [part];
  let length = 0;
  for (const message of messages) {
    length += message.length;
    if (part.length === TARGETS_OF_MESSAGE_MAX || length > MESSAGE_LENGTH_MAX) {
      part = [];
      parts.push(part);
      length = message.length;
    }
    part.push(message);
  }
  return parts;
}
