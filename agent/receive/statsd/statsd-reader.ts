import type { LeftOutReason } from "../pushed-sender.ts";
import type { Accumulation } from "./accumulation.ts";
import { Metric } from "./metric.ts";
import { FORM_BYTES_MAX, type LineFault, parseForm } from "./statsd-line.ts";

/** Where the values of lines of one form go. */
type Known = { readonly metric: Metric; readonly weight: number };

/** What was not taken: a line's fault, or why there is no series for it. */
export type Fault = LineFault | LeftOutReason;

/** Forms that are remembered, and their text together; then all are forgotten. */
const FORMS_MAX = 50_000;
const FORMS_BYTES_MAX = 8 * 1024 ** 2;

const CARRIAGE_RETURN = 13;
/** A value and its type, without tags. */
const SAMPLE = /^[^|#]+\|(c|g|ms|h|d|s)(\|[^#]*)?$/;

/** Reads datagrams into an accumulation. */
export class StatsdReader {
  readonly #accumulation: Accumulation;
  readonly #monotonicMs: () => number;
  /** By a line without its values. */
  readonly #forms = new Map<string, Known>();
  #formsBytes = 0;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  /** Values that were taken; those that were not, by why. */
  taken = 0;
  readonly refused = new Map<Fault, number>();
  /** DogStatsD's events and service checks, which are no samples. */
  readonly others = { event: 0, service_check: 0 };

  constructor(accumulation: Accumulation, monotonicMs: () => number) {
    this.#accumulation = accumulation;
    this.#monotonicMs = monotonicMs;
  }

  /** A datagram: lines, of which the last one may have no end; some clients end them as DOS does. */
  read(datagram: Buffer): void {
    const text = datagram.toString("latin1");
    let start = 0;
    while (start < text.length) {
      const newline = text.indexOf("\n", start);
      const behind = newline < 0 ? text.length : newline;
      const end = text.charCodeAt(behind - 1) === CARRIAGE_RETURN ? behind - 1 : behind;
      if (end > start) this.#line(text.slice(start, end));
      start = behind + 1;
    }
  }

  refuse(fault: Fault, count = 1): void {
    this.refused.set(fault, (this.refused.get(fault) ?? 0) + count);
  }

  #line(line: string): void {
    const colon = line.indexOf(":");
    const bar = line.indexOf("|", colon + 1);
    const known =
      colon > 0 && bar > 0 ? this.#forms.get(line.slice(0, colon) + line.slice(bar)) : undefined;
    if (known !== undefined && !known.metric.isEnded) {
      this.#take(known, line.slice(colon + 1, bar));
      return;
    }
    const fault = this.#newLine(line, colon, bar);
    if (fault !== null) this.refuse(fault);
  }

  #newLine(line: string, colon: number, bar: number): Fault | null {
    if (line.startsWith("_e{")) return this.#other("event");
    if (line.startsWith("_sc|")) return this.#other("service_check");
    if (colon <= 0 || bar < 0) return "form";
    const key = line.slice(0, colon) + line.slice(bar);
    if (key.length > FORM_BYTES_MAX) return "too_long";
    const found = this.#find(line.slice(0, colon), line.slice(bar + 1));
    if (typeof found !== "string") {
      this.#remember(key, found);
      this.#take(found, line.slice(colon + 1, bar));
      return null;
    }
    const samples = line.slice(colon + 1).split(":");
    if (!samples.every((sample) => SAMPLE.test(sample)) || samples.length === 1) return found;
    // Several of one name, as etsy's server takes them: `name:1|c:2|g`.
    for (const sample of samples) this.#line(`${line.slice(0, colon)}:${sample}`);
    return null;
  }

  #other(type: "event" | "service_check"): null {
    this.others[type] += 1;
    return null;
  }

  #find(subject: string, rest: string): Known | Fault {
    try {
      const form = parseForm(this.#decoded(subject), this.#decoded(rest));
      if (typeof form === "string") return form;
      const metric = this.#accumulation.find(form, this.#monotonicMs());
      return metric instanceof Metric ? { metric, weight: form.weight } : metric;
    } catch (error) {
      if (error instanceof TypeError) return "encoding";
      throw error;
    }
  }

  /** @throws TypeError when it is not UTF-8 */
  #decoded(latin1: string): string {
    return this.#decoder.decode(Buffer.from(latin1, "latin1"));
  }

  #take({ metric, weight }: Known, text: string): void {
    // A member of a set may have a colon.
    const isOne = metric.kind === "set" || !text.includes(":");
    if (isOne) this.#takeOne(metric, text, weight);
    else for (const value of text.split(":")) this.#takeOne(metric, value, weight);
  }

  #takeOne(metric: Metric, value: string, weight: number): void {
    const fault = metric.take(value, weight);
    if (fault === null) this.taken += 1;
    else this.refuse(fault);
  }

  #remember(key: string, known: Known): void {
    if (this.#forms.size >= FORMS_MAX || this.#formsBytes + key.length > FORMS_BYTES_MAX) {
      this.#forms.clear();
      this.#formsBytes = 0;
    }
    if (!this.#forms.has(key)) this.#formsBytes += key.length;
    this.#forms.set(key, known);
  }
}
