import { crc32 } from "node:zlib";
import type { AgentMessage } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { SeededRandom } from "../support/random.ts";
import type { Session } from "./session.ts";

const NUMBERS = [
  0,
  1,
  -1,
  127,
  2 ** 31 - 1,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 52,
  Number.MAX_SAFE_INTEGER,
];
const TEXTS = [
  "",
  "\u0000",
  "a".repeat(300),
  "é".repeat(200),
  "\u202e",
  "{}",
  "../../x",
  "__name__",
];

/** Messages are left out, doubled, exchanged; then one of them is changed inside. */
export function mutatedSession(session: Session, random: SeededRandom): AgentMessage[] {
  const messages = session.map((message) => structuredClone(message));
  for (let steps = random.int(0, 2); steps > 0 && messages.length > 0; steps -= 1) {
    const at = random.int(0, messages.length - 1);
    const other = structuredClone(messages[random.int(0, messages.length - 1)] ?? {});
    random.pick([
      () => messages.splice(at, 1),
      () => messages.splice(at, 0, other),
      () => messages.splice(at, 1, other),
    ])();
  }
  const target = messages[random.int(0, Math.max(0, messages.length - 1))];
  for (let steps = random.int(0, 3); steps > 0 && target !== undefined; steps -= 1) {
    mutateField(target, random);
  }
  return messages;
}

/** Changes one value somewhere in a message, of its own kind. */
function mutateField(message: object, random: SeededRandom): void {
  let place: Record<string, unknown> = message as Record<string, unknown>;
  for (;;) {
    const names = Object.keys(place);
    if (names.length === 0) return;
    const name = random.pick(names);
    const value = place[name];
    if (typeof value === "number") place[name] = random.pick(NUMBERS);
    else if (typeof value === "string") place[name] = random.pick(TEXTS);
    else if (value instanceof Uint8Array) place[name] = mutatedFrame(value, random);
    else if (Array.isArray(value) && random.chance(0.2))
      value.splice(0, value.length, ...resized(value, random));
    else if (typeof value === "object" && value !== null) {
      place = value as Record<string, unknown>;
      continue;
    }
    return;
  }
}

function resized(list: readonly unknown[], random: SeededRandom): unknown[] {
  return random.chance(0.5) ? list.slice(0, list.length >> 1) : [...list, ...list, ...list];
}

/** Half of them with a checksum that is right, so that what is inside is read. */
function mutatedFrame(frame: Uint8Array, random: SeededRandom): Uint8Array {
  const body = mutatedBytes(frame.subarray(0, -4), random);
  if (random.chance(0.5)) return Buffer.concat([body, frame.subarray(-4)]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(body));
  return Buffer.concat([body, sum]);
}

/** Bits are turned, bytes cut out, doubled, overwritten; varints run on. */
export function mutatedBytes(original: Uint8Array, random: SeededRandom): Buffer {
  let bytes = Buffer.from(original);
  for (let steps = random.int(1, 4); steps > 0; steps -= 1) {
    const at = random.int(0, Math.max(0, bytes.length - 1));
    const length = random.int(1, 16);
    const [head, rest] = [bytes.subarray(0, at), bytes.subarray(at)];
    const noise = Buffer.from(Array.from({ length }, () => random.int(0, 255)));
    const middle = random.pick<readonly Uint8Array[]>([
      [Buffer.from([(rest[0] ?? 0) ^ (1 << random.int(0, 7))]), rest.subarray(1)],
      [rest.subarray(length)],
      [rest.subarray(0, length), rest],
      [noise, rest.subarray(length)],
      [Buffer.alloc(length, 0xff), rest],
      [],
    ]);
    bytes = Buffer.concat([head, ...middle]);
  }
  return bytes;
}
