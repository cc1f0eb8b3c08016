import type { Opening } from "./platform.ts";
import { WriteReceiver } from "./remote/write-receiver.ts";
import type { SeriesStore } from "./series/series-store.ts";
import { aggregatorStatus } from "./status.ts";

/** What others write here, and what they ask of the aggregator besides queries. */
export function openRemote({ config, metrics, platform: { clock } }: Opening, series: SeriesStore) {
  const { request_bytes_max: requestBytesMax } = config.remote_write_receiver;
  const remoteWrite = new WriteReceiver({ store: series, metrics }, { requestBytesMax });
  return { remoteWrite, status: aggregatorStatus({ config, series, remoteWrite, clock }) };
}
