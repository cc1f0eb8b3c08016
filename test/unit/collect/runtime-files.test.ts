import { expect, test } from "vitest";
import { dataRootOf } from "../../../agent/containers/runtime-files.ts";

test.each<[words: readonly string[], root: string]>([
  [["/usr/bin/dockerd", "--data-root", "/srv/docker"], "/srv/docker"],
  [["dockerd", "-H", "fd://", "--data-root=/srv/docker"], "/srv/docker"],
  [["dockerd", "-g", "/srv/docker"], "/srv/docker"],
  [["dockerd", "--graph=/srv/docker"], "/srv/docker"],
  [["dockerd", "--data-root"], ""],
  [["dockerd", "-H", "fd://"], ""],
  [["/tmp/not-dockerd", "--data-root=/etc"], ""],
  [[], ""],
])("%j keeps its own in %j", (words, root) => {
  expect(dataRootOf(words)).toBe(root);
});
