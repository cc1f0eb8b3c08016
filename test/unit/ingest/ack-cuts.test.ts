import { expect, test } from "vitest";
import { AckCuts } from "../../../aggregator/ingest/ack-cuts.ts";

test("books are compared with what was stored at the ack that they are as of", () => {
  const cuts = new AckCuts({ seq: 10, framesStored: 8 });
  cuts.add({ seq: 12, framesStored: 10 });
  cuts.add({ seq: 11, framesStored: 10 }); // of frames that came a second time
  cuts.add({ seq: 20, framesStored: 15 });
  expect(cuts.storedAt(9)).toBeNull();
  expect(cuts.storedAt(10)).toBe(8);
  expect(cuts.storedAt(19)).toBe(10);
  expect(cuts.storedAt(20)).toBe(15);
  expect(cuts.storedAt(19)).toBeNull(); // forgotten
});

test("acks that books never come for do not gather without end", () => {
  const cuts = new AckCuts({ seq: 0, framesStored: 0 });
  for (let seq = 1; seq <= 5000; seq += 1) cuts.add({ seq, framesStored: seq });
  expect(cuts.storedAt(4700)).toBeNull();
  expect(cuts.storedAt(4800)).toBe(4800);
});
