import { expect, test } from "vitest";
import {
  type AlertState,
  INACTIVE,
  type NoDataPolicy,
  nextAlertState,
  type Presence,
} from "../../../aggregator/rules/alert-state.ts";

const PRESENCES: Record<string, Presence> = { x: "present", ".": "absent", "?": "no-data" };

/** One letter a second: x present, . absent, ? no data → i inactive, p pending, f firing. */
function trace(presence: string, timing: { forS: number; keepS: number; noData?: NoDataPolicy }) {
  let state: AlertState = INACTIVE;
  const { forS, keepS, noData = "keep" } = timing;
  return [...presence]
    .map((letter, second) => {
      const times = { forMs: forS * 1000, keepFiringForMs: keepS * 1000, noData };
      state = nextAlertState(state, PRESENCES[letter] ?? "absent", second * 1000, times);
      const isNoData = state.kind !== "inactive" && state.isNoData;
      return isNoData ? state.kind.slice(0, 1).toUpperCase() : state.kind.slice(0, 1);
    })
    .join("");
}

// A capital letter: the state stands because the data stopped.
test.each<{ presence: string; expected: string } & Parameters<typeof trace>[1]>([
  { presence: "x.xxx", forS: 2, keepS: 0, expected: "pippf" },
  { presence: ".x.x", forS: 0, keepS: 0, expected: "ifif" },
  { presence: "xx..x", forS: 0, keepS: 2, expected: "fffff" },
  { presence: "xx...x", forS: 1, keepS: 2, expected: "pfffip" },
  { presence: "x..x...", forS: 0, keepS: 2, expected: "ffffffi" },
  { presence: "????", forS: 0, keepS: 0, expected: "iiii" },
  { presence: "x???x.", forS: 0, keepS: 0, expected: "fFFFfi" },
  { presence: "x?????.", forS: 0, keepS: 0, expected: "fFFFFFi" },
  { presence: "x??x.", forS: 3, keepS: 0, expected: "pPPfi" },
  { presence: "x????.", forS: 3, keepS: 0, expected: "pPPPPi" },
  { presence: "x.??.", forS: 0, keepS: 4, expected: "ffFFf" },
  { presence: "x.???.", forS: 0, keepS: 4, expected: "ffFFFi" },
  { presence: "x??..", forS: 2, keepS: 0, noData: "fire", expected: "pPFii" },
  { presence: "?x.", forS: 0, keepS: 0, noData: "fire", expected: "Ffi" },
  { presence: "x??x", forS: 0, keepS: 0, noData: "resolve", expected: "fiif" },
  { presence: "xx??", forS: 0, keepS: 2, noData: "resolve", expected: "ffff" },
  { presence: "xx???", forS: 0, keepS: 2, noData: "resolve", expected: "ffffi" },
])("$presence with for $forS s, keep $keepS s and no_data $noData is $expected", (row) => {
  expect(trace(row.presence, row)).toBe(row.expected);
});

test("a firing alert stays firing when the clock steps back", () => {
  const timing = { forMs: 5000, keepFiringForMs: 0, noData: "keep" } as const;
  const firing = {
    kind: "firing",
    activeAtMs: 9000,
    absentSinceMs: null,
    isNoData: false,
  } as const;
  expect(nextAlertState(firing, "present", 1000, timing)).toStrictEqual(firing);
});
