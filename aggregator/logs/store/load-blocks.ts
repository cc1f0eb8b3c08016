import { OperationalError } from "../../../shared/errors.ts";
import type { Labels } from "../../../shared/model/labels.ts";
import { del, type Entry, type KeyValueStore, put } from "../../../shared/platform/ports.ts";
import { readBlockIndex } from "./block-index.ts";
import type { BlockStore } from "./block-store.ts";
import { readHot } from "./hot-block.ts";
import {
  type BlockName,
  damagedKey,
  rangeOf,
  readBlockKey,
  streamOfKey,
  VERSION_KEY,
} from "./keys.ts";
import type { Streams } from "./streams.ts";

const VERSION = 1;

/**
 * Finds all streams and blocks; of packed ones it reads the indexes, of hot ones all of them, for
 * those are few. What is damaged is set aside.
 * @returns the highest number that a block has
 * @throws OperationalError STORAGE, also for a store of another version
 */
export async function loadBlocks(
  store: KeyValueStore,
  streams: Streams,
  blocks: BlockStore,
): Promise<number> {
  await checkVersion(store);
  for await (const entry of store.entries(rangeOf("stream")))
    await loadStream(store, streams, entry);
  const replaced = new Set<number>();
  let lastNumber = 0;
  for (const kind of ["index", "hot"] as const) {
    for await (const entry of store.entries(rangeOf(kind))) {
      const name = readBlockKey(entry[0]);
      lastNumber = Math.max(lastNumber, name.number);
      if (replaced.has(name.number)) {
        await store.batch([del(entry[0])], { sync: false });
      } else {
        const error = addBlock(streams, name, kind === "index", entry[1], replaced);
        if (error !== null) await blocks.setAside(name, kind === "index", error);
      }
    }
  }
  for (const number of replaced) lastNumber = Math.max(lastNumber, number);
  return lastNumber;
}

/** @returns why the block is damaged, if it is */
function addBlock(
  streams: Streams,
  name: BlockName,
  isPacked: boolean,
  value: Uint8Array,
  replaced: Set<number>,
): OperationalError | null {
  try {
    const stream = streams.byRef(name.stream);
    if (stream === undefined) throw new OperationalError("PARSE", "its stream is unknown");
    const { firstUs, lastUs, lineCount, bytes, replaces } = isPacked
      ? readBlockIndex(value)
      : { ...readHot(value), bytes: 0, replaces: [] };
    const size = bytes + value.length;
    stream.blocks.add({ ...name, isPacked, firstUs, lastUs, lineCount, bytes: size });
    for (const number of replaces) replaced.add(number);
    return null;
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
    return error;
  }
}

async function checkVersion(store: KeyValueStore): Promise<void> {
  const version = (await store.get(VERSION_KEY))?.[0];
  if (version === undefined) {
    await store.batch([put(VERSION_KEY, Uint8Array.of(VERSION))], { sync: true });
  } else if (version !== VERSION) {
    throw new OperationalError("STORAGE", `The log store has version ${version}, not ${VERSION}`);
  }
}

/** Its blocks are set aside with it when it cannot be read. */
async function loadStream(store: KeyValueStore, streams: Streams, [key, value]: Entry) {
  const labels = readLabels(value);
  if (labels !== null) streams.add(streamOfKey(key), labels);
  else await store.batch([put(damagedKey(key), value), del(key)], { sync: false });
}

function readLabels(value: Uint8Array): Labels | null {
  try {
    const labels: unknown = JSON.parse(Buffer.from(value).toString());
    const isTexts = Array.isArray(labels) && labels.every((one) => typeof one === "string");
    return isTexts && labels.length % 2 === 0 ? labels : null;
  } catch {
    return null; // not JSON: damaged as any other value that is not labels
  }
}
