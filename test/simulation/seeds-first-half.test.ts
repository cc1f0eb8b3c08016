import { test } from "vitest";
import { HALF_OF_SEEDS, runHalf } from "./seeds.ts";

test(`${HALF_OF_SEEDS} seeds keep every promise`, () => runHalf(0));
