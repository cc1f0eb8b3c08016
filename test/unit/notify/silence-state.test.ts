import { describe, expect, test } from "vitest";
import type { PostedSilence, Silence } from "../../../aggregator/model/silence.ts";
import { silenceState } from "../../../aggregator/model/silence.ts";
import { endSilence, setSilence } from "../../../aggregator/notify/silence-state.ts";
import type { Matcher, MatchType } from "../../../shared/model/columns.ts";

const NOW_MS = 1_000_000;
const MATCHERS: readonly Matcher[] = [{ name: "alertname", type: "=", value: "Full" }];

function posted(fields: Partial<PostedSilence> = {}): PostedSilence {
  const times = { startsAtMs: NOW_MS, endsAtMs: NOW_MS + 60_000 };
  return { id: null, matchers: MATCHERS, ...times, createdBy: "me", comment: "why", ...fields };
}

function known(startsAtMs: number, endsAtMs: number): Silence {
  return { ...posted({ startsAtMs, endsAtMs }), id: "old", updatedAtMs: 0 };
}

const ACTIVE = known(NOW_MS - 500, NOW_MS + 60_000);
const PENDING = known(NOW_MS + 10_000, NOW_MS + 60_000);
const EXPIRED = known(NOW_MS - 60_000, NOW_MS);

const set = (before: Silence | null, fields: Partial<PostedSilence> = {}) =>
  setSilence(before, posted({ id: before?.id ?? null, ...fields }), NOW_MS, () => "new");

test.each([
  [99, "pending"],
  [100, "active"],
  [199, "active"],
  [200, "expired"],
])("at %i a silence of 100 to 200 is %s", (nowMs, state) => {
  expect(silenceState({ startsAtMs: 100, endsAtMs: 200 }, nowMs)).toBe(state);
});

describe("a new silence", () => {
  test("has an id, and does not begin before it was made", () => {
    const { set: made, ended } = set(null, { startsAtMs: 5 });
    expect(made).toEqual({ ...posted(), id: "new", startsAtMs: NOW_MS, updatedAtMs: NOW_MS });
    expect(ended).toBeNull();
  });

  test("may begin later", () => {
    const startsAtMs = NOW_MS + 1000;
    expect(set(null, { startsAtMs }).set.startsAtMs).toBe(startsAtMs);
  });

  test("of an id that nobody knows is refused", () => {
    expect(() => setSilence(null, posted({ id: "x" }), NOW_MS, () => "new")).toThrow(
      expect.objectContaining({ code: "NOT_FOUND" }),
    );
  });
});

describe("a silence changes in place", () => {
  test("when it is active and its end or its comment are others", () => {
    const endsAtMs = NOW_MS + 5;
    const change = set(ACTIVE, { startsAtMs: ACTIVE.startsAtMs, endsAtMs, comment: "else" });
    expect(change).toEqual({
      set: { ...ACTIVE, endsAtMs, comment: "else", updatedAtMs: NOW_MS },
      ended: null,
    });
  });

  test("when a client gives back its start in whole seconds", () => {
    const startsAtMs = Math.floor(ACTIVE.startsAtMs / 1000) * 1000;
    expect(startsAtMs).not.toBe(ACTIVE.startsAtMs);
    const { set: changed } = set(ACTIVE, { startsAtMs });
    expect(changed).toMatchObject({ id: "old", startsAtMs: ACTIVE.startsAtMs });
  });

  test("when it is pending and begins at another time that is not past", () => {
    const { set: changed, ended } = set(PENDING, { startsAtMs: NOW_MS });
    expect([changed.id, changed.startsAtMs, ended]).toEqual(["old", NOW_MS, null]);
  });
});

describe("the old silence ends and a new one is made", () => {
  const OTHER: readonly Matcher[] = [{ name: "alertname", type: "=", value: "Other" }];

  test.each<[string, Silence, Partial<PostedSilence>]>([
    ["with other matchers", ACTIVE, { startsAtMs: ACTIVE.startsAtMs, matchers: OTHER }],
    ["with one matcher more", PENDING, { matchers: [...MATCHERS, ...OTHER] }],
    ["when an active one should have begun at another time", ACTIVE, { startsAtMs: NOW_MS + 3000 }],
    ["when a pending one should have begun already", PENDING, { startsAtMs: NOW_MS - 1 }],
  ])("%s", (_, before, fields) => {
    const { set: made, ended } = set(before, fields);
    expect(made.id).toBe("new");
    expect(made.startsAtMs).toBeGreaterThanOrEqual(NOW_MS);
    expect(ended).toEqual({
      ...before,
      startsAtMs: Math.min(before.startsAtMs, NOW_MS),
      endsAtMs: NOW_MS,
      updatedAtMs: NOW_MS,
    });
  });

  test("and one that had ended stays as it was", () => {
    expect(set(EXPIRED)).toMatchObject({ set: { id: "new" }, ended: null });
  });
});

test("a silence that ended cannot end again", () => {
  expect(() => endSilence(EXPIRED, NOW_MS)).toThrow("Silence old has ended already");
});

const matcher = (type: MatchType, value: string, name = "a"): Matcher => ({ name, type, value });

test.each<[string, Partial<PostedSilence>]>([
  ["start time must be before end time", { startsAtMs: NOW_MS + 9, endsAtMs: NOW_MS + 9 }],
  ["end time is in the past", { startsAtMs: NOW_MS - 10, endsAtMs: NOW_MS }],
  ["end time is after the year 9999", { endsAtMs: 253_402_300_800_000 }],
  ["at least one matcher is required", { matchers: [] }],
  ["must not match the empty string", { matchers: [matcher("=", "")] }],
  ["must not match the empty string", { matchers: [matcher("=~", ".*"), matcher("=~", "x|")] }],
  [
    'invalid label matcher 1: invalid label name ""',
    { matchers: [...MATCHERS, matcher("=", "b", "")] },
  ],
  ["invalid label matcher 0: invalid label name", { matchers: [matcher("=", "b", "a\u0000")] }],
  ["invalid label matcher 0: invalid label name", { matchers: [matcher("=", "b", "\ud83d")] }],
  ["invalid label matcher 0: Not a regular expression", { matchers: [matcher("!~", "(")] }],
  ["101 matchers", { matchers: Array.from({ length: 101 }, () => matcher("=", "b")) }],
  ["16385 characters", { comment: "c".repeat(16_385 - "alertnameFullme".length) }],
])("refused: %s", (text, fields) => {
  expect(() => set(null, fields)).toThrow(text);
});

test.each<[string, Partial<PostedSilence>]>([
  [
    "one matcher of several may match the empty string",
    { matchers: [matcher("=", ""), ...MATCHERS] },
  ],
  ["a negative matcher is enough", { matchers: [matcher("!=", "x")] }],
  ["a name may be of any letters", { matchers: [matcher("=", "x", "🙂 Σ")] }],
  ["who and why may be empty", { createdBy: "", comment: "" }],
  ["as many characters as are allowed", { comment: "c".repeat(16_384 - "alertnameFullme".length) }],
])("taken: %s", (_, fields) => {
  expect(set(null, fields).set).toMatchObject(fields);
});
