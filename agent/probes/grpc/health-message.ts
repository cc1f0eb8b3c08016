/** The two messages of grpc.health.v1, as gRPC frames them. Source: grpc/health/v1/health.proto. */

/** By the number of ServingStatus. */
export const STATES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;

const FRAME_BYTES = 5;
/** Of field 1: a text, a number. */
const SERVICE_TAG = 0x0a;
const STATUS_TAG = 0x08;
const SERVICE_BYTES_MAX = 16_383;

/** HealthCheckRequest; for "" it is empty, and asks for the server as a whole. */
export function checkRequest(service: string): Buffer {
  const text = Buffer.from(service).subarray(0, SERVICE_BYTES_MAX);
  const length =
    text.length < 128 ? [text.length] : [(text.length & 0x7f) | 0x80, text.length >> 7];
  const message =
    text.length === 0
      ? Buffer.alloc(0)
      : Buffer.concat([Buffer.from([SERVICE_TAG, ...length]), text]);
  const frame = Buffer.alloc(FRAME_BYTES);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

/** The state that a HealthCheckResponse says; null where it is none. */
export function stateOf(answer: Buffer): (typeof STATES)[number] | null {
  if (answer.length < FRAME_BYTES || answer[0] !== 0) return null;
  const message = answer.subarray(FRAME_BYTES, FRAME_BYTES + answer.readUInt32BE(1));
  if (message.length === 0) return STATES[0];
  return message[0] === STATUS_TAG ? (STATES[message[1] ?? -1] ?? null) : null;
}
