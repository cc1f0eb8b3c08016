import { OperationalError } from "../../shared/errors.ts";
import type { SeriesDefinition } from "../../shared/model/series-definition.ts";
import type { BatchOperation, KeyValueStore } from "../../shared/platform/ports.ts";
import { ifReadable } from "../queue/entries.ts";
import { decodeRecord, encodeRecord, numbersKey, USER_KEY } from "../queue/records.ts";

/**
 * Series definitions lie in the store of the queue, written along with the first frame that needs
 * them, under "u" epoch:4 id:4, as records [group, scale, ...labels].
 */
export const ALL_DEFINITIONS = { gte: Uint8Array.of(USER_KEY), lt: Uint8Array.of(USER_KEY + 1) };

export function definitionKey(epoch: number, id: number): Uint8Array {
  return numbersKey(USER_KEY, epoch, id);
}

export function definitionPut(epoch: number, definition: SeriesDefinition): BatchOperation {
  const { id, group, scale, labels } = definition;
  const value = encodeRecord([group, scale, ...labels]);
  return { type: "put", key: definitionKey(epoch, id), value };
}

/** @throws OperationalError PARSE when the value is damaged */
function decodeDefinition(id: number, value: Uint8Array): SeriesDefinition {
  const content = decodeRecord<[number, number, ...string[]]>(value, "series definition");
  const [group, scale, ...labels] = content;
  return { id, group, scale, labels };
}

/** Definitions of ids from `fromId` to before `toId`, as far as they are there and whole. */
export async function readDefinitions(
  store: KeyValueStore,
  epoch: number,
  fromId: number,
  toId: number,
): Promise<SeriesDefinition[]> {
  const definitions: SeriesDefinition[] = [];
  const range = { gte: definitionKey(epoch, fromId), lt: definitionKey(epoch, toId) };
  try {
    await ifReadable(async () => {
      for await (const [key, value] of store.entries(range)) {
        const id = fromId + definitions.length;
        if (Buffer.compare(key, definitionKey(epoch, id)) !== 0) return;
        definitions.push(decodeDefinition(id, value));
      }
    });
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== "PARSE") throw error;
  }
  return definitions;
}
