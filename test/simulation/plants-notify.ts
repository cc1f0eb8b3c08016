import { AlertTable } from "../../aggregator/notify/alerts.ts";
import { Groups } from "../../aggregator/notify/dispatch/groups-state.ts";
import { Dispatcher } from "../../aggregator/notify/dispatcher.ts";
import { Outbox } from "../../aggregator/notify/outbox.ts";
import type { BatchOperation } from "../../shared/platform/ports.ts";
import { changedStore, inMethod, type Plant } from "./plant.ts";

/** Puts of records whose keys begin with this are left out of the store's batches. */
function withoutPuts(prefix: string): Partial<Plant> {
  const isMeant = (one: BatchOperation) => {
    return one.type === "put" && Buffer.from(one.key).toString("latin1").startsWith(prefix);
  };
  return {
    store: (name, store) => {
      if (name !== "alerts") return store;
      return changedStore(store, {
        batch: (operations, options) =>
          store.batch(
            operations.filter((one) => !isMeant(one)),
            options,
          ),
      });
    },
  };
}

/** Bugs between an alert's change and what the receiver hears of it. */
export const NOTIFY_PLANTS = {
  /** What was sent is not stored: after a restart everything is sent again. */
  "sent-not-stored": withoutPuts("s|"),

  /** An alert that ended is not stored: a restart before its end was told forgets it. */
  "ended-alert-not-stored": withoutPuts("e|"),

  /** A silence that is made is not stored. */
  "silence-not-stored": withoutPuts("x|"),

  /** An acknowledgement is not stored. */
  "acknowledgement-not-stored": withoutPuts("k|"),

  /** An alert that ended leaves its group at once, whether its end was taken or not. */
  "settled-while-waiting": inMethod(Outbox.prototype, "isWaiting", () => false),

  /** An alert that comes into a group which has been flushed is not put into it. */
  "late-alert-left-out": inMethod(Groups.prototype, "insert", (insert, groups, alert, now) => {
    const isKnown = [...groups.all()].some(({ hasFlushed, key, alerts }) => {
      return hasFlushed && !alerts.has(alert.key) && key.includes("alertname");
    });
    if (!isKnown) insert(alert, now);
  }),

  /** A group is flushed once and never again. */
  "flushed-once": inMethod(Groups.prototype, "takeDue", (takeDue, _groups, monotonicMs) => {
    const due = takeDue(monotonicMs);
    for (const group of due) group.dueMs = Number.POSITIVE_INFINITY;
    return due;
  }),

  /** A restart or a reload forgets what ended and was not told yet. */
  "rebuild-forgets-ended": inMethod(
    Dispatcher.prototype,
    "rebuild",
    (rebuild, dispatcher, config, now, notBeforeMs) => {
      for (const [key, { endKind }] of [...dispatcher.known]) {
        if (endKind === "over") dispatcher.known.delete(key);
      }
      rebuild(config, now, notBeforeMs);
    },
  ),

  /** What waits is dropped although the receiver was told what is over now. */
  "end-collapsed-with-its-beginning": inMethod(
    Outbox.prototype,
    "write",
    (write, outbox, changes, queue, entry) => {
      if (entry.firing.length === 0 && queue.waiting.size > 0) {
        outbox.forget(changes, queue, entry.notification.groupKey);
        return;
      }
      write(changes, queue, entry);
    },
  ),

  /** Of the rules that are evaluated together only the first one's alerts are taken. */
  "flush-a-step-late": inMethod(AlertTable.prototype, "write", async (write, _table, all, ms) => {
    await write([], ms);
    const [first, ...others] = all;
    if (others.length > 0 && first !== undefined) await write([first], ms);
    else await write(all, ms);
  }),
} satisfies Record<string, Partial<Plant>>;
