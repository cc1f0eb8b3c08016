import { OperationalError } from "../../shared/errors.ts";
import { type Labels, labelValue, METRIC_NAME } from "../../shared/model/labels.ts";
import { LABELS_MAX } from "../../shared/wire/label-limits.ts";
import { WireReader } from "../../shared/wire/wire-reader.ts";
import {
  checkedLabels,
  type MetricMetadata,
  metricType,
  SeriesColumnsWriter,
  type WrittenParts,
} from "./request-parts.ts";

/** Texts of one request. */
const SYMBOLS_MAX = 1_000_000;
/** A key of version 1 begins with the head of a field. */
const KEY_START = "2";
const SEPARATOR = "\u0000";

/**
 * Reads io.prometheus.write.v2.Request, of remote write 2.0: texts are in a table that comes first, and
 * all else names them by their places.
 * Source: prometheus.io/docs/specs/prw, "remote write 2.0".
 * @throws OperationalError PARSE, LIMIT
 */
export function readWriteV2(bytes: Uint8Array): WrittenParts {
  const reader = new WireReader(bytes);
  const parts = new PartsV2();
  while (reader.next()) {
    if (reader.field === 4) parts.addSymbol(reader.text());
    else if (reader.field === 5) parts.readSeries(reader);
    else reader.skip();
  }
  return parts.finish(bytes.length);
}

class PartsV2 {
  readonly #symbols: string[] = [];
  readonly #series = new SeriesColumnsWriter();
  readonly #metadata: { readonly key: string; readonly type: number; refs: [number, number] }[] =
    [];
  #exemplars = 0;
  #histograms = 0;

  addSymbol(text: string): void {
    if (this.#symbols.length >= SYMBOLS_MAX) {
      throw new OperationalError("LIMIT", `A request has more than ${SYMBOLS_MAX} symbols`);
    }
    this.#symbols.push(text);
  }

  readSeries(reader: WireReader): void {
    const refs: number[] = [];
    let metadata: { type: number; refs: [number, number] } | null = null;
    const outer = reader.enter();
    while (reader.next()) {
      switch (reader.field) {
        case 1:
          reader.uint64s(refs);
          break;
        case 2:
          this.#series.addSample(reader);
          break;
        case 5:
          metadata = readMetadata(reader);
          break;
        default:
          if (reader.field === 3) this.#histograms += 1;
          if (reader.field === 4) this.#exemplars += 1;
          reader.skip();
      }
    }
    reader.leave(outer);
    const key = this.#keyOf(refs);
    this.#series.endSeries(key);
    if (metadata !== null) this.#metadata.push({ key, ...metadata });
  }

  finish(bytes: number): WrittenParts {
    return {
      request: this.#series.finish(labelsOfKey, bytes),
      metadata: this.#metadata.flatMap((one) => this.#metadataOf(one)),
      exemplars: this.#exemplars,
      histograms: this.#histograms,
    };
  }

  #keyOf(refs: readonly number[]): string {
    if (refs.length % 2 !== 0) throw fault("label references are not pairs");
    if (refs.length > LABELS_MAX * 4) throw fault(`${refs.length / 2} labels`);
    let key = KEY_START;
    for (const ref of refs) {
      const symbol = this.#symbols[ref];
      if (symbol === undefined) throw fault(`symbol ${ref} of ${this.#symbols.length}`);
      if (symbol.includes(SEPARATOR)) throw fault("a NUL in a symbol");
      key += SEPARATOR + symbol;
    }
    return key;
  }

  /** None where the sender says nothing, or the labels are none. */
  #metadataOf({
    key,
    type,
    refs,
  }: {
    readonly key: string;
    readonly type: number;
    readonly refs: readonly [number, number];
  }): MetricMetadata[] {
    const name = nameOfKey(key);
    const [help, unit] = refs.map((ref) => this.#symbols[ref]);
    if (help === undefined || unit === undefined) throw fault("metadata of no symbol");
    if (name === "" || (type === 0 && help === "" && unit === "")) return [];
    return [{ name, type: metricType(type), help, unit }];
  }
}

function readMetadata(reader: WireReader): { type: number; refs: [number, number] } {
  const metadata: { type: number; refs: [number, number] } = { type: 0, refs: [0, 0] };
  const outer = reader.enter();
  while (reader.next()) {
    if (reader.field === 1) metadata.type = reader.unsigned();
    else if (reader.field === 3) metadata.refs[0] = reader.unsigned();
    else if (reader.field === 4) metadata.refs[1] = reader.unsigned();
    else reader.skip();
  }
  reader.leave(outer);
  return metadata;
}

function pairsOf(key: string): [string, string][] {
  const texts = key.split(SEPARATOR).slice(1);
  const pairs: [string, string][] = [];
  for (let i = 0; i < texts.length; i += 2) pairs.push([texts[i] ?? "", texts[i + 1] ?? ""]);
  return pairs;
}

function labelsOfKey(key: string): Labels {
  return checkedLabels(pairsOf(key));
}

function nameOfKey(key: string): string {
  return labelValue(pairsOf(key).flat(), METRIC_NAME);
}

function fault(what: string): OperationalError {
  return new OperationalError("PARSE", `Not a remote write 2.0 request: ${what}`);
}
