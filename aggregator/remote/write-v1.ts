import type { Labels } from "../../shared/model/labels.ts";
import { WireReader } from "../../shared/wire/wire-reader.ts";
import {
  checkedLabels,
  type MetricMetadata,
  metricType,
  SeriesColumnsWriter,
  type WrittenParts,
} from "./request-parts.ts";

/**
 * Reads prometheus.WriteRequest, of remote write 1.0. The bytes of a series' labels are its key, so that
 * those of a known series are never taken apart.
 * Source: prometheus.io/docs/specs/prw, "remote write 1.0", and prompb/types.proto of Prometheus.
 * @throws OperationalError PARSE, LIMIT
 */
export function readWriteV1(bytes: Uint8Array): WrittenParts {
  const reader = new WireReader(bytes);
  const series = new SeriesColumnsWriter();
  const metadata: MetricMetadata[] = [];
  const dropped = { exemplars: 0, histograms: 0 };
  while (reader.next()) {
    if (reader.field === 1) readSeries(reader, series, dropped);
    else if (reader.field === 3) metadata.push(readMetadata(reader));
    else reader.skip();
  }
  return { request: series.finish(labelsOfKey, bytes.length), metadata, ...dropped };
}

function readSeries(
  reader: WireReader,
  series: SeriesColumnsWriter,
  dropped: { exemplars: number; histograms: number },
): void {
  const outer = reader.enter();
  let [key, from, to] = ["", reader.at, reader.at];
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        if (reader.fieldAt !== to) {
          key += reader.latin1(from, to);
          from = reader.fieldAt;
        }
        reader.skip();
        to = reader.at;
        break;
      case 2:
        series.addSample(reader);
        break;
      default:
        if (reader.field === 3) dropped.exemplars += 1;
        if (reader.field === 4) dropped.histograms += 1;
        reader.skip();
    }
  }
  reader.leave(outer);
  series.endSeries(key + reader.latin1(from, to));
}

/** A key is the fields `labels` of a series, one after the other, a character a byte. */
function labelsOfKey(key: string): Labels {
  const reader = new WireReader(Buffer.from(key, "latin1"));
  const pairs: [string, string][] = [];
  while (reader.next()) {
    const pair: [string, string] = ["", ""];
    const outer = reader.enter();
    while (reader.next()) {
      if (reader.field === 1) pair[0] = reader.text();
      else if (reader.field === 2) pair[1] = reader.text();
      else reader.skip();
    }
    reader.leave(outer);
    pairs.push(pair);
  }
  return checkedLabels(pairs);
}

function readMetadata(reader: WireReader): MetricMetadata {
  const outer = reader.enter();
  const metadata = { name: "", type: metricType(0), help: "", unit: "" };
  while (reader.next()) {
    if (reader.field === 1) metadata.type = metricType(reader.unsigned());
    else if (reader.field === 2) metadata.name = reader.text();
    else if (reader.field === 4) metadata.help = reader.text();
    else if (reader.field === 5) metadata.unit = reader.text();
    else reader.skip();
  }
  reader.leave(outer);
  return metadata;
}
