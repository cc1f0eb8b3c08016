import type { ClockMeasure, DroppedRange } from "../../shared/model/accounts.ts";
import type { VectorSample } from "../../shared/model/columns.ts";
import { labelsOf, METRIC_NAME } from "../../shared/model/labels.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import type { AccountsReport, NodeStatus } from "../model/node.ts";
import {
  accountingOf,
  type NodeAccounts,
  unaccounted,
  withGap,
  withRanges,
  withReport,
} from "./accounts-state.ts";
import type { BookKind, Member } from "./member.ts";

/** Writes what the group is at `timeMs`; what it was before and is not now, ends. */
export type WriteFn = (
  group: string,
  timeMs: number,
  samples: readonly VectorSample[],
) => Promise<void>;

/** What agents report is written this often, and soon after it has changed from right to wrong. */
const EVERY_MS = 10_000;
const NEWS_MS = 1000;
/** Our clock was set back when it is this far before the last write. */
const SET_BACK_MS = 1000;
/** A node whose newest tick is older when it comes has a backlog, and its data is late. */
const LATE_DATA_MS = 10_000;
const GROUP = "nodes";
const JOB = "telltale";
const BOOK_KINDS: readonly BookKind[] = ["frames", "log_blocks"];

/** What agents say of their frames and of their clocks, checked, and written as series. */
export class NodeReports {
  readonly #write: WriteFn;
  readonly #clock: Clock;
  readonly #clockOffsetMaxMs: number;
  #hasNews = false;
  #lastMs = 0; // Unix, of the last write

  constructor(write: WriteFn, clock: Clock, clockOffsetMaxMs: number) {
    this.#write = write;
    this.#clock = clock;
    this.#clockOffsetMaxMs = clockOffsetMaxMs;
  }

  accounted(member: Member, kind: BookKind, report: AccountsReport): void {
    this.#keep(member, kind, withReport(member.books[kind], report, this.#clock.nowMs()));
  }

  droppedRanges(member: Member, kind: BookKind, ranges: readonly DroppedRange[]): void {
    const accounts = member.books[kind];
    this.#keep(member, kind, accounts && withRanges(accounts, ranges));
  }

  /** `count` sequences before `seq` will not come any more. */
  missing(member: Member, kind: BookKind, seq: number, count: number): void {
    const accounts = member.books[kind];
    if (accounts === null || count === 0) return;
    this.#keep(member, kind, withGap(accounts, { fromSeq: seq - count, toSeq: seq - 1 }));
  }

  /** Null: it is not connected any more, and nobody knows. */
  clockMeasured(member: Member, measure: ClockMeasure | null): void {
    if (this.#isOff(member.clock) !== this.#isOff(measure)) this.#hasNews = true;
    if (member.clock === null && measure !== null) this.#hasNews = true;
    member.clock = measure;
  }

  /** A tick of this time of the node's clock is stored now. */
  ticked(member: Member, timeMs: number): void {
    member.latenessMs = this.#clock.nowMs() - timeMs + (member.clock?.aheadMs ?? 0);
  }

  /** How old its newest tick was when it came, where that is a backlog; else 0. */
  latenessMs({ latenessMs }: Member): number {
    return latenessMs > LATE_DATA_MS ? latenessMs : 0;
  }

  status({
    books,
    clock,
  }: Member): Pick<NodeStatus, "accounting" | "logAccounting" | "clockAheadMs" | "isClockOff"> {
    return {
      accounting: books.frames && accountingOf(books.frames),
      logAccounting: books.log_blocks && accountingOf(books.log_blocks),
      clockAheadMs: clock?.aheadMs ?? null,
      isClockOff: this.#isOff(clock),
    };
  }

  /** @throws OperationalError STORAGE */
  async write(members: Iterable<Member>): Promise<void> {
    const stepMs = this.#hasNews ? NEWS_MS : EVERY_MS;
    const timeMs = Math.floor(this.#clock.nowMs() / stepMs) * stepMs;
    if (timeMs <= this.#lastMs && timeMs > this.#lastMs - SET_BACK_MS) return;
    const samples: VectorSample[] = [];
    for (const member of members) addSamples(samples, member);
    if (samples.length === 0 && this.#lastMs === 0) return;
    await this.#write(GROUP, timeMs, samples);
    this.#hasNews = false;
    this.#lastMs = timeMs;
  }

  #isOff(clock: ClockMeasure | null): boolean {
    return clock !== null && Math.abs(clock.aheadMs) > this.#clockOffsetMaxMs;
  }

  /** What decides over later reports is to be saved; mere counts are not. */
  #keep(member: Member, kind: BookKind, accounts: NodeAccounts | null): void {
    const before = member.books[kind];
    member.books[kind] = accounts;
    if (accounts === null || accounts === before) return;
    if (before === null || unaccounted(before) !== unaccounted(accounts)) this.#hasNews = true;
    const isOther =
      before?.streamId !== accounts.streamId ||
      before.offset !== accounts.offset ||
      before.deficit !== accounts.deficit ||
      before.gaps !== accounts.gaps ||
      before.ranges !== accounts.ranges;
    if (isOther) member.isSaved = false;
  }
}

function addSamples(samples: VectorSample[], { name: node, books, clock }: Member): void {
  const add = (name: string, value: number, own: Readonly<Record<string, string>> = {}) => {
    const labels = labelsOf({ [METRIC_NAME]: name, instance: node, job: JOB, ...own });
    samples.push({ labels, value });
  };
  if (clock !== null) add("telltale_node_clock_offset_seconds", clock.aheadMs / 1000);
  for (const kind of BOOK_KINDS) {
    const accounts = books[kind];
    if (accounts === null) continue;
    add(`telltale_node_${kind}_made_total`, accounts.made);
    add(`telltale_node_${kind}_stored_total`, accounts.stored);
    add(`telltale_node_${kind}_waiting`, accounts.waiting);
    for (const { reason, frames } of accounts.dropped) {
      add(`telltale_node_${kind}_dropped_total`, frames, { reason });
    }
    add(`telltale_node_${kind}_unaccounted`, unaccounted(accounts));
  }
}
